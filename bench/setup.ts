import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type pg from 'pg';
import { PLATFORMS, type PlatformName, type Rate } from './platforms.js';

/** Makes the CRM's table: `count` contacts dated a year ago, one a second, a fifth of them opted out. */
export async function fillCrm(crm: pg.Client, count: number): Promise<void> {
  await crm.query('DROP TABLE IF EXISTS crm_contacts');
  await crm.query(`CREATE TABLE crm_contacts (external_id text NOT NULL, email text, phone text, first_name text, last_name text, city text,
    country text, locale text, opt_in boolean, updated_at timestamptz NOT NULL)`);
  await addContacts(crm, { first: 1, last: count, years: 1, optedOut: 20 });
  await crm.query('ALTER TABLE crm_contacts ADD PRIMARY KEY (external_id)');
  await crm.query('CREATE INDEX ON crm_contacts (updated_at, external_id)');
  await crm.query('VACUUM ANALYZE crm_contacts');
}

/** Contacts number `first` to `last`, dated from `years` ago, one a second; `optedOut` per cent of them opted out. */
export interface Contacts {
  readonly first: number;
  readonly last: number;
  readonly years: number;
  readonly optedOut: number;
}

export async function addContacts(crm: pg.Client, { first, last, years, optedOut }: Contacts): Promise<void> {
  await crm.query(
    `INSERT INTO crm_contacts SELECT 'c' || i, 'person' || i || '@example.com', '+1425' || lpad((2000000 + i % 7999999)::text, 7, '0'),
       'First' || i % 1000, 'Last' || i % 5000, 'City ' || i % 300, 'US', (ARRAY['en', 'fr', 'de', 'es'])[1 + i % 4], i % 100 >= $4,
       now() - $3 * interval '1 year' + i * interval '1 second'
     FROM generate_series($1::int, $2::int) i`,
    [first, last, years, optedOut],
  );
}

/** One in a hundred contacts moves to another city, now. */
export async function changeOnePercent(crm: pg.Client): Promise<number> {
  const { rowCount } = await crm.query(`UPDATE crm_contacts SET city = 'Moved ' || now(), updated_at = clock_timestamp() WHERE right(external_id, 2) = '07'`);
  return rowCount ?? 0;
}

/** What a benchmark asks of its destination. */
export interface Destination {
  readonly platform: PlatformName;
  readonly baseUrl: string;
  /** The platform's default where absent. */
  readonly batchSize?: number;
  readonly rate: Rate;
  readonly concurrency: number;
  /** Lines of the destination besides. */
  readonly more?: string;
}

/** Servers of the benchmark's own, and when its sync runs by itself. */
export interface Operated {
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  /** Milliseconds. */
  readonly everyMs: number;
}

/** Writes the configuration of one sync, `bench`, from the CRM's table into `destination`. */
export function writeConfig(directory: string, crmUrl: string, { platform, baseUrl, batchSize, rate, concurrency, more }: Destination, operated?: Operated): void {
  writeFileSync(
    path.join(directory, 'syncline.yaml'),
    `version: 1
${operated === undefined ? '' : `database: {url: "${operated.databaseUrl}"}\ntemporal: {address: "${operated.temporalAddress}"}\n`}sources:
  crm:
    type: postgres
    url: "${crmUrl}"
    table: public.crm_contacts
    key: external_id
    updatedAt: updated_at
    fields: {email: email, phone: phone, locale: locale, emailConsent: opt_in, country: country, firstName: first_name, lastName: last_name, attributes: [city]}
destinations:
  target:
    type: ${platform}
    baseUrl: ${baseUrl}
    ${PLATFORMS[platform].settings}
    limits: {calls: ${rate.calls}, per: ${rate.per}ms, concurrency: ${concurrency}}${batchSize === undefined ? '' : `\n    batchSize: ${batchSize}`}${more === undefined ? '' : `\n    ${more}`}
syncs:
  bench: {source: crm, destination: target${operated === undefined ? '' : `, schedule: {every: ${operated.everyMs}ms}`}}
`,
  );
}
