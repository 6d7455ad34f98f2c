import type { Connection } from './database.js';
import { guardState, isUnusual, keepGuard, knownIfAsked, type GuardLimits, type GuardState } from './guard.js';
import type { StagePage } from './stage.js';
import { CLASSIFY } from './stage-sql.js';

/** Whether rows of a destination wait, are in flight, or stand among the rejections. */
interface Presence {
  readonly waiting: boolean;
  readonly flying: boolean;
  readonly rejected: boolean;
  /** Some run has contacts put aside. */
  readonly risen: boolean;
}

/**
 * What there is at all for a destination. Whoever adds waiting rows holds the lock we hold; a row can only come into
 * flight from waiting and be rejected from flight, so each answer stays true until the page is staged.
 */
export async function presence(connection: Connection, destinationId: number): Promise<Presence> {
  const { rows } = await connection.query<Presence>(
    `SELECT EXISTS (SELECT 1 FROM outbox WHERE destination_id = $1) AS waiting,
       EXISTS (SELECT 1 FROM batch WHERE destination_id = $1 AND status IN ('sending', 'accepted', 'unknown')) AS flying,
       EXISTS (SELECT 1 FROM rejection WHERE destination_id = $1 AND resolved_at IS NULL) AS rejected,
       EXISTS (SELECT 1 FROM rise WHERE destination_id = $1) AS risen`,
    [destinationId],
  );
  const seen = rows[0] as Presence;
  const flying = seen.flying || seen.waiting;
  return { waiting: seen.waiting, flying, rejected: seen.rejected || flying, risen: seen.risen };
}

/** Rows of a page that share a verdict. */
export interface Sorted {
  readonly verdict: string;
  readonly count: number;
  readonly opt_outs: number;
  readonly rises: number;
  readonly changes: number;
  readonly uninvited: [string, string][] | null;
}

/** Sorts the page's rows and acts on it. @param guards as in `CLASSIFY` */
export async function sort(connection: Connection, page: StagePage, { waiting, flying, rejected, risen }: Presence, guards: 0 | 1 | 2): Promise<readonly Sorted[]> {
  const { ways = {} } = page;
  const { rows } = await connection.query<Sorted>(CLASSIFY, [
    page.destinationId, page.syncId, page.runNo, page.priority, page.resend, waiting, flying, rejected,
    ways.consent === 'whenChanged', page.repair ?? false, ways.keyChange === 'platform', ways.identityChange === 'hold', page.remapped ?? false, guards, risen,
  ]);
  return rows;
}

/** The same for a run that is judged: the page that would take it over its limits is sorted anew, as over them. */
export async function sortGuarded(connection: Connection, page: StagePage, there: Presence, limits: GuardLimits): Promise<readonly Sorted[]> {
  const before = await guardState(connection, page.runNo);
  const add = (rows: readonly Sorted[], state: GuardState): GuardState => {
    const sum = (name: 'rises' | 'changes', ...verdicts: readonly string[]): number => rows.filter((row) => verdicts.includes(row.verdict)).reduce((all, row) => all + row[name], 0);
    return {
      ...state, optIns: state.optIns + sum('rises', 'queue', 'rises', 'excess'), changes: state.changes + sum('changes', 'queue', 'rises', 'excess'),
      staged: state.staged + sum('changes', 'queue'),
    };
  };
  await connection.query('SAVEPOINT judged');
  let rows = await sort(connection, page, there, before.over ? 2 : 1);
  let after = add(rows, before);
  const known = await knownIfAsked(connection, page, after, limits);
  if (!before.over && known !== null && isUnusual(after, known, limits)) {
    await connection.query('ROLLBACK TO SAVEPOINT judged');
    rows = await sort(connection, page, there, 2);
    after = { ...add(rows, before), over: true };
    await connection.query('DELETE FROM rise WHERE run_no = $1', [page.runNo]);
  }
  if (after.optIns !== before.optIns || after.changes !== before.changes || after.over !== before.over) await keepGuard(connection, page.runNo, { ...after, known });
  return rows;
}
