import { parse } from 'csv-parse/sync';
import { parsePhoneNumberFromString } from 'libphonenumber-js/min';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';

const SAMPLE = fileURLToPath(new URL('../../data/adventureworks-contacts.csv', import.meta.url));

/** A contact as the CRM's table has it. */
export interface SampleRow {
  readonly external_id: string;
  readonly email: string | null;
  readonly phone: string | null;
  readonly first_name: string | null;
  readonly city: string | null;
  readonly country: string | null;
  readonly locale: string | null;
  readonly opt_in: boolean | null;
  readonly sms_opt_in: boolean | null;
}

/** Loads the sample contacts; it has no consent for SMS, so a third each get one, refuse it, and were never asked. */
export async function loadSample(crm: pg.Pool): Promise<number> {
  const records = parse<Record<string, string>>(readFileSync(SAMPLE), { columns: true });
  const rows = records.map((record, index) => ({
    ...Object.fromEntries(Object.entries(record).map(([name, value]) => [name, value === '' ? null : value])),
    sms_opt_in: [true, false, null][index % 3],
  }));
  await crm.query(
    `INSERT INTO contacts (external_id, email, phone, first_name, city, country, locale, opt_in, sms_opt_in, updated_at)
     SELECT * FROM jsonb_to_recordset($1) AS r (external_id text, email text, phone text, first_name text, city text, country text, locale text,
       opt_in boolean, sms_opt_in boolean, updated_at timestamptz)`,
    [JSON.stringify(rows)],
  );
  return rows.length;
}

/** Every contact as D·engage must show it, by key, phones read as American; written apart from the mapping that is tried. */
export async function expectedSample(crm: pg.Pool): Promise<Map<string, Record<string, unknown>>> {
  const { rows } = await crm.query<SampleRow>('SELECT * FROM contacts');
  return new Map(rows.map((row) => [row.external_id, expectedOf(row)]));
}

function expectedOf(row: SampleRow): Record<string, unknown> {
  const number = row.phone === null ? undefined : parsePhoneNumberFromString(row.phone, { defaultCountry: 'US', extract: false });
  return {
    contact_key: row.external_id, contact_status: 'A', email: row.email?.toLowerCase() ?? null, email_permission: row.opt_in === true, email_status: 'A',
    gsm: number?.isPossible() ? number.number : null, gsm_permission: row.sms_opt_in === true, gsm_status: 'A',
    name: row.first_name, surname: null, city: row.city, country: row.country, language: row.locale,
  };
}
