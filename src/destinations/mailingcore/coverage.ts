import { DestinationError } from '../contract.js';
import type { CampaignLocale, Outcome, Paced } from '../contract.js';
import { askPatiently, isObject, textOf, type ReadingParts } from './page.js';

const WHAT = 'locales';

/**
 * What a campaign will find by locale (doc: `GET /campaigns/{id}/locale-coverage`, scope `campaigns:read`).
 * unknown: whether the list stands alone, so it is also taken from the body's usual names.
 * @throws DestinationError
 */
export async function readCoverage(parts: ReadingParts, campaign: string, paced: Paced, signal: AbortSignal): Promise<readonly CampaignLocale[]> {
  const answer = await askPatiently(parts, WHAT, `/campaigns/${encodeURIComponent(campaign)}/locale-coverage`, paced, signal);
  if (!('entries' in answer)) throw errorOf(answer);
  return answer.entries.map(entryOf);
}

/** doc: `{"locale": "en", "count": 1240, "hasTemplate": true}`, `"locale": null` for contacts without one. */
function entryOf(one: unknown): CampaignLocale {
  if (!isObject(one)) throw unreadable('has an entry that is none');
  const count = typeof one['count'] === 'string' && one['count'].trim() !== '' ? Number(one['count']) : one['count'];
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 0) throw unreadable('has an entry without a count');
  const locale = textOf(one['locale']) ?? textOf(one['language']);
  // What is not said to have a template has none: a gate passes nothing it cannot see.
  return { locale, count, hasTemplate: one['hasTemplate'] === true || one['hasTemplate'] === 'true' };
}

function unreadable(what: string): DestinationError {
  return new DestinationError('misconfigured', `MailingCore's locale coverage ${what}`, 'report it with the answer of GET /campaigns/{id}/locale-coverage');
}

function errorOf(outcome: Outcome): DestinationError {
  const words = 'message' in outcome ? outcome.message : 'MailingCore gave no usable answer';
  switch (outcome.kind) {
    case 'unauthenticated':
      return new DestinationError('unauthenticated', words, outcome.hint);
    case 'misconfigured':
      return new DestinationError('misconfigured', words, hintOf(outcome.httpStatus, outcome.message, outcome.hint));
    case 'refused':
      return new DestinationError('misconfigured', words, 'check the id of the campaign');
    case 'quota':
      return new DestinationError('quota', words);
    case 'throttled':
      return new DestinationError('throttled', words, 'lower limits.calls of this account, or try again later');
    case 'unknown':
      // An answer that was read, and is another than the page says.
      if (outcome.httpStatus === 200) return new DestinationError('misconfigured', words, 'check baseUrl');
      return new DestinationError('unreachable', words);
    default:
      return new DestinationError('unreachable', words);
  }
}

function hintOf(status: number, said: string, hint: string): string {
  if (status === 403) return 'grant the key the campaigns:read scope, and check that tenantId is the tenant of the key';
  // seen: an address that is not there is "Cannot GET /…".
  if (status === 404 && !said.startsWith('Cannot ')) return 'check the id of the campaign, and that it is of this tenantId';
  return hint;
}
