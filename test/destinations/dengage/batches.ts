import type { CallForm, OutgoingBatch, OutgoingRow } from '../../../src/destinations/index.js';
import { row } from '../rows.js';

/** Row n of a call to D·engage. */
export function record(ord: number, more: Partial<OutgoingRow> = {}): OutgoingRow {
  return row(ord, { fields: `{"email":"p${ord}@example.com","gsm":"+1697555010${ord}","name":"Canary${ord}","city":"Rome"}`, ...more });
}

export function batch(count: number, form: Partial<CallForm> = {}, more: (n: number) => Partial<OutgoingRow> = () => ({})): OutgoingBatch {
  return { id: 'b', form: { consent: true, renames: false, ...form }, rows: Array.from({ length: count }, (_, n) => record(n, more(n))) };
}
