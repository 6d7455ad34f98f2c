import { parse } from 'csv-parse/sync';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

/** A contact as the CRM's table has it. `rev` rises with every change: it tells versions apart on both sides. */
export interface CrmRow {
  readonly external_id: string;
  readonly email: string;
  readonly phone: string | null;
  readonly first_name: string | null;
  readonly city: string | null;
  readonly country: string | null;
  readonly locale: string | null;
  readonly opt_in: boolean;
  readonly rev: number;
}

const TABLE = `CREATE TABLE contacts (external_id text PRIMARY KEY, email text, phone text, first_name text, city text, country text,
  locale text, opt_in boolean, rev int NOT NULL, updated_at timestamptz NOT NULL)`;
const COLUMNS = 'external_id text, email text, phone text, first_name text, city text, country text, locale text, opt_in boolean, rev int';
const LOCALES = ['en', 'fr', 'de', null] as const;

/** The sample contacts in a table, and the same in memory: what was committed there. */
export class Crm {
  readonly rows = new Map<string, CrmRow>();
  private readonly former = new Map<string, CrmRow[]>();

  constructor(
    private readonly url: () => string,
    private readonly random: () => number,
  ) {}

  /** Makes the table and loads `count` contacts of the sample. */
  async load(count: number): Promise<void> {
    const records = parse<Record<string, string>>(readFileSync(sample()), { columns: true });
    const kept = records.slice(0, count).map((record) => ({ ...rowOf(record), updated_at: record['updated_at'] }));
    await this.connected(async (client) => {
      await client.query(TABLE);
      await client.query('CREATE INDEX ON contacts (updated_at, external_id)');
      await client.query(`INSERT INTO contacts SELECT * FROM jsonb_to_recordset($1) AS r (${COLUMNS}, updated_at timestamptz)`, [JSON.stringify(kept)]);
    });
    for (const { updated_at: _, ...row } of kept) this.rows.set(row.external_id, row);
  }

  /** Changes these contacts in one transaction: every one gets a new `rev`, and some of its fields. */
  async change(keys: readonly string[]): Promise<void> {
    const changed = keys.map((key) => this.changed(this.rows.get(key) as CrmRow));
    await this.connected((client) => client.query(
      `UPDATE contacts c SET email = r.email, phone = r.phone, first_name = r.first_name, city = r.city, country = r.country, locale = r.locale,
         opt_in = r.opt_in, rev = r.rev, updated_at = clock_timestamp()
       FROM jsonb_to_recordset($1) AS r (${COLUMNS}) WHERE c.external_id = r.external_id`,
      [JSON.stringify(changed)],
    ));
    for (const row of changed) {
      this.former.set(row.external_id, this.history(row.external_id));
      this.rows.set(row.external_id, row);
    }
  }

  /** Every version of a contact that was committed, oldest first. */
  history(key: string): CrmRow[] {
    const row = this.rows.get(key);
    return row === undefined ? [] : [...(this.former.get(key) ?? []), row];
  }

  /** `count` different keys at random. */
  pick(count: number): string[] {
    const keys = [...this.rows.keys()];
    const most = Math.min(count, keys.length);
    for (let i = 0; i < most; i++) {
      const j = i + Math.floor(this.random() * (keys.length - i));
      [keys[i], keys[j]] = [keys[j] as string, keys[i] as string];
    }
    return keys.slice(0, most);
  }

  private changed(row: CrmRow): CrmRow {
    const { random } = this;
    const rev = row.rev + 1;
    const what = random();
    if (what < 0.25) return { ...row, rev, opt_in: !row.opt_in };
    if (what < 0.4) return { ...row, rev, city: row.city === null ? `City ${rev}` : null };
    if (what < 0.5) return { ...row, rev, email: `c${row.external_id}.r${rev}@Example.COM` };
    // Mobile and e-mail together never come back to what they were: they tell contacts apart on one of the platforms.
    if (what < 0.6) return { ...row, rev, phone: `697-555-${String(rev).padStart(4, '0')}` };
    if (what < 0.65) return { ...row, rev, phone: null, email: `c${row.external_id}.r${rev}@example.com` };
    if (what < 0.8) return { ...row, rev, locale: LOCALES[Math.floor(random() * LOCALES.length)] ?? null };
    return { ...row, rev, first_name: `Name${rev}` };
  }

  private async connected<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({ connectionString: this.url() });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }
}

function rowOf(record: Record<string, string>): CrmRow {
  const text = (name: string): string | null => (record[name] === undefined || record[name] === '' ? null : record[name]);
  return {
    external_id: record['external_id'] ?? '', email: record['email'] ?? '', phone: text('phone'), first_name: text('first_name'), city: text('city'),
    country: text('country'), locale: text('locale'), opt_in: record['opt_in'] === 'true', rev: 1,
  };
}

/** Beside the project's package.json, from the sources as from the compiled program. */
function sample(): string {
  for (let folder = path.dirname(fileURLToPath(import.meta.url)); ; folder = path.dirname(folder)) {
    const file = path.join(folder, 'data', 'adventureworks-contacts.csv');
    if (existsSync(file)) return file;
    if (folder === path.dirname(folder)) throw new Error('data/adventureworks-contacts.csv is missing: it belongs to the project');
  }
}
