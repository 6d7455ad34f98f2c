import type { Destination, FoundContact } from '../../src/destinations/index.js';
import { type Difference, type LocaleVerdict, type Pool, type VerificationDocument, createPool, ensureSync, migrate } from '../../src/ledger/index.js';
import { verifyAudience, type ExpectedContact, type Verification, type VerifyInput } from '../../src/verification/index.js';
import { createDatabase } from '../support/runtime.js';

/** A ledger with three syncs of one destination: ours, another, and one that is no longer configured. */
export interface Ledger {
  readonly pool: Pool;
  readonly destinationId: number;
  readonly accountId: number;
  readonly ours: number;
  readonly other: number;
  readonly retired: number;
  close(): Promise<void>;
}

export async function createLedger(): Promise<Ledger> {
  const database = await createDatabase();
  await migrate(database.url);
  const pool = createPool(database.url, 5);
  const known = async (sync: string) =>
    ensureSync(pool, { sync, source: 'crm', destination: 'newsletter', account: 'acme', configHash: 'x', configured: ['ours', 'other'] });
  const retired = await known('retired');
  const other = await known('other');
  const { syncId, destinationId, accountId } = await known('ours');
  await pool.query(`INSERT INTO run (id, sync_id, kind, slot, workflow_id, options, config, config_hash)
    VALUES ('R1', $1, 'full', 'run', 'w', '{}', '{}', 'x')`, [syncId]);
  await pool.query(`INSERT INTO kind (destination_id, action, form, shape) VALUES ($1, 0, 0, '')`, [destinationId]);
  return {
    pool, destinationId, accountId, ours: syncId, other: other.syncId, retired: retired.syncId,
    close: async () => {
      await pool.end();
      await database.drop();
    },
  };
}

export async function clear(ledger: Ledger): Promise<void> {
  await ledger.pool.query('TRUNCATE contact, outbox, batch, batch_row, rejection');
}

export interface Seed {
  readonly key: string;
  readonly sync: number;
  readonly email?: number;
  readonly sms?: number;
  readonly locale?: string | null;
  readonly fields?: string;
}

/** One call with these rows. */
export async function batch(ledger: Ledger, status: string, rows: readonly Seed[], options: { action?: number; outcome?: number; settledAgo?: string } = {}): Promise<number> {
  const { rows: made } = await ledger.pool.query<{ id: number }>(
    `INSERT INTO batch (account_id, destination_id, action, fence, status, rows, attempt, started_at, settled_at)
     VALUES ($1, $2, $3, 1, $4, $5, 1, now() - interval '1 hour', CASE WHEN $4 IN ('settled', 'refused') THEN clock_timestamp() - $6::interval END) RETURNING id`,
    [ledger.accountId, ledger.destinationId, options.action ?? 0, status, rows.length, options.settledAgo ?? '1 hour'],
  );
  const id = made[0]!.id;
  await ledger.pool.query(
    `INSERT INTO batch_row (batch_id, ord, destination_id, sync_id, run_no, attempts, seq, version, priority, email, sms, outcome, known, key, fp, locale, fields)
     SELECT $1, n - 1, $2, s, 1, 0, n, now(), 1, e, m, $8, false, k, '', l, f
     FROM unnest($3::text[], $4::int[], $5::int[], $6::text[], $7::text[], $9::int[]) WITH ORDINALITY AS t (k, s, e, l, f, m, n)`,
    [id, ledger.destinationId, rows.map((r) => r.key), rows.map((r) => r.sync), rows.map((r) => r.email ?? 2), rows.map((r) => r.locale ?? null), rows.map((r) => r.fields ?? '{}'), options.outcome ?? null, rows.map((r) => r.sms ?? 0)],
  );
  return id;
}

