import { microTime } from '../../contacts/index.js';
import { maskPersonal, parsed, retryAfter, type HttpAnswer } from '../../http/index.js';
import { SourceError } from '../contract.js';
import { isRecord } from './path.js';
import type { Verdict } from './persist.js';

/** A refusal that asking again cannot mend. */
export class RefusedError extends SourceError {
  constructor(
    readonly status: number,
    message: string,
    hint: string,
    /** The platform's own name of it; empty where it has none. */
    readonly code = '',
  ) {
    super('misconfigured', message, hint);
  }
}

/** A complete JSON answer. */
export interface ApiAnswer {
  readonly body: Readonly<Record<string, unknown>>;
  /** The server's clock when it answered (its Date header), ISO microseconds; null where it does not say. */
  readonly at: string | null;
  readonly headers: HttpAnswer['headers'];
}

/** A refusal as the platform words it. */
export interface Reason {
  readonly code: string;
  /** Without a person. */
  readonly words: string;
}

/** What is particular to one platform. */
export interface ApiRules {
  /** For messages: `HubSpot`. */
  readonly platform: string;
  readonly baseUrl: string;
  /** Credentials among them; they are in no message. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds a call may take, from start to last byte. */
  readonly timeout: number;
  /** Milliseconds between the starts of two calls, at least. */
  readonly gap: number;
  /** In words, where a refusal means that a budget is used up for hours; null for any other. */
  spent(answer: HttpAnswer, body: Readonly<Record<string, unknown>>): string | null;
  /** The way out of a refusal, by its status and the platform's code; undefined: a general one. */
  hint(status: number, code: string): string | undefined;
  /** What a refusal says, where that is not `message` or `error` of an object. */
  readonly reason?: (answer: HttpAnswer) => Reason;
  /** Credentials that end while the source lives. */
  readonly credentials?: {
    /** Asked for before every call. @throws SourceError */
    headers(signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
    /** Whether the answer to a path says that they ended. `headers` gives others from then on, and the call is made once more. */
    ended(answer: HttpAnswer, path: string): boolean;
  };
}

/** doc (HubSpot): 423 an object is locked for a moment, 477 the account is moving; 408 and 425 are asked for by name. */
const PASSING: ReadonlySet<number> = new Set([408, 423, 425, 477]);

/** What follows from an answer. Refusals that asking again cannot mend are thrown. */
export function judge(answer: HttpAnswer, rules: ApiRules, place: string): Verdict<ApiAnswer> {
  const { status, headers } = answer;
  const json = parsed(answer.body);
  const body = isRecord(json) ? json : null;
  if (status >= 200 && status < 300) {
    return body === null ? { trouble: `an answer that is no JSON object (status ${status})` } : { answer: { body, at: clockOf(headers['date']), headers } };
  }
  const spent = rules.spent(answer, body ?? {});
  if (spent !== null) throw new SourceError('unreachable', `${place}: ${spent}`, 'the run waits and goes on by itself once the platform allows calls again');
  if (status === 429) return { throttled: retryAfter(headers, Date.now()) };
  if (status >= 500 || PASSING.has(status)) return { trouble: `status ${status}` };
  const { code, words } = rules.reason?.(answer) ?? { code: '', words: saidBy(body) };
  const said = [`status ${status}`, code, words].filter((part) => part !== '').join(', ');
  throw new RefusedError(status, `${place} refuses the call: ${said}`, rules.hint(status, code) ?? 'check baseUrl and fields of the source', code);
}

function clockOf(date: string | undefined): string | null {
  const ms = Date.parse(date ?? '');
  return Number.isNaN(ms) ? null : microTime(ms);
}

/** The platform's own words: `message` (HubSpot) or `error` (Pipedrive), without what looks personal. */
function saidBy(body: Readonly<Record<string, unknown>> | null): string {
  const words = body?.['message'] ?? body?.['error'];
  return typeof words === 'string' ? maskPersonal(words) : '';
}
