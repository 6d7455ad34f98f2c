import pg from 'pg';
import type { SourceConfig } from '../../../src/config/index.js';
import { createSource } from '../../../src/sources/index.js';
import { createDatabase } from '../../support/runtime.js';
import type { Row, SourceRig } from './rig.js';

/** A table of the suite's Postgres. */
export async function postgres(): Promise<SourceRig> {
  const database = await createDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query('CREATE TABLE contacts (id text PRIMARY KEY, name text, updated_at timestamptz NOT NULL)');
  const config: SourceConfig = {
    type: 'postgres', name: 'crm', url: database.url, table: 'public.contacts', key: 'id', updatedAt: 'updated_at', overlap: 120_000, pageSize: 500, fields: { firstName: 'name' },
  };
  const put = async (rows: readonly Row[]): Promise<void> => {
    await client.query(
      `INSERT INTO contacts SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[])
       ON CONFLICT (id) DO UPDATE SET name = excluded.name, updated_at = excluded.updated_at`,
      [rows.map(({ key }) => key), rows.map(({ name }) => name), rows.map(({ time }) => time)],
    );
  };
  return {
    cases: ['late', 'changing', 'only', 'window', 'unchanged'],
    troubles: [],
    source: () => createSource(config, ['name']),
    config: () => config,
    plant: async (rows) => {
      await client.query('TRUNCATE contacts');
      await put(rows);
    },
    put,
    remove: async (keys) => {
      await client.query('DELETE FROM contacts WHERE id = ANY ($1)', [keys]);
    },
    trouble: () => undefined,
    secrets: [new URL(database.url).password].filter((secret) => secret !== ''),
    close: async () => {
      await client.end();
      await database.drop();
    },
  };
}
