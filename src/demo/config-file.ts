import { writeFileSync } from 'node:fs';
import path from 'node:path';

/** The sync into MailingCore, of which the demo shows most. */
export const SYNC = 'crm-newsletter';
/** The syncs of the same table into D·engage and MainBrainer. */
export const DENGAGE_SYNC = 'crm-loyalty';
export const MAINBRAINER_SYNC = 'crm-sms';
/** Least milliseconds between two bulk calls at the demo's D·engage: its minute, scaled to a second. */
export const DENGAGE_GAP_MS = 1_000;
/** Most contacts one call takes, at any of the three. */
export const BATCH = 1_000;
/** Calls that the demo's MainBrainer takes in ten seconds, polls and log-ins included: the limit of its page. */
export const MAINBRAINER_LIMIT = { calls: 100, perMs: 10_000 } as const;
/** Calls a second the demo's platform takes; it answers 429 above. */
export const CALLS_A_SECOND = 40;
/** Seconds the contacts of a call with an unknown outcome are held. */
export const SETTLE_SECONDS = 2;
/** Differences a locale may have: above the contacts that are spoilt on purpose. */
const TOLERANCE = 50;
/** The same for a verification by sample, where three spoilt contacts may be drawn. */
const SAMPLE_TOLERANCE = 700;
/** The same where contacts are held that changed: all that do. */
const HELD_TOLERANCE = 200;

/** Where each platform is, and how to log in: what its sandbox tells. */
export type Places = { readonly [Name in 'mailingcore' | 'dengage' | 'mainbrainer']: { readonly baseUrl: string; readonly settings: Readonly<Record<string, string>> } };

/** Writes the configuration as a user would, the CRM's address as a secret beside it. @returns the file */
export function writeConfig(directory: string, crmUrl: string, places: Places): string {
  writeFileSync(path.join(directory, 'crm.url'), `${crmUrl}\n`, { mode: 0o600 });
  const file = path.join(directory, 'syncline.yaml');
  writeFileSync(file, textOf(places));
  return file;
}

/** `baseUrl` and the credentials of a platform, as lines of the file. */
const access = ({ baseUrl, settings }: Places[keyof Places]): string =>
  Object.entries({ baseUrl, ...settings }).map(([name, value]) => `    ${name}: ${value}`).join('\n');

const textOf = ({ mailingcore, dengage, mainbrainer }: Places): string => `# The demo's configuration: one CRM table into three platforms (the sandbox).
version: 1

sources:
  crm:
    type: postgres
    url: \${file:crm.url}
    table: public.contacts
    key: external_id
    updatedAt: updated_at
    overlap: 2m
    fields:
      email: email
      phone: phone
      locale: locale
      emailConsent: opt_in
      country: country
      firstName: first_name
      attributes: [city, postal_code, state, country]

destinations:
  newsletter:
    type: mailingcore
    baseUrl: ${mailingcore.baseUrl}
    apiKey: mc_test_demo
    tenantId: demo
    account: demo
    batchSize: ${BATCH}
    limits: {calls: ${CALLS_A_SECOND}, per: 1s, concurrency: 4}
    settleDelay: ${SETTLE_SECONDS}s
  loyalty:
    type: dengage
${access(dengage)}
    account: demo-loyalty
    columns: {city: city, country: country, locale: locale}
    # Its minute takes a second here: one call, and 60 reads.
    limits: {calls: 1, per: ${DENGAGE_GAP_MS}ms, concurrency: 1, read: {calls: 60, per: ${DENGAGE_GAP_MS}ms}}
    settleDelay: ${SETTLE_SECONDS}s
  sms:
    type: mainbrainer
${access(mainbrainer)}
    account: demo-sms
    # Its page recommends 100 and takes 1000.
    batchSize: ${BATCH}
    limits: {calls: ${MAINBRAINER_LIMIT.calls}, per: ${MAINBRAINER_LIMIT.perMs}ms}
    onKeyChange: hold
    properties: {city: city, country: country, locale: locale}
    settleDelay: ${SETTLE_SECONDS}s

syncs:
  ${SYNC}:
    source: crm
    destination: newsletter
    # A few dozen rows are spoilt on purpose; without them the tolerance would be 0.
    verify: {after: run, locales: {en: 1, fr: 1, de: 1, none: 1}, tolerance: ${TOLERANCE}}
  ${DENGAGE_SYNC}:
    source: crm
    destination: loyalty
    # By sample: one of the spoilt contacts in it stands for some two hundred.
    verify: {after: run, locales: {en: 1, fr: 1, de: 1, none: 1}, tolerance: ${SAMPLE_TOLERANCE}, confidence: 0.95, maxError: 0.03}
  ${MAINBRAINER_SYNC}:
    source: crm
    destination: sms
    # By receipts; beside the spoilt ones, some contacts are held in the end because their e-mail or mobile changed.
    verify: {after: run, locales: {en: 1, fr: 1, de: 1, none: 1}, tolerance: ${HELD_TOLERANCE}}
`;
