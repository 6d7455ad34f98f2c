import { transaction, type Connection, type Pool, type Queryable } from './database.js';

/** How far a ledger had come when somebody looked: its own name, and the fence of an account, which grows with every lease. */
export interface Seen {
  readonly ledger: string;
  readonly fence: number;
}

/** An account and how far it is. */
export interface AccountSeen extends Seen {
  readonly account: string;
}

/** Added to a fence that was found too low: whoever took leases in the time that is lost had one in between. */
const FENCE_STEP = 1_000;
/** Added to the numbers of batches: those of the lost time stand in addresses the platforms still call. */
const BATCH_STEP = 1_000_000;
/** Pace of an account that is not in the configuration. Milliseconds. */
const WINDOW_MS = 60_000;

// The name of a ledger is made with it and restored with it: another ledger, or an empty one, is not taken for an old one.
const SEEN = `SELECT a.name AS account, a.fence, (SELECT left(encode(sha256(pepper), 'hex'), 12) FROM installation) AS ledger FROM account a`;

/** How far every account is, by name. */
export async function accountsSeen(db: Queryable): Promise<readonly AccountSeen[]> {
  const { rows } = await db.query<AccountSeen>(`${SEEN} ORDER BY a.name`);
  return rows;
}

/** How far one account is; undefined: the ledger does not know it. */
export async function accountSeen(db: Queryable, account: string): Promise<AccountSeen | undefined> {
  const { rows } = await db.query<AccountSeen>({ name: 'account-seen', text: `${SEEN} WHERE a.name = $1`, values: [account] });
  return rows[0];
}

export interface RestoredNote {
  /** By account: the highest fence somebody else remembers of this ledger. */
  readonly remembered: ReadonlyMap<string, number>;
  /** By account: the longest window of its pace, in milliseconds. */
  readonly windows: ReadonlyMap<string, number>;
  /** Names of the syncs of the configuration: no other is waited for. */
  readonly configured: readonly string[];
  /** Somebody says so: nothing need be remembered. */
  readonly told?: boolean;
}

/**
 * Notes that the ledger is older than what was sent, where a remembered fence shows it. The whole ledger is old, so all
 * its accounts are held, each until the syncs that feed it have been read again. Who writes under a lease of before is
 * fenced off; calls that were open count as unanswered; the pace waits a whole window, as the calls of the lost time are
 * not known; what people took back at the platforms is asked for anew.
 * @returns false where nothing shows it
 */
export function noteRestored(pool: Pool, note: RestoredNote): Promise<boolean> {
  return transaction(pool, async (connection) => {
    const { rows } = await connection.query<{ name: string; fence: number }>('SELECT name, fence FROM account ORDER BY id FOR UPDATE');
    const behind = rows.some(({ name, fence }) => fence < (note.remembered.get(name) ?? 0));
    if (!behind && note.told !== true) return false;
    await connection.query('UPDATE sync SET retired = true WHERE NOT retired AND NOT (name = ANY($1))', [note.configured]);
    await connection.query('UPDATE sync SET reread_after = (SELECT COALESCE(max(no), 0) FROM run) WHERE NOT retired');
    await connection.query('UPDATE destination SET opt_outs_read_at = NULL');
    await connection.query(
      `UPDATE account a SET fence = GREATEST(a.fence, COALESCE(n.fence, 0)) + ${FENCE_STEP}, lease_owner = NULL, lease_until = '-infinity',
         restored_at = CASE WHEN EXISTS (SELECT 1 FROM sync s JOIN destination d ON d.id = s.destination_id WHERE d.account_id = a.id AND NOT s.retired)
           THEN clock_timestamp() END
       FROM account x LEFT JOIN unnest($1::text[], $2::bigint[]) AS n (name, fence) ON n.name = x.name WHERE x.id = a.id`,
      [[...note.remembered.keys()], [...note.remembered.values()]],
    );
    await connection.query(
      `INSERT INTO pace (account_id, bucket, not_before)
       SELECT a.id, b.name, clock_timestamp() + make_interval(secs => COALESCE(w.ms, ${WINDOW_MS})::float8 / 1000)
       FROM account a CROSS JOIN (VALUES ('main'), ('read')) b (name) LEFT JOIN unnest($1::text[], $2::float8[]) AS w (name, ms) ON w.name = a.name
       ON CONFLICT (account_id, bucket) DO UPDATE SET not_before = GREATEST(pace.not_before, excluded.not_before)`,
      [[...note.windows.keys()], [...note.windows.values()]],
    );
    await connection.query(
      // Without its reference: what it tells today is not the last that was sent to those contacts.
      `UPDATE batch b SET status = 'unknown', outcome = 'unknown', reference = NULL, settle_at = clock_timestamp(), answered_at = COALESCE(b.answered_at, clock_timestamp()),
         message = 'the ledger was restored from a back-up: what became of the call is not in it'
       WHERE b.status IN ('sending', 'accepted', 'unknown')`,
    );
    await connection.query(`SELECT setval(pg_get_serial_sequence('batch', 'id'), (SELECT COALESCE(max(id), 0) FROM batch) + ${BATCH_STEP})`);
    await showHeld(connection);
    return true;
  });
}