/** Contacts the ledger knows as delivered, an hour ago. */
export async function delivered(ledger: Ledger, rows: readonly Seed[], action = 0): Promise<number | undefined> {
  if (rows.length === 0) return undefined;
  const id = await batch(ledger, 'settled', rows, { action });
  await ledger.pool.query(
    `INSERT INTO contact (destination_id, key, batch_id, ord, sync_id, version, email, sms, fp, locale)
     SELECT destination_id, key, batch_id, ord, sync_id, version, email, sms, fp, locale FROM batch_row WHERE batch_id = $1`, [id]);
  return id;
}

export async function waiting(ledger: Ledger, rows: readonly Seed[]): Promise<void> {
  await ledger.pool.query(
    `INSERT INTO outbox (destination_id, key, seq, version, sync_id, run_no, priority, action, kind, email, sms, known, fp, locale, fields)
     SELECT $1, k, nextval('outbox_seq'), now(), s, 1, 1, 0, (SELECT id FROM kind WHERE destination_id = $1), 2, 0, false, '', l, '{}' FROM unnest($2::text[], $3::int[], $4::text[]) AS t (k, s, l)`,
    [ledger.destinationId, rows.map((r) => r.key), rows.map((r) => r.sync), rows.map((r) => r.locale ?? null)],
  );
}

export async function rejected(ledger: Ledger, key: string | null, code: string, reason: string): Promise<void> {
  await ledger.pool.query(
    'INSERT INTO rejection (destination_id, sync_id, run_no, key, code, reason) VALUES ($1, $2, 1, $3, $4, $5)',
    [ledger.destinationId, ledger.ours, key, code, reason],
  );
}

/** Equal where the JSON values are, however they are written. */
export const compare: Destination['compare'] = (expected, found) => {
  const a = JSON.parse(expected.fields) as Record<string, unknown>;
  const b = JSON.parse(found.fields) as Record<string, unknown>;
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => JSON.stringify(a[name]) !== JSON.stringify(b[name]));
  if (typeof expected.smsOptedIn === 'boolean' && found.smsOptedIn !== undefined && expected.smsOptedIn !== found.smsOptedIn) names.push('smsConsent');
  return names;
};

export async function* pages<T>(rows: readonly T[], size = 3): AsyncGenerator<readonly T[]> {
  for (let at = 0; at < rows.length; at += size) yield rows.slice(at, at + size);
}

export function wants(key: string, locale: string | null = 'en', optedIn: boolean | null = true, fields: string | null = '{}'): ExpectedContact {
  return { key, locale, optedIn, fields };
}

export function holds(key: string | null, locale: string | null = 'en', optedIn = true, fields = '{}'): FoundContact {
  return { key, locale, optedIn, fields };
}

export function inputFor(ledger: Ledger, expected: readonly ExpectedContact[], found: readonly FoundContact[], more: Partial<VerifyInput> = {}): VerifyInput {
  return {
    pool: ledger.pool, syncId: ledger.ours, destinationId: ledger.destinationId, against: 'source',
    expected: pages(expected), found: pages(found), compare, locales: {}, tolerance: 0, signal: new AbortController().signal, ...more,
  };
}

export interface Result {
  readonly document: VerificationDocument;
  readonly differences: readonly Difference[];
}

export async function verify(ledger: Ledger, expected: readonly ExpectedContact[], found: readonly FoundContact[], more: Partial<VerifyInput> = {}): Promise<Result> {
  return resultOf(verifyAudience(inputFor(ledger, expected, found, more)));
}

export async function resultOf(verifying: Promise<Verification>): Promise<Result> {
  const verification = await verifying;
  try {
    const differences: Difference[] = [];
    for await (const difference of verification.differences(null)) differences.push(difference);
    return { document: verification.document, differences };
  } finally {
    await verification.close();
  }
}

/** A locale's line, with zeros where nothing is said. */
export function line(locale: string, numbers: Partial<LocaleVerdict>): LocaleVerdict {
  return { locale, expected: 0, found: 0, missing: 0, unexpected: 0, different: 0, pending: 0, minimum: 0, pass: true, ...numbers };
}
