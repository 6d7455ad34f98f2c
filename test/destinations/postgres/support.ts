import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { PostgresDestinationConfig } from '../../../src/config/index.js';
import type { Contact } from '../../../src/contacts/index.js';
import { createDestination, type Destination, type Outcome, type OutgoingRow } from '../../../src/destinations/index.js';
import { deliver, rowOf } from '../../contract/lane.js';
import { createDatabase } from '../../support/runtime.js';

/** A database with whatever table a test wants, and destinations of it. */
export interface Bench {
  readonly url: string;
  readonly admin: pg.Client;
  /** Rows of a query as objects. */
  rows(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  destination(more?: Partial<PostgresDestinationConfig>): Destination;
  /** A role that may log in and nothing else, as a URL; gone at the end. */
  role(): Promise<{ readonly name: string; readonly url: string }>;
  close(): Promise<void>;
}

export async function createBench(): Promise<Bench> {
  const database = await createDatabase();
  const admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  const made: Destination[] = [];
  const roles: string[] = [];
  return {
    url: database.url,
    admin,
    rows: async (text, values = []) => (await admin.query<Record<string, unknown>>(text, [...values])).rows,
    destination: (more = {}) => {
      const one = createDestination({
        type: 'postgres', name: 'home', url: database.url, table: 'public.people', key: 'id', columns: { email: 'email', name: 'firstName' }, batchSize: 1000,
        limits: { calls: 600, per: 60_000, concurrency: 2 }, timeout: 5000, account: 'bench', settleDelay: 100, linger: 10, ...more,
      }, { wait: () => Promise.resolve() });
      made.push(one);
      return one;
    },
    role: async () => {
      const name = `bench_${randomBytes(6).toString('hex')}`;
      await admin.query(`CREATE ROLE ${name} LOGIN PASSWORD 'hush'`);
      roles.push(name);
      const url = new URL(database.url);
      url.username = name;
      url.password = 'hush';
      return { name, url: url.href };
    },
    close: async () => {
      await Promise.all(made.map((one) => one.close()));
      for (const name of roles) await admin.query(`DROP OWNED BY ${name}; DROP ROLE ${name}`);
      await admin.end();
      await database.drop();
    },
  };
}

/** A call with these contacts, as the lane would make it. */
export function send(destination: Destination, contacts: readonly Contact[], more: Partial<OutgoingRow> = {}, signal = AbortSignal.timeout(5000)): Promise<Outcome> {
  return deliver(destination, contacts.map((one, ord) => rowOf(destination, one, ord, more)), signal);
}
