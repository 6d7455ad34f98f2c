import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { PostgresDestinationConfig } from '../../../src/config/index.js';
import { startProxy, type Strike } from '../../destinations/postgres/proxy.js';
import { createDatabase } from '../../support/runtime.js';
import { BAD } from './rig.js';
import type { Rig } from './rig.js';

const UNTOUCHED = { kind: 'unavailable', httpStatus: null } as const;
const sql = (text: string): object => ({ sql: text });
const way = (strike: Strike): object => ({ strike });

/** Postgres answers no HTTP; what fails before the COMMIT has left is certainly not written. */
const FAULTS: Rig['faults'] = {
  oneBadRow: { settings: sql(`ALTER TABLE people ADD CONSTRAINT spoilt CHECK (external_id <> 'crm-${BAD}')`) },
  unauthenticated: { settings: way({ login: '28P01' }), expected: { kind: 'unauthenticated', httpStatus: 0 } },
  forbidden: { settings: sql('REVOKE INSERT ON people FROM PUBLIC'), expected: { kind: 'misconfigured', httpStatus: 0 } },
  serverError: {
    settings: sql(`CREATE FUNCTION full_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END $$;
      CREATE TRIGGER full_up BEFORE INSERT OR UPDATE ON people EXECUTE FUNCTION full_up()`),
    expected: UNTOUCHED,
  },
  cutBeforeCommit: { settings: way({ commit: 'cutBefore' }) },
  cutAfterCommit: { settings: way({ commit: 'cutAfter' }) },
  drip: { settings: way({ commit: 'drip' }) },
  hang: { settings: way({ commit: 'hang' }) },
  readTrouble: { settings: way({ connections: 1 }) },
};

const TABLE = `DROP TABLE IF EXISTS people; DROP FUNCTION IF EXISTS full_up;
  CREATE TABLE people (external_id text PRIMARY KEY, email text, phone text, locale text, opt_in boolean, first_name text, city text, odd text);
  GRANT SELECT, INSERT, UPDATE, DELETE ON people TO PUBLIC`;

/** A table of the suite's Postgres, written by a role that owns nothing, through a proxy that can lose a COMMIT. */
export async function postgres(): Promise<Rig> {
  const database = await createDatabase();
  const admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  const role = `rig_${randomBytes(6).toString('hex')}`;
  const secret = randomBytes(12).toString('hex');
  await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD '${secret}'; ${TABLE}`);
  const proxy = await startProxy(database.url);
  const url = new URL(proxy.through(database.url));
  url.username = role;
  url.password = secret;
  const config: PostgresDestinationConfig = {
    type: 'postgres',
    name: 'warehouse',
    url: url.href,
    table: 'public.people',
    key: 'external_id',
    columns: {
      email: 'email', phone: 'phone', locale: 'locale', opt_in: 'emailConsent', first_name: 'firstName', city: 'attributes.city', odd: 'attributes.odd "name"',
    },
    batchSize: 1000,
    limits: { calls: 600, per: 60_000, concurrency: 2 },
    timeout: 2000,
    account: 'contract',
    settleDelay: 100,
    linger: 10,
  };
  return {
    config,
    faults: FAULTS,
    secrets: [secret],
    fault: async (settings: { sql?: string; strike?: Strike }) => {
      if (settings.sql !== undefined) await admin.query(settings.sql);
      proxy.strike(settings.strike ?? null);
    },
    held: async (key) => (await admin.query<Record<string, unknown>>({ name: 'held', text: 'SELECT * FROM people WHERE external_id = $1', values: [key] })).rows[0],
    size: async () => (await admin.query<{ n: number }>('SELECT count(*)::int AS n FROM people')).rows[0]?.n ?? -1,
    expected: ({ key, email, phone, locale, emailConsent, firstName, attributes }) => ({
      external_id: key, email, phone, locale, opt_in: emailConsent === 'unknown' ? null : emailConsent === 'granted', first_name: firstName,
      city: attributes?.['city'], odd: attributes?.['odd "name"'],
    }),
    erased: async (key) => (await admin.query('SELECT FROM people WHERE external_id = $1', [key])).rowCount === 0,
    reset: async () => {
      proxy.strike(null);
      await admin.query(TABLE);
    },
    close: async () => {
      await proxy.close();
      await admin.end();
      await database.drop();
      const server = new pg.Client({ connectionString: Object.assign(new URL(database.url), { pathname: '/postgres' }).href });
      await server.connect();
      await server.query(`DROP ROLE ${role}`);
      await server.end();
    },
  };
}
