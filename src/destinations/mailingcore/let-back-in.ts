import type { HttpAnswer } from '../../http/index.js';
import type { Outcome, OutgoingRow } from '../contract.js';
import { emailOf } from './failed.js';
import { outcomeOfAnswer } from './outcomes.js';

/** It is not on the list, or there is no list. */
const NOTHING_THERE: ReadonlySet<number> = new Set([404, 405, 501]);

/**
 * Takes a contact off MailingCore's suppression list (doc: `DELETE /suppressions/{email}`): while it is on it, an
 * `optIn` of true mails nobody. Only the person's newer consent may lead here.
 * @param remove makes the call
 * @param now milliseconds since 1970
 */
export async function letBackIn(
  remove: (path: string, signal: AbortSignal) => Promise<HttpAnswer | Outcome>,
  row: OutgoingRow,
  now: number,
  signal: AbortSignal,
): Promise<Outcome> {
  const email = emailOf(row);
  if (email === null) return { kind: 'answered', failed: [], httpStatus: 0 };
  const answer = await remove(`/suppressions/${encodeURIComponent(email)}`, signal);
  if ('kind' in answer) return answer;
  if ((answer.status >= 200 && answer.status < 300) || NOTHING_THERE.has(answer.status)) return { kind: 'answered', failed: [], httpStatus: answer.status };
  const outcome = outcomeOfAnswer(answer, [row], now);
  return outcome.kind === 'misconfigured' && outcome.httpStatus === 403 ? { ...outcome, hint: 'grant the key the suppressions:write scope' } : outcome;
}
