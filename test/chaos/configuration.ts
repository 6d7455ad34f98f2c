import type { Platform } from './platforms/index.js';

/** The configuration every process works with: short waits, small pages, so that kills fall everywhere. */
export function configurationText(crmUrl: string, witness: string, platforms: readonly Platform[], batchSize: number): string {
  return `version: 1
sources:
  crm:
    type: postgres
    url: "${crmUrl}"
    table: public.contacts
    key: external_id
    updatedAt: updated_at
    pageSize: 500
    fields: {email: email, phone: phone, locale: locale, emailConsent: opt_in, country: country, firstName: first_name, attributes: [external_id, city, rev]}
destinations:
${platforms.map((platform) => destinationText(platform, witness, batchSize)).join('')}syncs:
${platforms.map(({ name, sync }) => `  ${sync}: {source: crm, destination: ${name}, guard: {optIns: 100%, changes: false}}\n`).join('')}`;
}

function destinationText({ name, settings, pace }: Platform, witness: string, asked: number): string {
  const { batchSize, calls, perMs, concurrency } = pace(asked);
  return `  ${name}:
    type: ${name}
    baseUrl: ${witness}/${name}
    ${settings}
    account: acme-${name}
    batchSize: ${batchSize}
    limits: {calls: ${calls}, per: ${perMs}ms, concurrency: ${concurrency}${name === 'dengage' ? ', read: {calls: 20, per: 1s}' : ''}}
    timeout: 5s
    linger: 300ms
`;
}
