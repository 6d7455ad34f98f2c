import { setTimeout as delay } from 'node:timers/promises';
import { createClient, parsed, withDeadline } from '../../http/index.js';
import type { HttpAnswer } from '../../http/index.js';
import type { MailingCoreConfig } from '../../config/index.js';
import { ACTION } from '../contract.js';
import type { Capabilities, Destination, Outcome, OutgoingBatch, OutgoingRow, WebhookCall } from '../contract.js';
import { outcomeOfError } from '../http/index.js';
import type { DestinationOptions } from '../registry.js';
import { LOCALES, MAX_BATCH } from './config.js';
import { readCoverage } from './coverage.js';
import { bulkBody, differences, prepare } from './mapping.js';
import { isGone, outcomeOfAnswer, outcomeOfStatus } from './outcomes.js';
import { letBackIn } from './let-back-in.js';
import { readOptOuts } from './opt-outs.js';
import type { ReadingParts } from './page.js';
import { readContacts } from './reading.js';
import { readWebhook } from './webhook.js';

/** A MailingCore tenant as a destination. */
export function createMailingCore(config: MailingCoreConfig, options: DestinationOptions = {}): Destination {
  const client = createClient({ baseUrl: config.baseUrl, headers: { Authorization: `Bearer ${config.apiKey}`, 'X-Tenant-Id': config.tenantId } });
  const now = options.now ?? Date.now;
  const wait = options.wait ?? ((ms, signal) => delay(ms, undefined, { signal }));
  const { matchBy, tenantId, webhookSecret } = config;
  const reading: ReadingParts = { client, now, wait, bounded: (outer, call) => withDeadline(outer, config.timeout, call) };
  const capabilities: Capabilities = {
    maxBatchSize: MAX_BATCH,
    maxEraseBatchSize: 1,
    matchedBy: matchBy === 'email' ? 'email' : 'key',
    maxBodyBytes: null,
    results: 'immediate',
    readBack: 'full',
    locales: LOCALES,
  };

  const ask = async (method: 'GET' | 'POST' | 'DELETE', path: string, body: string | null, signal: AbortSignal): Promise<HttpAnswer | Outcome> => {
    if (signal.aborted) return { kind: 'unavailable', message: 'not sent: the call was given up before it began', httpStatus: null };
    try {
      return await client.request(method, path, body, signal);
    } catch (error) {
      return outcomeOfError(error, 'MailingCore', client.host);
    }
  };

  const erase = async (row: OutgoingRow, signal: AbortSignal): Promise<Outcome> => {
    if (matchBy === 'email') {
      const reason = 'MailingCore erases by externalId, which contacts matched by e-mail do not have; erase it there by hand';
      return { kind: 'answered', failed: [{ ord: row.ord, code: 'no_external_id', reason }], httpStatus: 0 };
    }
    const answer = await ask('DELETE', `/contacts/${encodeURIComponent(row.key)}`, null, signal);
    if ('kind' in answer) return answer;
    const done = (answer.status >= 200 && answer.status < 300) || isGone(answer);
    return done ? { kind: 'answered', failed: [], httpStatus: answer.status } : outcomeOfAnswer(answer, [row], now());
  };

  return {
    capabilities,
    prepare: (contact) => prepare(contact, matchBy),
    async send(batch: OutgoingBatch, signal) {
      const [first] = batch.rows;
      if (first === undefined || batch.rows.length > MAX_BATCH) throw new RangeError(`a MailingCore call holds 1 to ${MAX_BATCH} rows, not ${batch.rows.length}`);
      const erasures = batch.rows.filter((row) => row.action === ACTION.erase).length;
      if (erasures > 0 && batch.rows.length > 1) throw new RangeError('MailingCore erases one contact a call');
      if (erasures > 0) return erase(first, signal);
      const answer = await ask('POST', '/contacts/bulk', bulkBody(batch.rows, matchBy), signal);
      return 'kind' in answer ? answer : outcomeOfAnswer(answer, batch.rows, now());
    },
    letBackIn: (row, signal) => letBackIn((path, bound) => ask('DELETE', path, null, bound), row, now(), signal),
    readAll: (paced, signal) => readContacts(reading, paced, signal),
    coverage: (campaign, paced, signal) => readCoverage(reading, campaign, paced, signal),
    optOuts: (since, paced, signal) => readOptOuts(reading, matchBy, since, paced, signal),
    // Without a secret nothing can be told from a forgery.
    ...(webhookSecret !== undefined && { webhook: (call: WebhookCall) => readWebhook(call, { secret: webhookSecret, tenantId, matchBy, now }) }),
    async check(signal) {
      const answer = await withDeadline(signal, config.timeout, (bound) => ask('GET', '/contacts?limit=1', null, bound));
      if ('kind' in answer) return answer;
      if (answer.status === 200 && parsed(answer.body) !== undefined) return { kind: 'answered', failed: [], httpStatus: 200 };
      const outcome = outcomeOfStatus(answer, parsed(answer.body), now()) ?? outcomeOfAnswer(answer, [], now());
      return outcome.kind === 'misconfigured' && outcome.httpStatus === 403 ? { ...outcome, hint: 'grant the key the contacts:read and contacts:write scopes' } : outcome;
    },
    compare(expected, found) {
      const names = differences(expected.fields, found.fields);
      if (expected.optedIn !== null && expected.optedIn !== found.optedIn) names.push('optIn');
      return names;
    },
    close() {
      client.close();
      return Promise.resolve();
    },
  };
}
