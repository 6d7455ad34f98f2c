import { setTimeout as delay } from 'node:timers/promises';
import { ACTION } from '../../src/destinations/index.js';
import type { Contact } from '../../src/contacts/index.js';
import type { CallForm, Destination, Outcome, OutgoingRow, Paced } from '../../src/destinations/index.js';

/** The form of an ordinary call. */
export const FORM: CallForm = { consent: true, renames: false };
/** Milliseconds between two polls. */
const POLL = 10;
let batches = 0;

/** A pace without limits. */
export const paced: Paced = (call) => call(new AbortController().signal);

/** A row as the lane makes it of a contact. */
export function rowOf(destination: Destination, contact: Contact, ord: number, more: Partial<OutgoingRow> = {}): OutgoingRow {
  const prepared = destination.prepare(contact);
  if ('invalid' in prepared) throw new Error(prepared.invalid);
  const { fields, emailConsent, smsConsent } = prepared;
  return { fields, emailConsent, smsConsent, ord, key: contact.key, action: ACTION.upsert, known: false, previousKey: null, platformId: null, ...more };
}

/** One call as the lane makes it: authorised before, once more with a new token, and followed to its result where that comes later. */
export async function deliver(destination: Destination, rows: readonly OutgoingRow[], signal: AbortSignal, form: CallForm = FORM): Promise<Outcome> {
  const id = `batch-${(batches += 1)}`;
  const once = async (): Promise<Outcome> => (await destination.authorise?.(paced, signal)) ?? destination.send({ id, form, rows }, signal);
  let outcome = await once();
  if (outcome.kind === 'expired') outcome = await once();
  if (outcome.kind !== 'accepted') return outcome;
  const { reference } = outcome;
  for (;;) {
    await delay(POLL);
    const later = (await destination.authorise?.(paced, signal)) ?? (await destination.poll?.({ id, reference, rows: rows.length }, signal)) ?? outcome;
    if (later.kind !== 'pending' && later.kind !== 'expired') return later;
    if (signal.aborted) return { kind: 'unknown', message: 'no result before the deadline', httpStatus: null };
  }
}
