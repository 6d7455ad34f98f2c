import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { ADDED, type Changes, type Spoilt } from './plan.js';

/** A contact as it stands in the demo's CRM. */
export interface CrmRow {
  readonly external_id: string;
  readonly email: string;
  readonly phone: string | null;
  readonly first_name: string | null;
  readonly city: string | null;
  readonly postal_code: string | null;
  readonly state: string | null;
  readonly country: string | null;
  readonly locale: string | null;
  readonly opt_in: boolean;
}

// Nothing keeps a key from being NULL: real tables have such rows too.
const TABLE = `CREATE TABLE contacts (external_id text UNIQUE, email text, phone text, first_name text, city text, postal_code text,
  state text, country text, locale text, opt_in boolean, updated_at timestamptz)`;

/** Makes a database of its own for the CRM on a server. @returns its URL */
export async function createCrm(serverUrl: string): Promise<string> {
  await withClient(serverUrl, (client) => client.query('CREATE DATABASE crm'));
  const url = new URL(serverUrl);
  url.pathname = '/crm';
  return url.href;
}

/** The demo's CRM: a table of contacts. */
export class Crm {
  constructor(private readonly pool: pg.Pool) {}

  static connect(url: string): Crm {
    const pool = new pg.Pool({ connectionString: url, max: 2 });
    pool.on('error', () => undefined);
    return new Crm(pool);
  }

  /** Fills the table from a CSV file with a header row. @returns the keys, in numerical order */
  async load(file: string): Promise<readonly string[]> {
    const client = await this.pool.connect();
    try {
      await client.query(TABLE);
      await pipeline(createReadStream(file), client.query(copyFrom('COPY contacts FROM STDIN (FORMAT csv, HEADER true)')));
      await client.query('CREATE INDEX ON contacts (updated_at, external_id)');
      await client.query('ANALYZE contacts');
      const { rows } = await client.query<{ key: string }>('SELECT external_id AS key FROM contacts ORDER BY external_id::int');
      return rows.map((row) => row.key);
    } finally {
      client.release();
    }
  }

  /** Makes rows unusable as they stand in the CRM: some without a key, some with an impossible e-mail. */
  async spoil({ keyless, addressless }: Spoilt): Promise<void> {
    await this.pool.query('UPDATE contacts SET external_id = NULL WHERE external_id = ANY ($1)', [keyless]);
    await this.pool.query(`UPDATE contacts SET email = replace(email, '@', '.at.') WHERE external_id = ANY ($1)`, [addressless]);
  }

  /** Keys of contacts that are opted in, in numerical order, without those in `but`. */
  async optedIn(but: readonly string[]): Promise<readonly string[]> {
    const { rows } = await this.pool.query<{ key: string }>(
      'SELECT external_id AS key FROM contacts WHERE opt_in AND NOT external_id = ANY ($1) ORDER BY external_id::int',
      [but],
    );
    return rows.map((row) => row.key);
  }

  /** A working day: people move, change names and addresses, opt out, are new. @returns the keys touched */
  async change({ moved, renamed, readdressed, optedOut }: Changes): Promise<readonly string[]> {
    const added = Array.from({ length: ADDED }, (_, i) => `new-${String(i + 1)}`);
    const change = (set: string, keys: readonly string[]): Promise<unknown> =>
      this.pool.query(`UPDATE contacts SET ${set}, updated_at = clock_timestamp() WHERE external_id = ANY ($1)`, [keys]);
    await change(`city = 'Lyon', postal_code = '69001', state = 'Rhone', country = 'FR', locale = 'fr'`, moved);
    await change(`first_name = first_name || '-Marie'`, renamed);
    await change(`email = split_part(email, '@', 1) || '@example.com'`, readdressed);
    await change('opt_in = false', optedOut);
    await this.pool.query(
      `INSERT INTO contacts (external_id, email, first_name, locale, opt_in, updated_at)
       SELECT key, key || '@example.com', 'Newcomer', (ARRAY['en', 'fr', 'de', NULL])[1 + place % 4], true, clock_timestamp()
       FROM unnest($1::text[]) WITH ORDINALITY AS added (key, place)`,
      [added],
    );
    return [...moved, ...renamed, ...readdressed, ...optedOut, ...added];
  }

  /** Contacts that have a key. */
  async rows(): Promise<readonly CrmRow[]> {
    const { rows } = await this.pool.query<CrmRow>(
      `SELECT external_id, email, phone, first_name, city, postal_code, state, country, locale, opt_in FROM contacts
       WHERE external_id IS NOT NULL`,
    );
    return rows;
  }

  close(): Promise<void> {
    return this.pool.end();
  }
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
