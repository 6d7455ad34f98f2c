import { ConfigError, parseConfig } from '../../src/config/index.js';
import type { Config, Mistake } from '../../src/config/index.js';

/** The contract's example, cut to the types there are. */
export const EXAMPLE = `version: 1
database:                      # optional: absent = embedded Postgres under .syncline/
  url: \${SYNCLINE_DATABASE_URL}
temporal:
  address: temporal.internal:7233
  namespace: default
  taskQueue: syncline
  apiKey: \${TEMPORAL_API_KEY}

sources:
  crm:
    type: postgres
    url: \${CRM_DATABASE_URL}
    table: public.contacts     # or query: a SELECT
    key: external_id
    updatedAt: updated_at
    overlap: 2m
    defaultCountry: US
    fields:
      email: email
      phone: phone
      locale: locale
      emailConsent: opt_in
      smsConsent: {column: sms_opt_in, granted: [yes, 1], denied: no}
      consentAt: consent_at
      country: country
      deletedAt: deleted_at
      previousKey: old_id
      firstName: first_name
      lastName: last_name
      attributes: [city, country]
  export:
    type: csv
    path: ./contacts.csv
    key: external_id
    fields:
      email: email
      attributes: {town: city}

destinations:
  newsletter:
    type: mailingcore
    baseUrl: https://api.mailingcore.com
    apiKey: \${MAILINGCORE_API_KEY}
    tenantId: \${MAILINGCORE_TENANT_ID}
    webhookSecret: \${MAILINGCORE_WEBHOOK_SECRET:-}
    matchBy: externalId
    limits: {calls: 300, per: 60s}

syncs:
  crm-newsletter:
    source: crm
    destination: newsletter
    schedule: {every: 5m}
    settleWithin: 5m
    full: {every: 7d}
    filter: {locale: [en, fr, de], country: US}
    onDelete: optOut
    verify: {after: run, locales: {en: 1, fr: 1}, tolerance: 0}
`;

export const ENV = {
  SYNCLINE_DATABASE_URL: 'postgres://app:pg-hush@db/syncline',
  CRM_DATABASE_URL: 'postgres://crm:crm-hush@crm/crm',
  MAILINGCORE_API_KEY: 'mc_live_hush',
  MAILINGCORE_TENANT_ID: 'tenant-1',
  TEMPORAL_API_KEY: 'temporal-hush',
};

/** A small configuration without mistakes, for breaking one line of it. */
export const SMALL = `version: 1
sources:
  crm:
    type: postgres
    url: postgres://crm@localhost/crm
    table: contacts
    key: id
    fields: {email: email}
destinations:
  news:
    type: mailingcore
    apiKey: mc_test_1
    tenantId: t1
syncs:
  s:
    source: crm
    destination: news
`;

export function load(text: string, env: Record<string, string> = {}, file = '/etc/app/syncline.yaml'): Config {
  return parseConfig(text, { file, shown: 'syncline.yaml', env });
}

export function mistakesOf(text: string, env: Record<string, string> = {}, file?: string): readonly Mistake[] {
  try {
    load(text, env, file);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
  return [];
}

/** The file with one line exchanged (from 1), or added after it where `line` ends in `+`. */
export function withLine(text: string, line: number | `${number}+`, replacement: string): string {
  const lines = text.split('\n');
  const added = typeof line === 'string';
  lines.splice(added ? parseInt(line, 10) : line - 1, added ? 0 : 1, replacement);
  return lines.join('\n');
}
