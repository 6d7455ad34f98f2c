/** How the destination is called. */
export interface Pace {
  readonly batchSize: number;
  readonly calls: number;
  readonly perMs: number;
  readonly concurrency: number;
}

/** The configuration every process works with: short waits, small pages, so that kills fall everywhere. */
export function configurationText(crmUrl: string, platform: string, { batchSize, calls, perMs, concurrency }: Pace): string {
  return `version: 1
sources:
  crm:
    type: postgres
    url: "${crmUrl}"
    table: public.contacts
    key: external_id
    updatedAt: updated_at
    pageSize: 500
    fields: {email: email, phone: phone, locale: locale, emailConsent: opt_in, country: country, firstName: first_name, attributes: [city, rev]}
destinations:
  newsletter:
    type: mailingcore
    baseUrl: ${platform}/mailingcore
    apiKey: mc_test_key
    tenantId: tenant-1
    account: acme
    batchSize: ${batchSize}
    limits: {calls: ${calls}, per: ${perMs}ms, concurrency: ${concurrency}}
    timeout: 5s
    settleDelay: 1s
    linger: 300ms
syncs:
  crm-newsletter:
    source: crm
    destination: newsletter
`;
}
