import { DestinationError } from '../contract.js';
import type { OptOut, Outcome, Paced } from '../contract.js';
import { readList, type Listing } from './list.js';
import { isObject, textOf, type ReadingParts } from './page.js';
import type { MatchBy } from './mapping.js';
import { contactId } from './reading.js';

const NEVER = 'say suppressions: {read: never} if opt-outs made at MailingCore are not to be read';

/**
 * Who opted out at MailingCore: its suppression list, whole (`act`; doc: `GET /suppressions`), then the contacts that
 * stand there as not opted in and changed since (`state`; doc: `GET /contacts?updatedSince&optIn`).
 * unknown: the form of a suppression, so an address by itself and the usual names are read.
 * @throws DestinationError
 */
export async function* readOptOuts(parts: ReadingParts, matchBy: MatchBy, since: string | null, paced: Paced, signal: AbortSignal): AsyncGenerator<readonly OptOut[]> {
  for await (const page of readList(parts, SUPPRESSIONS, paced, signal)) {
    const optOuts = page.map((one) => suppressionOf(one, matchBy, parts.now())).filter((one) => one !== null);
    // One that names nobody we could know may be; a list of them means that its form is another than we think.
    if (optOuts.length === 0) throw new DestinationError('misconfigured', 'MailingCore lists suppressions without an e-mail or an externalId', NEVER);
    yield optOuts;
  }
  for await (const page of readList(parts, notOptedIn(since), paced, signal)) {
    const optOuts = page.map((one) => stateOf(one, matchBy, parts.now())).filter((one) => one !== null);
    if (optOuts.length > 0) yield optOuts;
  }
}

const SUPPRESSIONS: Listing<Record<string, unknown>> = {
  path: '/suppressions',
  query: '',
  what: 'suppressions',
  entryOf: (one) => (typeof one === 'string' ? { email: one } : isObject(one) ? one : null),
  idOf: (one) => textOf(one['id']) ?? JSON.stringify(one),
  errorOf: refusedList,
  thorough: true,
  optional: true,
};

/** unknown: whether `updatedSince` is inclusive, so it is asked for a millisecond earlier. */
function notOptedIn(since: string | null): Listing<Record<string, unknown>> {
  const from = since === null ? Number.NaN : Date.parse(since);
  return {
    path: '/contacts',
    query: `&optIn=false${Number.isNaN(from) ? '' : `&updatedSince=${new Date(from - 1).toISOString()}`}`,
    what: 'contacts',
    entryOf: (one) => (isObject(one) ? one : null),
    idOf: contactId,
    thorough: true,
  };
}

function refusedList(outcome: Outcome): DestinationError | null {
  if (outcome.kind !== 'unauthenticated' && !(outcome.kind === 'misconfigured' && outcome.httpStatus === 403)) return null;
  const key = outcome.kind === 'unauthenticated' ? 'check apiKey and tenantId; the key needs the suppressions:read scope' : 'grant the key the suppressions:read scope';
  return new DestinationError('misconfigured', `MailingCore's suppression list cannot be read: ${outcome.message}`, `${key}, or ${NEVER}`);
}

function suppressionOf(one: Record<string, unknown>, matchBy: MatchBy, now: number): OptOut | null {
  const contact = isObject(one['contact']) ? one['contact'] : {};
  const reason = wordOf(one['reason'] ?? one['type']);
  return whoOf([one, contact], matchBy, {
    at: atOf(now, one['createdAt'], one['suppressedAt'], one['unsubscribedAt'], one['created_at']),
    evidence: 'act',
    reason: reason === null ? 'on the suppression list' : `on the suppression list (${reason})`,
  });
}

function stateOf(one: Record<string, unknown>, matchBy: MatchBy, now: number): OptOut | null {
  // A platform that does not know the filter tells of everybody.
  if (one['optIn'] !== false) return null;
  return whoOf([one], matchBy, { at: atOf(now, one['unsubscribedAt'], one['updatedAt']), evidence: 'state', reason: 'not opted in there' });
}

/**
 * Ties an opt-out to whom it names; null: to nobody. Where contacts are matched by e-mail their externalId is not given
 * by us and may be any other system's, so it counts only where there is nothing else.
 */
export function whoOf(places: readonly Readonly<Record<string, unknown>>[], matchBy: MatchBy, what: Pick<OptOut, 'at' | 'evidence' | 'reason'>): OptOut | null {
  const first = (...names: readonly string[]): string | null => places.flatMap((place) => names.map((name) => textOf(place[name]))).find((one) => one !== null) ?? null;
  const email = first('email', 'emailAddress', 'address');
  const externalId = first('externalId', 'external_id');
  if (email === null && externalId === null) return null;
  return { key: matchBy === 'email' && email !== null ? null : externalId, email, channel: 'email', ...what };
}

/** The first usable time, ISO 8601 UTC: text, or unix seconds or milliseconds. One ahead of `now` is two clocks: now at the latest. */
export function atOf(now: number, ...values: readonly unknown[]): string | null {
  for (const value of values) {
    const ms = typeof value === 'string' && value !== '' ? Date.parse(value) : typeof value === 'number' ? (value < 100_000_000_000 ? value * 1000 : value) : Number.NaN;
    // Earlier than any platform: a zero that means "never".
    if (ms > 0) return new Date(Math.min(ms, now)).toISOString();
  }
  return null;
}

/** A reason as it may stand in a message: a single word of letters. */
function wordOf(value: unknown): string | null {
  return typeof value === 'string' && /^[A-Za-z][A-Za-z_-]{0,31}$/.test(value) ? value.toLowerCase() : null;
}
