import { createCallLog } from '../calls.js';
import type { Call, CallLog } from '../calls.js';
import { createTrouble } from '../trouble.js';
import type { Trouble } from '../trouble.js';
import { checkFaults } from './faults.js';
import type { CheckedFaults } from './faults.js';
import { Store } from './store.js';

export const BULK = '/rest/bulk/contacts';

interface InPlay {
  faults: CheckedFaults;
  trouble: Trouble;
  readBurst429: number;
  /** Key → the words it is refused with, alone and with the whole call. */
  badRows: ReadonlyMap<string, string>;
  badCalls: ReadonlyMap<string, string>;
  warnings: ReadonlyMap<string, string>;
}

/** Everything one sandboxed D·engage holds. */
export interface State extends InPlay {
  readonly store: Store;
  readonly log: CallLog;
  /** Token → when it ends, on the monotonic clock. */
  readonly tokens: Map<string, number>;
  /** The bulk call that is at work, or was last. */
  current: Call | null;
  /** When the bulk call arrived from which the gap is counted. */
  lastArrival: number | null;
}

/** A fresh platform with these faults. Throws FaultsError. */
export function createState(faults: unknown): State {
  return { store: new Store(), log: createCallLog(BULK), tokens: new Map(), current: null, lastArrival: null, ...inPlay(faults) };
}

/** Replaces the faults of a running platform; contacts, tokens and log stay. Throws FaultsError and then changes nothing. */
export function applyFaults(state: State, faults: unknown): void {
  Object.assign(state, inPlay(faults));
}

function inPlay(input: unknown): InPlay {
  const faults = checkFaults(input);
  const rules = faults.badRows ?? [];
  return {
    faults,
    trouble: createTrouble(faults),
    readBurst429: faults.readBurst429 ?? 0,
    badRows: byKey(rules.filter((rule) => rule.mode === 'row')),
    badCalls: byKey(rules.filter((rule) => rule.mode === 'request')),
    warnings: byKey(faults.warnings ?? []),
  };
}

function byKey(rules: readonly { readonly keys: readonly string[]; readonly message: string }[]): ReadonlyMap<string, string> {
  return new Map(rules.flatMap((rule) => rule.keys.map((key) => [key, rule.message] as const)));
}
