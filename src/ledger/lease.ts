import type { Queryable } from './database.js';

/** Seconds a lease holds without being renewed. */
const LEASE_SECONDS = 10;

/** The right to drive an account's calls; every write of its holder carries the fence. */
export interface Lease {
  readonly accountId: number;
  readonly fence: number;
}

/**
 * Takes the account's lease if it is free or already ours (`owner`).
 * @returns the lease, or how long (ms) the present one still holds
 */
export async function acquireLease(db: Queryable, accountId: number, owner: string): Promise<{ lease: Lease } | { heldMs: number }> {
  const { rows } = await db.query<{ fence: number }>(
    `UPDATE account SET fence = fence + 1, lease_owner = $2, lease_until = clock_timestamp() + make_interval(secs => $3)
     WHERE id = $1 AND (lease_until < clock_timestamp() OR lease_owner = $2) RETURNING fence`,
    [accountId, owner, LEASE_SECONDS],
  );
  if (rows[0]) return { lease: { accountId, fence: rows[0].fence } };
  const held = await db.query<{ ms: number }>(
    'SELECT GREATEST(EXTRACT(EPOCH FROM lease_until - clock_timestamp()) * 1000, 0)::float8 AS ms FROM account WHERE id = $1',
    [accountId],
  );
  return { heldMs: held.rows[0]?.ms ?? 0 };
}

/** Prolongs the lease. @returns false when it is no longer ours */
export async function renewLease(db: Queryable, lease: Lease): Promise<boolean> {
  const result = await db.query(
    `UPDATE account SET lease_until = clock_timestamp() + make_interval(secs => $3) WHERE id = $1 AND fence = $2`,
    [lease.accountId, lease.fence, LEASE_SECONDS],
  );
  return result.rowCount === 1;
}

/** Leases that hold just now. */
export async function heldLeases(db: Queryable): Promise<readonly { readonly account: string; readonly owner: string; readonly lease: Lease }[]> {
  const { rows } = await db.query<{ id: number; account: string; owner: string; fence: number }>(
    'SELECT id, name AS account, lease_owner AS owner, fence FROM account WHERE lease_owner IS NOT NULL AND lease_until > clock_timestamp()',
  );
  return rows.map(({ id, account, owner, fence }) => ({ account, owner, lease: { accountId: id, fence } }));
}

/** Lets go, so that the next driver need not wait. */
export async function releaseLease(db: Queryable, lease: Lease): Promise<void> {
  await db.query(`UPDATE account SET lease_until = '-infinity', lease_owner = NULL WHERE id = $1 AND fence = $2`, [lease.accountId, lease.fence]);
}
