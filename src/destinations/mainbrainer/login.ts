import { maskValues, parsed } from '../../http/index.js';
import type { HttpAnswer } from '../../http/index.js';
import { outcomeOfError } from '../http/index.js';
import type { Token } from '../http/index.js';
import type { Outcome } from '../contract.js';
import { outcomeOfRead } from './outcomes.js';
import { wordsIn } from './reading.js';
import { tokenOf } from './token.js';

export interface Credentials {
  readonly userName: string;
  readonly password: string;
  readonly privateToken: string;
}

export const CREDENTIALS_HINT = 'check userName, password and privateToken (MainBrainer shows the last under Configuration, API Documentation)';

/**
 * One log-in. Never rejects for what the platform does.
 * @param post sends the log-in's body; rejects as the client does
 */
export async function logIn(login: Credentials, host: string, post: (body: string) => Promise<HttpAnswer>, now: () => number): Promise<Token | Outcome> {
  const sent = now();
  const { userName, password, privateToken } = login;
  try {
    // doc: `validity` is Default, ShortLive or LongLive.
    const answer = await post(JSON.stringify({ userName, password, privateToken, validity: 'Default' }));
    return tokenOf(answer, sent) ?? failedLogin(answer, secretsOf(login), now());
  } catch (error) {
    const outcome = outcomeOfError(error, 'MainBrainer', host);
    // A log-in that was cut may simply be made again.
    return outcome.kind === 'unknown' ? { ...outcome, kind: 'unavailable' } : outcome;
  }
}

/** What the platform says of a token it refuses, without the token and the credentials. */
export function refusalOf(answer: HttpAnswer, token: Token, login: Credentials): string {
  return maskValues(wordsIn(parsed(answer.body), answer.body), [token.value, ...secretsOf(login)]) || 'not authenticated';
}

/** Whether an answer is about the token: a 401, or a 403 in such words (unknown: which of them an expired one gets). */
export function refusesToken(answer: HttpAnswer): boolean {
  return answer.status === 401 || (answer.status === 403 && /\btoken\b|\bexpired?\b|\bbearer\b|authenticat/i.test(wordsIn(parsed(answer.body), answer.body)));
}

/** doc: 400, 401, 409, 422; some platforms say it in a 200. */
function failedLogin(answer: HttpAnswer, secrets: readonly string[], now: number): Outcome {
  const { status } = answer;
  const words = wordsIn(parsed(answer.body), answer.body);
  const message = maskValues(words, secrets) || `HTTP ${status}`;
  const saysSo = status >= 200 && status < 300 && /invalid|incorrect|wrong|denied|unauthori[sz]ed|credential|password|locked/i.test(words);
  if ([400, 401, 403, 409, 422].includes(status) || saysSo) return { kind: 'unauthenticated', message, hint: CREDENTIALS_HINT, httpStatus: status };
  const outcome = outcomeOfRead(answer, now);
  return 'message' in outcome ? { ...outcome, message: maskValues(outcome.message, secrets) } : outcome;
}

const secretsOf = ({ userName, password, privateToken }: Credentials): readonly string[] => [password, privateToken, userName];
