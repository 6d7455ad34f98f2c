import type { CallFacts } from '../ledger/index.js';

/** How a call ended, as a reader is told; in the order of the legend. */
export const OUTCOMES = {
  delivered: 'taken in full',
  partly: 'taken but for rejected rows',
  refused: 'refused, sent again in parts',
  limited: 'rate limited or out of quota',
  unknown: 'no answer that can be trusted',
  away: 'not processed: the platform was away',
  halted: 'credentials or configuration refused',
  open: 'under way',
} as const;
export type OutcomeClass = keyof typeof OUTCOMES;

const CLASSES: Readonly<Record<string, OutcomeClass>> = {
  refused: 'refused', unclear: 'refused', failed: 'refused', throttled: 'limited', quota: 'limited', unknown: 'unknown', unavailable: 'away',
  unauthenticated: 'halted', misconfigured: 'halted', expired: 'halted',
};

/** (pure) */
export function classOf({ status, outcome, ofRun }: CallFacts): OutcomeClass {
  if (status === 'sending' || status === 'accepted') return 'open';
  if (status === 'unknown') return 'unknown';
  // An accepted batch that failed later keeps the outcome of its call.
  if (status === 'refused' || status === 'split') return CLASSES[outcome ?? ''] ?? 'refused';
  const known = CLASSES[outcome ?? ''];
  if (known !== undefined) return known;
  return (ofRun?.rejected ?? 0) > 0 ? 'partly' : 'delivered';
}
