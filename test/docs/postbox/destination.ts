import type { Contact } from '../../../src/contacts/index.js';
import { createClient, maskPersonal, maskValues, parsed, retryAfter, withDeadline } from '../../../src/http/index.js';
import type { HttpAnswer } from '../../../src/http/index.js';
import { ACTION, CONSENT, DestinationError } from '../../../src/destinations/contract.js';
import type { Capabilities, Destination, FoundContact, Outcome, OutgoingRow, Paced, Prepared, RowFailure, Unsendable } from '../../../src/destinations/contract.js';
import { outcomeOfError, personalValues } from '../../../src/destinations/http/index.js';
import type { DestinationOptions } from '../../../src/destinations/registry.js';

export interface PostboxConfig {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly timeout: number;
}

const HINT = 'check apiKey';

/** A Postbox account as a destination. */
export function createPostbox(config: PostboxConfig, options: DestinationOptions = {}): Destination {
  const client = createClient({ baseUrl: config.baseUrl, headers: { 'X-Api-Key': config.apiKey } });
  const now = options.now ?? Date.now;
  const capabilities: Capabilities = { maxBatchSize: 200, maxBodyBytes: null, results: 'immediate', readBack: 'full', locales: null };

  const ask = async (method: 'GET' | 'POST', path: string, body: string | null, signal: AbortSignal): Promise<HttpAnswer | Outcome> => {
    if (signal.aborted) return { kind: 'unavailable', message: 'not sent: the call was given up before it began', httpStatus: null };
    try {
      return await client.request(method, path, body, signal);
    } catch (error) {
      // Refused connections are `unavailable`; whatever may have arrived is `unknown`.
      return outcomeOfError(error, 'Postbox', client.host);
    }
  };

  return {
    capabilities,
    prepare,
    async send({ rows }, signal) {
      const answer = await ask('POST', '/people', bodyOf(rows), signal);
      return 'kind' in answer ? answer : outcomeOf(answer, rows, now());
    },
    async *readAll(paced, signal) {
      for (let after: string | null = ''; after !== null; ) {
        const page = await readPage(`/people?after=${encodeURIComponent(after)}`, paced, signal);
        yield page.people.map(({ id, email, news }): FoundContact => ({ key: id, locale: null, optedIn: news, fields: JSON.stringify({ email }) }));
        after = page.next;
      }
    },
    async check(signal) {
      const answer = await withDeadline(signal, config.timeout, (bound) => ask('GET', '/people?after=', null, bound));
      return 'kind' in answer ? answer : (outcomeOfStatus(answer, now()) ?? { kind: 'answered', failed: [], httpStatus: answer.status });
    },
    compare(expected, found) {
      const differ = expected.fields === found.fields ? [] : ['email'];
      return expected.optedIn === null || expected.optedIn === found.optedIn ? differ : [...differ, 'news'];
    },
    close() {
      client.close();
      return Promise.resolve();
    },
  };

  async function readPage(path: string, paced: Paced, signal: AbortSignal): Promise<Page> {
    signal.throwIfAborted();
    const answer = await paced((bound) => ask('GET', path, null, AbortSignal.any([signal, bound])));
    const trouble = 'kind' in answer ? answer : outcomeOfStatus(answer, now());
    if (trouble?.kind === 'unauthenticated') throw new DestinationError('unauthenticated', trouble.message, trouble.hint);
    if (trouble !== null || 'kind' in answer) throw new DestinationError('unreachable', 'Postbox did not answer a read');
    return parsed(answer.body) as Page;
  }
}

interface Page {
  readonly people: readonly { readonly id: string; readonly email: string | null; readonly news: boolean }[];
  readonly next: string | null;
}

/** Pure. The same contact always gives the same text: its hash tells whether anything changed. */
function prepare({ key, email, emailConsent, locale }: Contact): Prepared | Unsendable {
  if (key === '') return { invalid: 'key: missing' };
  if (email === undefined || email === null) return { invalid: 'email: missing, Postbox addresses contacts by it' };
  return {
    fields: JSON.stringify({ email }),
    emailConsent: emailConsent === undefined ? CONSENT.unmapped : CONSENT[emailConsent],
    smsConsent: CONSENT.unmapped,
    locale: locale ?? null,
    warnings: [],
  };
}

/** Only a granted consent goes out as true. A platform without deletion lets go of what it can. */
function bodyOf(rows: readonly OutgoingRow[]): string {
  const people = rows.map((row) =>
    row.action === ACTION.erase
      ? { id: row.key, email: null, news: false }
      : { id: row.key, ...(JSON.parse(row.fields) as object), news: row.emailConsent === CONSENT.granted });
  return JSON.stringify({ people });
}

/** What the answer to a bulk call means (pure; never throws). */
function outcomeOf(answer: HttpAnswer, rows: readonly OutgoingRow[], now: number): Outcome {
  const { status } = answer;
  const trouble = outcomeOfStatus(answer, now);
  if (trouble !== null) return trouble;
  const body = parsed(answer.body) as { taken?: unknown; rejected?: unknown } | undefined | null;
  // Echoed values must not reach a ledger or a log.
  const said = (words: unknown): string => maskValues(typeof words === 'string' ? words : 'no reason given', rows.flatMap((row) => [...personalValues(row)]));
  if (status === 400) return { kind: 'refused', message: said(answer.body), httpStatus: status };
  if (status !== 200 || !Array.isArray(body?.rejected)) {
    return { kind: 'unknown', message: `Postbox answered ${status} without saying what it took`, httpStatus: status };
  }
  const failed = (body.rejected as readonly { readonly index: number; readonly why: unknown }[])
    .map(({ index, why }): RowFailure => ({ ord: rows[index]?.ord ?? -1, code: 'rejected', reason: said(why) }));
  // A sum that does not fit names nobody for certain: the lane sends the halves again.
  const fits = failed.every(({ ord }) => ord >= 0) && body.taken === rows.length - failed.length;
  return fits ? { kind: 'answered', failed, httpStatus: status } : { kind: 'unclear', accepted: Number(body.taken) || 0, message: 'Postbox counts other rows than were sent', httpStatus: status };
}

/** The part that is the same for every route. Null: anything else. */
function outcomeOfStatus({ status, headers, body }: HttpAnswer, now: number): Outcome | null {
  const message = maskPersonal(body) || `HTTP ${status}`;
  if (status === 429) return { kind: 'throttled', retryAfterMs: retryAfter(headers, now), message, httpStatus: status };
  if (status === 401) return { kind: 'unauthenticated', message, hint: HINT, httpStatus: status };
  if (status === 403 || status === 404) return { kind: 'misconfigured', message, hint: HINT, httpStatus: status };
  if ([500, 502, 503].includes(status)) return { kind: 'unavailable', message, httpStatus: status };
  return null;
}
