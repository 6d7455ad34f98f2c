import { createCallLog } from '../calls.js';
import type { CallLog } from '../calls.js';
import { createLimiter } from '../limiter.js';
import type { Limiter } from '../limiter.js';
import { createTrouble } from '../trouble.js';
import type { Trouble } from '../trouble.js';
import { checkFaults } from './faults.js';
import type { CheckedFaults } from './faults.js';
import { Store } from './store.js';
import { Webhooks } from './webhooks.js';

/** The rows one rule of `badRows` picks, ready to ask. */
export interface BadRows {
  readonly mode: 'row' | 'request';
  readonly message: string;
  has(email: string | undefined, externalId: string | undefined): boolean;
}

/** Everything one sandboxed MailingCore holds. Replaced in parts by the control routes. */
export interface State {
  readonly store: Store;
  readonly log: CallLog;
  readonly webhooks: Webhooks;
  /** Whose key was used last: whose the webhooks are. */
  tenant: string;
  faults: CheckedFaults;
  trouble: Trouble;
  limiter: Limiter | null;
  badRows: readonly BadRows[];
  alwaysFail: ReadonlySet<string> | null;
}

/** A fresh platform with these faults. Throws FaultsError. */
export function createState(faults: unknown): State {
  return { store: new Store(), log: createCallLog('/contacts/bulk'), webhooks: new Webhooks(), tenant: 'sandbox', ...fromFaults(faults) };
}

/** Replaces the faults of a running platform; contacts and log stay. Throws FaultsError and then changes nothing. */
export function applyFaults(state: State, faults: unknown): void {
  Object.assign(state, fromFaults(faults));
}

function fromFaults(input: unknown): Omit<State, 'store' | 'log' | 'webhooks' | 'tenant'> {
  const faults = checkFaults(input);
  return {
    faults,
    trouble: createTrouble(faults),
    limiter: faults.limit === undefined ? null : createLimiter(faults.limit),
    badRows: (faults.badRows ?? []).map(badRowsOf),
    alwaysFail: faults.alwaysFail === undefined ? null : new Set(faults.alwaysFail.externalIds),
  };
}

function badRowsOf(rule: NonNullable<CheckedFaults['badRows']>[number]): BadRows {
  const pattern = typeof rule.emails === 'string' ? new RegExp(rule.emails) : null;
  const emails = new Set(Array.isArray(rule.emails) ? rule.emails : []);
  const ids = new Set(rule.externalIds ?? []);
  return {
    mode: rule.mode,
    message: rule.message,
    has: (email, externalId) =>
      (externalId !== undefined && ids.has(externalId)) || (email !== undefined && (emails.has(email) || pattern?.test(email) === true)),
  };
}