/** Says on every held lane what it waits for; one that is paused or blocked goes on saying so. */
async function showHeld(db: Queryable): Promise<void> {
  const { rows } = await db.query<{ id: number }>('SELECT id FROM account WHERE restored_at IS NOT NULL AND NOT (paused OR blocked OR quota)');
  for (const { id } of rows) {
    const { reason, hint } = heldWords(await unreadSyncs(db, id));
    await db.query(`UPDATE account SET state = 'waiting', reason = $2, hint = $3, until = NULL WHERE id = $1`, [id, reason, hint]);
  }
}

/** Why the lane of a restored ledger holds, and what ends it. */
export function heldWords(unread: readonly string[]): { readonly reason: string; readonly hint: string | null } {
  return {
    reason: `the ledger was restored from a back-up and is older than what was sent: nothing but new opt-outs goes until ${listed(unread)} ${unread.length === 1 ? 'has' : 'have'} been read again`,
    hint: unread.length === 0 ? null : unread.map((sync) => `syncline run ${sync}`).join('; '),
  };
}

const listed = (names: readonly string[]): string => (names.length <= 1 ? (names[0] ?? 'every sync') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`);

/** Syncs of an account that have yet to be read again, by name. */
export async function unreadSyncs(db: Queryable, accountId: number): Promise<readonly string[]> {
  const { rows } = await db.query<{ name: string }>(
    `SELECT s.name FROM sync s JOIN destination d ON d.id = s.destination_id
     WHERE d.account_id = $1 AND s.reread_after IS NOT NULL AND NOT s.retired ORDER BY s.name`,
    [accountId],
  );
  return rows.map(({ name }) => name);
}

/** An account of a restored ledger, with the syncs it waits for. */
export interface HeldAccount {
  readonly account: string;
  readonly unread: readonly string[];
}

/** Accounts that are held, with the syncs each waits for. */
export async function heldAccounts(db: Pick<Queryable, 'query'>): Promise<readonly HeldAccount[]> {
  const { rows } = await db.query<{ id: number; name: string }>('SELECT id, name FROM account WHERE restored_at IS NOT NULL ORDER BY name');
  return Promise.all(rows.map(async ({ id, name }) => ({ account: name, unread: await unreadSyncs(db, id) })));
}

/** Syncs that left the configuration are not waited for. */
export async function retireOthers(db: Queryable, configured: readonly string[]): Promise<void> {
  await db.query('UPDATE sync SET retired = true WHERE NOT retired AND reread_after IS NOT NULL AND NOT (name = ANY($1))', [configured]);
}

/**
 * SQL: the row of the outbox `o`, of a restored ledger, is as old as the back-up, or was made from what is that old; a
 * run that has read it since makes it new.
 */
export const OLD = `EXISTS (SELECT 1 FROM sync os WHERE os.id = o.sync_id
        AND (o.run_no <= os.reread_after OR EXISTS (SELECT 1 FROM run ot WHERE ot.no = o.run_no AND ot.kind IN ('optOut', 'retry'))))`;

/**
 * Opt-outs that were in the back-up, or came from a call that was, wait like all else: such a row is a whole contact as
 * it was then. Those that a run since has read go at once.
 */
export async function parkOld(db: Queryable, accountId: number): Promise<void> {
  await db.query({
    name: 'park-old',
    text: `UPDATE outbox o SET not_before = 'infinity' FROM kind k, destination d
      WHERE d.account_id = $1 AND k.destination_id = d.id AND o.kind = k.id AND o.bundle IS NULL AND o.priority = 0
        AND o.not_before < 'infinity' AND ${OLD}`,
    values: [accountId],
  });
}

/** Every feeding sync has been read again: all that waits may go. @returns false while one has not */
export function endRestored(pool: Pool, accountId: number): Promise<boolean> {
  return transaction(pool, async (connection: Connection) => {
    await connection.query('SELECT 1 FROM account WHERE id = $1 FOR UPDATE', [accountId]);
    if ((await unreadSyncs(connection, accountId)).length > 0) return false;
    await connection.query(
      `UPDATE outbox o SET not_before = '-infinity' FROM destination d WHERE d.account_id = $1 AND o.destination_id = d.id AND o.priority = 0 AND o.not_before = 'infinity'`,
      [accountId]);
    await connection.query(
      `UPDATE account SET restored_at = NULL, state = CASE WHEN paused OR blocked OR quota THEN state ELSE 'idle' END,
         reason = CASE WHEN paused OR blocked OR quota THEN reason END, hint = CASE WHEN paused OR blocked OR quota THEN hint END WHERE id = $1`,
      [accountId]);
    return true;
  });
}

/**
 * Of the staged contacts, those that are newer than what the ledger says was delivered may have been sent in the time
 * that is lost: what the destination has of them is not known, also where they are as they were before. So they go
 * again, with their consent. The destination's lock must be held.
 */
export async function doubtStaged(connection: Connection, { destinationId, syncId }: { readonly destinationId: number; readonly syncId: number }): Promise<void> {
  const { rows } = await connection.query<{ yes: boolean }>('SELECT reread_after IS NOT NULL AS yes FROM sync WHERE id = $1', [syncId]);
  if (rows[0]?.yes !== true) return;
  for (const key of ['key', 'previous_key']) {
    await connection.query(
      `UPDATE contact c SET unsure = true FROM stage st
       WHERE c.destination_id = $1 AND c.key = st.${key} AND NOT c.unsure AND COALESCE(st.version, now()) > c.version`,
      [destinationId],
    );
  }
}
