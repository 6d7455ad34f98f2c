import { createCallLog } from '../calls.js';
import type { CallLog } from '../calls.js';
import { createLimiter } from '../limiter.js';
import type { Limiter } from '../limiter.js';
import { createTrouble } from '../trouble.js';
import type { Trouble } from '../trouble.js';
import { Batches } from './batches.js';
import { checkFaults, picksOf } from './faults.js';
import type { CheckedFaults, Picks } from './faults.js';
import { Store } from './store.js';

export const BATCH = '/contacts/batch';

/** The list of the page's example. */
const EXAMPLE_LIST = '3fa85f64-5717-4562-b3fc-2c963f66afa6';
/** The properties of the page's example, and a few that a contact may well have. */
const PROPERTIES = ['firstname', 'lastname', 'interest', 'company', 'street', 'city', 'state', 'country', 'language', 'locale'];

interface InPlay {
  faults: CheckedFaults;
  trouble: Trouble;
  limiter: Limiter | null;
  statusBurst429: number;
  lists: ReadonlySet<string>;
  /** In lower case. */
  properties: ReadonlySet<string>;
  badRows: readonly { readonly status: 400 | 422; readonly message: string; readonly picks: Picks }[];
  skips: Picks | null;
}

/** Everything one sandboxed MainBrainer holds. */
export interface State extends InPlay {
  readonly store: Store;
  readonly log: CallLog;
  readonly batches: Batches;
  /** Token → when it ends, on the monotonic clock. */
  readonly tokens: Map<string, number>;
}

/** A fresh platform with these faults. Throws FaultsError. */
export function createState(faults: unknown): State {
  return { store: new Store(), log: createCallLog(BATCH), batches: new Batches(), tokens: new Map(), ...inPlay(faults) };
}

/** Replaces the faults of a running platform; contacts, batches, tokens and log stay. Throws FaultsError and then changes nothing. */
export function applyFaults(state: State, faults: unknown): void {
  Object.assign(state, inPlay(faults));
}

function inPlay(input: unknown): InPlay {
  const faults = checkFaults(input);
  return {
    faults,
    trouble: createTrouble(faults),
    limiter: faults.limit === undefined ? null : createLimiter(faults.limit),
    statusBurst429: faults.statusBurst429 ?? 0,
    lists: new Set([EXAMPLE_LIST, ...faults.lists.map((one) => one.toLowerCase())]),
    properties: new Set([...PROPERTIES, ...faults.properties.map((one) => one.toLowerCase())]),
    badRows: (faults.badRows ?? []).map((rule) => ({ status: rule.status, message: rule.message, picks: picksOf(rule) })),
    skips: faults.skippedRows === undefined ? null : picksOf(faults.skippedRows),
  };
}
