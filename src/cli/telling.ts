import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool, Standings } from '../ledger/index.js';
import { isConnectionTrouble } from './following/index.js';

/** Milliseconds between two looks at the ledger. */
const LOOK_MS = 1_000;

/** Something that changed, in words and in fields. */
export interface Change {
  readonly event: 'run' | 'lane' | 'ledger';
  readonly words: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Tells of runs and lanes as they change until the signal. */
export async function tellChanges(pool: Pool, tell: (change: Change) => void, signal: AbortSignal): Promise<void> {
  const { standings } = await import('../ledger/index.js');
  let before: ReadonlyMap<string, Change> | undefined;
  let away = false;
  const tellLedger = (answers: boolean): void => {
    tell({ event: 'ledger', words: `the ledger (Postgres) ${answers ? 'answers again' : 'does not answer: waiting for it'}`, fields: { answers } });
  };
  while (!signal.aborted) {
    try {
      const now = changesOf(await standings(pool));
      if (away) tellLedger(true);
      away = false;
      for (const [name, change] of now) if (before !== undefined && before.get(name)?.words !== change.words) tell(change);
      before = now;
    } catch (error) {
      if (!isConnectionTrouble(error)) throw error;
      if (!away) tellLedger(false);
      away = true;
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** What is worth a line, by what it is about. */
function changesOf({ runs, lanes }: Standings): ReadonlyMap<string, Change> {
  return new Map([
    ...runs.map((run): [string, Change] => [`sync ${run.sync}`, { event: 'run', words: `run ${run.run} of ${run.sync} (${run.kind}): ${run.status.replaceAll('_', ' ')}`, fields: { ...run } }]),
    ...lanes.map((lane): [string, Change] => [
      `lane ${lane.account}`, { event: 'lane', words: `lane ${lane.account}: ${lane.state.replaceAll('_', ' ')}${lane.reason === null ? '' : `, ${lane.reason}`}`, fields: { ...lane } }]),
  ]);
}
