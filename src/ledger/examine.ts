import pg from 'pg';
import { migrationNames } from './migrate.js';
import { heldAccounts, type HeldAccount } from './restored.js';

/** How a ledger stands, for whoever only looks: nothing is migrated. */
export interface LedgerFound {
  /** Of the server: `16.4`. */
  readonly serverVersion: string;
  /** `absent`: the schema is made by the first command that needs it; `ahead`: a newer version of Syncline was here. */
  readonly schema: 'absent' | 'behind' | 'current' | 'ahead';
  /** Migrations still to be applied. */
  readonly pending: number;
  /** Accounts that are held since the ledger was restored from a back-up. */
  readonly held: readonly HeldAccount[];
  /** Rights the role lacks, in words. */
  readonly missingRights: readonly string[];
}

interface Looked {
  readonly version: string;
  readonly role: string;
  readonly schema: boolean;
  readonly creates: boolean;
  readonly uses: boolean | null;
  readonly standby: boolean;
}

/**
 * Looks at the server, the ledger's schema and the role's rights in it.
 * @param ms how long connecting and each question may take
 * @throws the database's own error
 */
export async function examineLedger(databaseUrl: string, ms: number): Promise<LedgerFound> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'syncline-doctor', connectionTimeoutMillis: ms, query_timeout: ms });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<Looked>(`SELECT current_setting('server_version') AS version, current_user::text AS role,
      to_regnamespace('syncline') IS NOT NULL AS schema, has_database_privilege(current_database(), 'CREATE') AS creates,
      has_schema_privilege(to_regnamespace('syncline')::oid, 'USAGE') AS uses,
      pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' AS standby`);
    const looked = rows[0] as Looked;
    const serverVersion = looked.version.split(' ')[0] as string;
    const wanted = migrationNames();
    const readOnly = looked.standby ? ['the server only lets read (a standby, or default_transaction_read_only)'] : [];
    if (!looked.schema) {
      const rights = looked.creates ? [] : [`${looked.role} may not create a schema in this database`];
      return { serverVersion, schema: 'absent', pending: wanted.length, held: [], missingRights: [...readOnly, ...rights] };
    }
    if (looked.uses === false) return { serverVersion, schema: 'current', pending: 0, held: [], missingRights: [...readOnly, `${looked.role} may not use the schema syncline`] };
    const applied = await appliedMigrations(client);
    const pending = wanted.filter((name) => !applied.has(name)).length;
    const ahead = [...applied].some((name) => !wanted.includes(name));
    const missingRights = [...readOnly, ...(await missingOnTables(client, looked.role, pending > 0))];
    const held = pending === 0 && missingRights.length === 0 ? await heldOn(client) : [];
    return { serverVersion, held, schema: ahead ? 'ahead' : pending === 0 ? 'current' : applied.size === 0 ? 'absent' : 'behind', pending, missingRights };
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function heldOn(client: pg.Client): Promise<readonly HeldAccount[]> {
  await client.query('SET search_path TO syncline');
  return heldAccounts(client);
}

async function appliedMigrations(client: pg.Client): Promise<ReadonlySet<string>> {
  const there = await client.query<{ readable: boolean | null }>(`SELECT has_table_privilege(to_regclass('syncline.migration')::oid, 'SELECT') AS readable`);
  // Not there, or not ours to read: the missing right is told by the caller.
  if (there.rows[0]?.readable !== true) return new Set();
  const { rows } = await client.query<{ name: string }>('SELECT name FROM syncline.migration');
  return new Set(rows.map(({ name }) => name));
}

/** A table is changed by a migration only by its owner; its rows by whoever may. */
async function missingOnTables(client: pg.Client, role: string, migrates: boolean): Promise<string[]> {
  const { rows } = await client.query<{ name: string; owned: boolean; served: boolean }>(`SELECT c.relname::text AS name, pg_has_role(c.relowner, 'MEMBER') AS owned,
      has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE') AS served
    FROM pg_class c WHERE c.relnamespace = to_regnamespace('syncline') AND c.relkind IN ('r', 'p') ORDER BY 1`);
  const unserved = rows.filter(({ served }) => !served).map(({ name }) => name);
  const foreign = migrates ? rows.filter(({ owned }) => !owned).map(({ name }) => name) : [];
  return [
    ...(unserved.length === 0 ? [] : [`${role} may not read and write ${listed(unserved)} of the schema syncline`]),
    ...(foreign.length === 0 ? [] : [`${role} does not own ${listed(foreign)}, and so may not bring the schema up to date`]),
  ];
}

function listed(names: readonly string[]): string {
  return names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${String(names.length - 3)} more tables`;
}
