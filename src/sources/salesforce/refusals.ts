import { maskPersonal, parsed, type HttpAnswer } from '../../http/index.js';
import type { Reason } from '../api/index.js';

const BY_CODE: Readonly<Record<string, string>> = {
  INVALID_FIELD: 'use API names in key and fields (Setup, Object Manager, Fields & Relationships), and let the integration user see them (field-level security)',
  INVALID_TYPE: 'check object, and give the integration user the right to read it',
  API_DISABLED_FOR_ORG: 'give the integration user the permission "API Enabled"; not every edition has an API',
  API_CURRENTLY_DISABLED: 'give the integration user the permission "API Enabled"',
  INSUFFICIENT_ACCESS: 'give the integration user the right to read the object',
};

const BY_STATUS: Readonly<Record<number, string>> = {
  401: 'check the app and its user: the token it gave is refused',
  403: 'give the integration user the right to read the object by the API',
  404: 'check loginUrl and apiVersion',
  414: 'map fewer fields: Salesforce takes no longer URL',
  431: 'map fewer fields: Salesforce takes no longer URL',
};

/** The way out of a refused query. */
export const hintOf = (status: number, code: string): string | undefined => BY_CODE[code] ?? BY_STATUS[status];

/** The way out of a refused log-in. */
export const LOGIN_HINT =
  'check loginUrl (the My Domain address), clientId and clientSecret or refreshToken, and that the app has this flow enabled, with a user to run as';

/**
 * What a refusal says. doc: a list of `{message, errorCode}`. seen: the message begins with the part of the query that is
 * wrong, in which keys can stand; only what follows its position is repeated.
 */
export function reasonOf({ body }: HttpAnswer): Reason {
  const list = parsed(body);
  const first = (Array.isArray(list) ? (list as unknown[])[0] : list) as { errorCode?: unknown; message?: unknown } | null | undefined;
  const message = typeof first?.message === 'string' ? first.message : '';
  const code = typeof first?.errorCode === 'string' && /^[A-Z_]{1,80}$/.test(first.errorCode) ? first.errorCode : '';
  return { code, words: maskPersonal(message.replace(/^[^]*ERROR at Row:\d+:Column:\d+\n?/, '')) };
}

/** Calls of the last 24 hours and how many there may be, as every answer tells (doc: Sforce-Limit-Info). */
export function usageOf(headers: HttpAnswer['headers']): { readonly used: number; readonly allowed: number } | null {
  const told = /(?:^|[\s,;])api-usage=(\d+)\/(\d+)/.exec(headers['sforce-limit-info'] ?? '');
  return told === null ? null : { used: Number(told[1]), allowed: Number(told[2]) };
}

/** In words, where waiting is all that helps; null for any other refusal. */
export function spentOf(answer: HttpAnswer): string | null {
  const { code, words } = reasonOf(answer);
  // seen: a query that ran into its 120 seconds is told as 400; another hour's load may let it pass.
  if (code === 'QUERY_TIMEOUT') return 'the query took longer than Salesforce lets one run (QUERY_TIMEOUT)';
  if (code !== 'REQUEST_LIMIT_EXCEEDED') return null;
  if (/concurrent/i.test(words)) return 'too many long calls run there at once (REQUEST_LIMIT_EXCEEDED)';
  const usage = usageOf(answer.headers);
  return `the org's API calls of the last 24 hours are used up (REQUEST_LIMIT_EXCEEDED${usage === null ? '' : `, ${usage.used} of ${usage.allowed}`})`;
}

/**
 * In words, where logging in later helps; null for any other refusal.
 * seen: `unknown_error`, "retry your request", and `login rate exceeded`, all as 400 or 403.
 */
export function loginSpentOf({ body }: HttpAnswer): string | null {
  const { error, error_description: more } = (parsed(body) ?? {}) as { error?: unknown; error_description?: unknown };
  const said = [error, more].filter((text) => typeof text === 'string').join(' ');
  if (/rate.?(?:limit|exceeded)/i.test(said)) return 'too many log-ins of this user in the last hour';
  return /unknown_error|server_error|temporarily|retry your request/i.test(said) ? 'logging in fails for now' : null;
}
