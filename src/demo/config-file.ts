import { writeFileSync } from 'node:fs';
import path from 'node:path';

/** The one sync of the demo. */
export const SYNC = 'crm-newsletter';
/** Calls a second the demo's platform takes; it answers 429 above. */
export const CALLS_A_SECOND = 40;
/** Seconds the contacts of a call with an unknown outcome are held. */
export const SETTLE_SECONDS = 2;
/** Differences a locale may have: above the contacts that are spoilt on purpose. */
const TOLERANCE = 50;

/** Writes the configuration as a user would, the CRM's address as a secret beside it. @returns the file */
export function writeConfig(directory: string, crmUrl: string, platformUrl: string): string {
  writeFileSync(path.join(directory, 'crm.url'), `${crmUrl}\n`, { mode: 0o600 });
  const file = path.join(directory, 'syncline.yaml');
  writeFileSync(file, textOf(platformUrl));
  return file;
}

const textOf = (platformUrl: string): string => `# The demo's configuration: a CRM table into MailingCore (the sandbox).
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
    baseUrl: ${platformUrl}
    apiKey: mc_test_demo
    tenantId: demo
    account: demo
    batchSize: 1000
    limits: {calls: ${CALLS_A_SECOND}, per: 1s, concurrency: 4}
    settleDelay: ${SETTLE_SECONDS}s

syncs:
  ${SYNC}:
    source: crm
    destination: newsletter
    # A few dozen rows are spoilt on purpose; without them the tolerance would be 0.
    verify: {after: run, locales: {en: 1, fr: 1, de: 1, none: 1}, tolerance: ${TOLERANCE}}
`;
