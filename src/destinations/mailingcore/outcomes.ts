import { maskValues, parsed, quotaUntil, retryAfter } from '../../http/index.js';
import type { HttpAnswer } from '../../http/index.js';
import type { OutgoingRow, Outcome } from '../contract.js';
import { personalValues } from '../http/index.js';
import { matchRows, readFailed, wordsOf } from './failed.js';

/** Statuses that mean the request was not processed (doc for none of them; a 504 comes from a gateway that gave up waiting). */
const NOT_PROCESSED: ReadonlySet<number> = new Set([425, 500, 502, 503]);
/** The whole call refused for what is in it. doc: 400; the others are what comparable platforms use. */
const REFUSED: ReadonlySet<number> = new Set([400, 409, 413, 422]);

const HINT_403 = 'grant the key the contacts:write scope, and check that tenantId is the tenant of the key';
const HINT_URL = 'check baseUrl: MailingCore itself answers at https://api.mailingcore.com';

/** What the answer to a bulk call means (pure; never throws). `now` is milliseconds since 1970. */
export function outcomeOfAnswer(answer: HttpAnswer, rows: readonly OutgoingRow[], now: number): Outcome {
  const { status } = answer;
  const body = parsed(answer.body);
  const said = (): string => maskValues(wordsIn(body, answer.body), echoable(rows));
  if (status >= 200 && status < 300) return outcomeOfSuccess(status, body, rows);
  const failure = outcomeOfStatus(answer, body, now, echoable(rows));
  if (failure !== null) return failure;
  if (REFUSED.has(status)) return { kind: 'refused', message: said() || `HTTP ${status}`, httpStatus: status };
  if (NOT_PROCESSED.has(status)) return { kind: 'unavailable', message: `MailingCore answered ${status}: ${said() || 'no words'}`, httpStatus: status };
  return { kind: 'unknown', message: `MailingCore answered ${status}, which does not tell whether the call was processed`, httpStatus: status };
}

/** The part that is the same for every route: limits, credentials, addresses. Null: anything else. `personal` is masked. */
export function outcomeOfStatus(answer: HttpAnswer, body: unknown, now: number, personal: Iterable<string> = []): Outcome | null {
  const { status, headers } = answer;
  const said = maskValues(wordsIn(body, answer.body), personal);
  if (status === 429) {
    if (isObject(body) && body['quota'] !== undefined && body['quota'] !== null) {
      return { kind: 'quota', until: quotaUntil(body['quota'], headers, now), message: said || 'quota exceeded', httpStatus: status };
    }
    return { kind: 'throttled', retryAfterMs: retryAfter(headers, now), message: said || 'too many requests', httpStatus: status };
  }
  if (status === 401) {
    return { kind: 'unauthenticated', message: said || 'not authenticated', hint: 'check apiKey (mc_live_… or mc_test_…) and tenantId', httpStatus: status };
  }
  if (status === 403) return { kind: 'misconfigured', message: said || 'not allowed', hint: HINT_403, httpStatus: status };
  if (status === 404 || status === 405) return { kind: 'misconfigured', message: said || `HTTP ${status}`, hint: HINT_URL, httpStatus: status };
  if (status >= 300 && status < 400) return { kind: 'misconfigured', message: `MailingCore redirects (HTTP ${status})`, hint: HINT_URL, httpStatus: status };
  return null;
}

/** `{created, updated, failed}`, at the top or one level down, as numbers or lists. */
function outcomeOfSuccess(status: number, body: unknown, rows: readonly OutgoingRow[]): Outcome {
  const summary = summaryIn(body);
  if (summary === null) {
    return { kind: 'unknown', message: `MailingCore answered ${status} without a summary of created, updated and failed`, httpStatus: status };
  }
  const accepted = (sizeOf(summary['created']) ?? 0) + (sizeOf(summary['updated']) ?? 0);
  const unclear = (message: string): Outcome => ({ kind: 'unclear', accepted: Math.max(0, Math.min(accepted, rows.length)), message, httpStatus: status });
  if (malformedCount(summary['created']) || malformedCount(summary['updated'])) return unclear('created or updated is not a count');

  const reported = summary['failed'] === undefined || summary['failed'] === null ? { count: 0 } : readFailed(summary['failed']);
  if (reported === null) return unclear('failed is neither a count nor a list');
  // A bare count may have the rows beside it.
  const details = Array.isArray(summary['errors']) ? summary['errors'] : [];
  const bare = 'count' in reported ? reported.count : null;
  const named = 'entries' in reported ? reported : readFailed(details);
  const entries = named !== null && 'entries' in named ? named.entries : [];
  if (bare !== null && bare !== 0 && entries.length === 0) return unclear(`${bare} of ${rows.length} rows failed, it does not say which`);
  if ('entries' in reported && details.length > 0 && reported.entries.length === 0) return unclear('it lists errors but no failed rows');

  const failed = matchRows(entries, rows);
  if (failed === null) return unclear('the failed rows cannot be told apart from the others');
  if (bare !== null && bare !== failed.length) return unclear(`it counts ${bare} failed rows and names ${failed.length}`);
  if (accepted + failed.length !== rows.length) {
    return unclear(`created, updated and failed make ${accepted + failed.length}, ${rows.length} rows were sent`);
  }
  return { kind: 'answered', failed, httpStatus: status };
}

/**
 * Whether a 404 says that the contact is not there (then it is erased) rather than that the address is wrong:
 * doc: errors carry `statusCode`; seen: an unknown route is "Cannot DELETE /…".
 */
export function isGone(answer: HttpAnswer): boolean {
  if (answer.status !== 404) return false;
  const body = parsed(answer.body);
  if (typeof body !== 'object' || body === null) return false;
  const { statusCode, status, message, detail } = body as Record<string, unknown>;
  const words = typeof message === 'string' ? message : typeof detail === 'string' ? detail : '';
  return (statusCode ?? status) === 404 && words !== '' && !words.startsWith('Cannot ');
}

type Summary = Readonly<Record<string, unknown>>;

function summaryIn(body: unknown): Summary | null {
  if (!isObject(body)) return null;
  for (const candidate of [body, body['data'], body['summary'], body['result']]) {
    if (isObject(candidate) && ['created', 'updated', 'failed'].some((name) => candidate[name] !== undefined)) {
      // The rows may stand beside a nested summary.
      return candidate === body || candidate['errors'] !== undefined || body['errors'] === undefined ? candidate : { ...candidate, errors: body['errors'] };
    }
  }
  return null;
}

function sizeOf(value: unknown): number | null {
  if (Array.isArray(value)) return value.length;
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : null;
}

function malformedCount(value: unknown): boolean {
  return value !== undefined && value !== null && sizeOf(value) === null;
}

/** doc: `{statusCode, message, …}`; seen: RFC 7807 (`title`, `detail`). Anything that is no JSON is not repeated. */
function wordsIn(body: unknown, text: string): string {
  if (body === undefined) return /^\s*</.test(text) ? 'an HTML page' : text;
  return typeof body === 'string' ? body : wordsOf(body);
}

function* echoable(rows: readonly OutgoingRow[]): Iterable<string> {
  for (const row of rows) yield* personalValues(row);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
