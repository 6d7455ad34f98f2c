import { createClient, parsed, withDeadline } from '../../http/index.js';
import type { HttpAnswer } from '../../http/index.js';
import type { MainBrainerConfig } from '../../config/index.js';
import type { Capabilities, Destination, Outcome } from '../contract.js';
import { createTokens, outcomeOfError } from '../http/index.js';
import type { DestinationOptions } from '../registry.js';
import { MAX_BATCH, NOTICES } from './config.js';
import { CREDENTIALS_HINT, logIn, refusalOf, refusesToken } from './login.js';
import { batchBody, compileMapping, differences } from './mapping.js';
import { outcomeOfBatch, outcomeOfRead } from './outcomes.js';
import { readStatus } from './results.js';
import { createWebhooks } from './webhook.js';

/** Statuses of a Status call that say that the batch is not there, perhaps not yet (unknown; doc: 400, 409, 422 beside 404's usual sense). */
const NOT_THERE: ReadonlySet<number> = new Set([400, 404, 409, 410, 422]);
/** A batch that nobody has. */
const NO_BATCH = '00000000-0000-0000-0000-000000000000';

/** A MainBrainer account, or one list of it, as a destination. */
export function createMainBrainer(config: MainBrainerConfig, options: DestinationOptions = {}): Destination {
  const client = createClient({ baseUrl: config.baseUrl });
  const now = options.now ?? Date.now;
  const { listId, webhookUrl, userName, password, privateToken } = config;
  const bounded = <T>(signal: AbortSignal, call: (bound: AbortSignal) => Promise<T>): Promise<T> => withDeadline(signal, config.timeout, call);
  const login = { userName, password, privateToken };
  const tokens = createTokens((signal) => logIn(login, client.host, (body) => bounded(signal, (bound) => client.request('POST', '/token', body, bound)), now), now);
  const webhooks = createWebhooks(config.name, privateToken + password);
  const configured = { listId, webhookUrl, properties: Object.keys(config.properties) };
  const capabilities: Capabilities = {
    maxBatchSize: MAX_BATCH,
    maxBodyBytes: null,
    matchedBy: 'identity',
    consent: 'always',
    keyChange: 'ledger',
    identityChange: config.onKeyChange,
    notices: NOTICES,
    results: 'later',
    readBack: 'receipts',
    locales: null,
  };

  /** One call with the token at hand. What it comes to when it has no answer, or one about the token. */
  const ask = async (method: 'GET' | 'POST', path: string, body: string | null, signal: AbortSignal): Promise<HttpAnswer | Outcome> => {
    if (signal.aborted) return { kind: 'unavailable', message: 'not sent: the call was given up before it began', httpStatus: null };
    const token = tokens.current();
    // Dropped since `authorise`, by another call that was refused with it.
    if (token === null) return { kind: 'expired', message: 'not sent: there is no token', httpStatus: 0 };
    let answer: HttpAnswer;
    try {
      answer = await client.request(method, path, body, signal, { Authorization: `Bearer ${token.value}` });
    } catch (error) {
      return outcomeOfError(error, 'MainBrainer', client.host);
    }
    if (refusesToken(answer)) {
      const message = refusalOf(answer, token, login);
      const { status: httpStatus } = answer;
      return tokens.refused(token) ? { kind: 'expired', message, httpStatus } : { kind: 'unauthenticated', message, hint: CREDENTIALS_HINT, httpStatus };
    }
    if (answer.status < 500 && answer.status !== 429) tokens.accepted(token);
    return answer;
  };

  /** A read that was cut changed nothing: it may simply be asked again. */
  const read = async (path: string, signal: AbortSignal): Promise<HttpAnswer | Outcome> => {
    const answer = await ask('GET', path, null, signal);
    return 'kind' in answer && answer.kind === 'unknown' ? { ...answer, kind: 'unavailable' } : answer;
  };

  return {
    capabilities,
    prepare: compileMapping(config.properties),
    authorise: (paced, signal) => tokens.authorise(paced, signal),
    async send({ id, rows }, signal) {
      if (rows.length === 0 || rows.length > MAX_BATCH) throw new RangeError(`a MainBrainer call holds 1 to ${MAX_BATCH} rows, not ${rows.length}`);
      const address = webhookUrl === undefined ? undefined : webhooks.address(webhookUrl, id);
      const answer = await ask('POST', '/contacts/batch', batchBody(rows, { listId, webhookUrl: address }), signal);
      return 'kind' in answer ? answer : outcomeOfBatch(answer, rows, configured, now());
    },
    async poll({ reference, rows }, signal) {
      const answer = await read(`/contacts/${encodeURIComponent(reference)}/Status`, signal);
      if ('kind' in answer) return answer;
      // Whoever asks for it has a deadline, so a batch that stays unknown does not wait for ever.
      if (NOT_THERE.has(answer.status)) return { kind: 'pending' };
      const body = parsed(answer.body);
      const told = answer.status >= 200 && answer.status < 300 && typeof body === 'object' && body !== null;
      return told ? readStatus(body, rows, answer.status) : outcomeOfRead(answer, now());
    },
    webhook: (call) => webhooks.verify(call),
    async check(signal) {
      const refused = await tokens.authorise((call) => call(signal), signal);
      if (refused !== null) return refused;
      // The page has no harmless read of its own; the status of a batch that nobody has changes nothing, and any
      // answer but one about the token or the rights says that both are good.
      const answer = await bounded(signal, (bound) => read(`/contacts/${NO_BATCH}/Status`, bound));
      if ('kind' in answer) return answer.kind === 'expired' ? { ...answer, kind: 'unauthenticated', hint: 'MainBrainer gave a token and refused it; try again, then ask MainBrainer' } : answer;
      const fine = (answer.status >= 200 && answer.status < 300) || NOT_THERE.has(answer.status);
      return fine ? { kind: 'answered', failed: [], httpStatus: 200 } : outcomeOfRead(answer, now());
    },
    compare(expected, found) {
      const names = differences(expected.fields, found.fields);
      if (expected.optedIn !== null && expected.optedIn !== found.optedIn) names.push('emailOptIn');
      const sms = expected.smsOptedIn ?? null;
      if (sms !== null && found.smsOptedIn !== undefined && sms !== found.smsOptedIn) names.push('mobileOptIn');
      return names;
    },
    close() {
      client.close();
      return Promise.resolve();
    },
  };
}
