import { claimable, claimBatch, settleAnswered, stagePage, type Answer, type ClaimedBatch, type Lease, type Pool, type StageResult, type StageRow, type Ways } from '../../src/ledger/index.js';
import { ANSWERED, timeOf, type TestRun } from './support.js';

/** A wish with everything a destination can ask for. */
export interface FullWish {
  readonly key: string;
  readonly at: number;
  readonly value?: string;
  readonly email?: 0 | 1 | 2 | 3;
  readonly sms?: 0 | 1 | 2 | 3;
  readonly action?: 0 | 1;
  readonly shape?: string;
  readonly previousKey?: string;
  readonly identity?: string;
}

const fullRow = ({ key, at, value = 'A', email = 2, sms = 2, action = 0, shape, previousKey, identity }: FullWish): StageRow => ({
  key, version: timeOf(at), action, // As at a platform: by whom a contact is taken for is one of its fields.
  fields: JSON.stringify({ value, ...(identity !== undefined && { identity }) }), emailConsent: email, smsConsent: sms, locale: null,
  ...(shape !== undefined && { shape }), ...(previousKey !== undefined && { previousKey }), ...(identity !== undefined && { identity }),
});

/** Stages a page for a destination with these ways. */
export function stageWith(pool: Pool, run: TestRun, ways: Ways, wishes: readonly FullWish[], more: { readonly repair?: boolean; readonly resend?: boolean } = {}): Promise<StageResult> {
  run.pages += 1;
  return stagePage(pool, {
    runNo: run.no, syncId: run.ids.syncId, destinationId: run.ids.destinationId, pageNo: run.pages, position: run.pages, priority: 1, resend: more.resend ?? false,
    ...(more.repair !== undefined && { repair: more.repair }), ways,
    extracted: wishes.length, filtered: 0, superseded: 0, rows: wishes.map(fullRow), invalid: [], warnings: {}, maxTime: null,
  });
}

/** Claims the next call that is ready: opt-outs first, then in the order of kinds. */
export async function claimNext(pool: Pool, lease: Lease, size = 1000, identified = false): Promise<ClaimedBatch | undefined> {
  const groups = [...await claimable(pool, lease.accountId, 1000)].sort((a, b) => Number(b.urgent) - Number(a.urgent) || a.kind - b.kind || (a.bundle ?? 0) - (b.bundle ?? 0));
  for (const group of groups) {
    const batch = await claimBatch(pool, lease, group, size, { identified });
    if (batch) return batch;
  }
  return undefined;
}

/** Claims and settles until nothing is left. @returns the calls that were made */
export async function deliverAll(pool: Pool, lease: Lease, identified = false): Promise<readonly ClaimedBatch[]> {
  const made: ClaimedBatch[] = [];
  for (let batch = await claimNext(pool, lease, 1000, identified); batch !== undefined; batch = await claimNext(pool, lease, 1000, identified)) {
    made.push(batch);
    await settle(pool, lease, batch);
  }
  return made;
}

export function settle(pool: Pool, lease: Lease, batch: ClaimedBatch, answer: Partial<Answer> = {}): Promise<void> {
  return settleAnswered(pool, lease, batch.id, { failed: [], ...answer }, ANSWERED);
}

/** A call in short: its form, its keys with what they say of consent. */
export const brief = (batch: ClaimedBatch | undefined): string => (batch === undefined
  ? 'nothing'
  : `${batch.form.renames ? 'rename ' : ''}${batch.form.consent ? 'whole' : 'without consent'}: ${batch.rows
    .map((row) => `${row.previousKey === null ? '' : `${row.previousKey}→`}${row.key}${batch.form.consent ? `(${row.emailConsent}${row.smsConsent})` : ''}`).sort().join(' ')}`);
