import { maskValues, parsed, retryAfter } from '../../http/index.js';
import type { HttpAnswer } from '../../http/index.js';
import type { Outcome, OutgoingBatch } from '../contract.js';
import { personalValues } from '../http/index.js';
import { outcomeOfSummary, summaryIn } from './summary.js';
import { isObject, pick, wordsIn } from './words.js';

/** Statuses that mean the request was not processed; a 504 comes from a gateway that gave up waiting, and is not among them. */
const NOT_PROCESSED: ReadonlySet<number> = new Set([425, 500, 502, 503]);
/** The whole call refused for what is in it. unknown: which of these they use; 400 is the likely one. */
const REFUSED: ReadonlySet<number> = new Set([400, 409, 413, 422]);

/** seen: 429 "too many concurrent requests", a 500 with these words in older documents. */
const TOO_MANY = /too many|concurrent|rate limit|once a minute/i;
/**
 * A call refused for a column it lists: the configuration's fault, not a row's. Exact, because a row's fault may name a
 * column too ("invalid value for column birth_date").
 */
const COLUMN = /import[- ]?enabled|\b(?:unknown|invalid|unrecogni[sz]ed|undefined|missing)\s+columns?\b(?!\s+values?)|\bcolumns?\b(?![^.]*\bvalues?\b)[^.]{0,80}\b(?:not\s+(?:found|exist|defined|configured|allowed|part)|does\s*n[o'’]t\s+exist)/i;

/** doc: a 403 is an address that is not on the allow-list, a missing role, or a token that has ended; the body says which. */
const ADDRESS = /\bip\b|allow-?\s?list|white-?\s?list/i;
const ROLE = /dataspace|\broles?\b/i;

export const HINTS = {
  url: 'check baseUrl: the host is the one of your region, such as https://eu-api.dengage.com',
  credentials: 'check userkey and password, and that the API user is active',
  address: "add this machine's public address to the IP allow-list of the API user at D·engage",
  role: 'grant the API user the role permission DataSpace.Manage',
  forbidden: 'grant the API user the role permission DataSpace.Manage, and check the IP allow-list at D·engage',
  columns: 'the names under columns: of this destination must be columns of master_contact that are marked as import-enabled',
} as const;

/** What the answer to a bulk call means (pure; never throws). `now` is milliseconds since 1970. */
export function outcomeOfAnswer(answer: HttpAnswer, batch: OutgoingBatch, options: { readonly insertIfNotExists: boolean }, now: number): Outcome {
  const { status } = answer;
  const body = parsed(answer.body);
  const said = (): string => maskValues(wordsIn(body, answer.body), echoable(batch));
  if (status < 200 || status >= 300) {
    const failure = outcomeOfStatus(answer, now, echoable(batch));
    if (failure !== null) return failure;
    if (REFUSED.has(status)) return refused(said() || `HTTP ${status}`, status);
    return { kind: 'unknown', message: `D·engage answered ${status}, which does not tell whether the call was processed`, httpStatus: status };
  }
  const summary = isObject(body) ? summaryIn(body) : null;
  const code = isObject(body) ? pick(body, 'code') : undefined;
  // seen: code 0 is success. A code of another kind beside an empty summary is a call that was refused as a whole.
  const failed = code !== undefined && !['0', '200'].includes(String(code));
  if (failed && (summary === null || !hasTaken(summary))) return TOO_MANY.test(said()) ? throttled(said(), null, status) : refused(said() || `code ${String(code)}`, status);
  if (summary === null) return { kind: 'unknown', message: `D·engage answered ${status} without saying what was inserted and updated`, httpStatus: status };
  return outcomeOfSummary(summary, batch, options, status);
}

/**
 * The part that is the same for every route: limits, credentials, addresses, outages (pure). Null: anything else. `personal` is masked.
 * A 401, and a 403 that does not speak of the address or the role, is `expired`; whoever holds the token knows
 * whether it is so for the first time.
 */
export function outcomeOfStatus(answer: HttpAnswer, now: number, personal: Iterable<string> = []): Outcome | null {
  const { status, headers } = answer;
  const said = maskValues(wordsIn(parsed(answer.body), answer.body), personal);
  if (status === 429) return throttled(said, retryAfter(headers, now), status);
  if (status === 401) return { kind: 'expired', message: said || 'not authenticated', httpStatus: status };
  if (status === 403) return outcomeOf403(said);
  if (status === 404 || status === 405) return { kind: 'misconfigured', message: said || `HTTP ${status}`, hint: HINTS.url, httpStatus: status };
  if (status >= 300 && status < 400) return { kind: 'misconfigured', message: `D·engage redirects (HTTP ${status})`, hint: HINTS.url, httpStatus: status };
  if (status >= 500 && TOO_MANY.test(said)) return throttled(said, retryAfter(headers, now), status);
  if (NOT_PROCESSED.has(status)) return { kind: 'unavailable', message: `D·engage answered ${status}: ${said || 'no words'}`, httpStatus: status };
  return null;
}

function outcomeOf403(said: string): Outcome {
  if (ADDRESS.test(said)) return { kind: 'misconfigured', message: `D·engage does not allow this address: ${said}`, hint: HINTS.address, httpStatus: 403 };
  if (ROLE.test(said)) return { kind: 'misconfigured', message: `D·engage does not allow this API user: ${said}`, hint: HINTS.role, httpStatus: 403 };
  return { kind: 'expired', message: said || 'not allowed', httpStatus: 403 };
}

function throttled(said: string, retryAfterMs: number | null, httpStatus: number): Outcome {
  return { kind: 'throttled', retryAfterMs, message: said || 'too many requests', httpStatus };
}

function refused(message: string, httpStatus: number): Outcome {
  return COLUMN.test(message) ? { kind: 'misconfigured', message, hint: HINTS.columns, httpStatus } : { kind: 'refused', message, httpStatus };
}

function hasTaken(summary: Readonly<Record<string, unknown>>): boolean {
  return ['inserted', 'updated'].some((name) => {
    const value = pick(summary, name);
    return Array.isArray(value) ? value.length > 0 : typeof value === 'number' && value > 0;
  });
}

function* echoable({ rows }: OutgoingBatch): Iterable<string> {
  for (const row of rows) yield* personalValues(row);
}
