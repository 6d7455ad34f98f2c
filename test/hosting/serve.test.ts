import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/index.js';
import { LiveConfig } from '../../src/control/index.js';
import { createWebhooks } from '../../src/destinations/mainbrainer/webhook.js';
import { serve, type Served, type ServeOptions } from '../../src/hosting/index.js';
import { createPool, migrate, type Pool } from '../../src/ledger/index.js';
import type { Runtime } from '../../src/runtime/index.js';
import { createDatabase, suiteRuntime, type TestDatabase } from '../support/runtime.js';

const REFERENCE = '3fa85f64-5717-4562-b3fc-2c963f66afa6';
const ACCOUNT = 'webhooks-of-serve';
const SECRET = 'whsec_hush';
const TEXT = `version: 1
sources:
  crm: {type: csv, path: ./contacts.csv, key: id, updatedAt: updated_at, fields: {email: email}}
destinations:
  sms: {type: mainbrainer, userName: u@example.com, password: word, privateToken: token, account: ${ACCOUNT}}
  letters: {type: mailingcore, baseUrl: "http://127.0.0.1:1", apiKey: mc_test_key, tenantId: t}
  news: {type: mailingcore, baseUrl: "http://127.0.0.1:1", apiKey: mc_test_key, tenantId: t, webhookSecret: ${SECRET}}
syncs:
  one: {source: crm, destination: sms}
  two: {source: crm, destination: letters}
`;

let database: TestDatabase;
let pool: Pool;
let runtime: Runtime;
let options: ServeOptions;
let served: Served;

beforeAll(async () => {
  database = await createDatabase();
  await migrate(database.url);
  pool = createPool(database.url, 4);
  runtime = await suiteRuntime(database.url);
  const config = new LiveConfig(parseConfig(TEXT, { file: '/nowhere/syncline.yaml', shown: 'syncline.yaml', env: {} }));
  options = {
    at: { port: 0, host: '127.0.0.1' }, pool, config, lives: () => true, temporalAnswers: () => Promise.resolve(true),
    temporal: { client: runtime.client, taskQueue: runtime.taskQueue, attributes: false },
  };
  served = await serve(options);
});
afterAll(async () => {
  await served.close();
  await runtime.client.workflow.getHandle(`lane/${ACCOUNT}`).terminate('the test is over').catch(() => undefined);
  await pool.end();
  await runtime.close();
  await database.drop();
});

/** The address the platform is told for one batch, at this server. */
const addressOf = (batch: number | string, at: Served = served): string => createWebhooks('sms', 'tokenword').address(`${at.url}/webhooks/sms`, String(batch));
const post = async (url: string, body: string | Uint8Array = '', headers: Record<string, string> = {}): Promise<readonly [number, unknown]> => {
  const answer = await fetch(url, { method: 'POST', body, headers });
  return [answer.status, await answer.json()];
};

/** An accepted batch that is to be asked for in an hour. */
async function acceptedBatch(status: 'sending' | 'accepted' | 'settled'): Promise<number> {
  const { rows } = await pool.query<{ id: number }>(
    `WITH a AS (INSERT INTO account (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id),
       d AS (INSERT INTO destination (name, account_id, config_hash) SELECT 'sms', id, '' FROM a ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id, account_id)
     INSERT INTO batch (account_id, destination_id, action, fence, status, rows, attempt, started_at, poll_at)
     SELECT account_id, id, 0, 1, $2, 1, 1, now(), now() + interval '1 hour' FROM d RETURNING id`,
    [ACCOUNT, status],
  );
  return rows[0]?.id ?? 0;
}
const dueOf = async (batch: number): Promise<{ due: boolean; reference: string | null } | undefined> =>
  (await pool.query<{ due: boolean; reference: string | null }>('SELECT poll_at <= clock_timestamp() AS due, reference FROM batch WHERE id = $1', [batch])).rows[0];

test('a genuine webhook has its batch asked for at once and wakes the lane, whatever its content type; twice is as good as once', async () => {
  const batch = await acceptedBatch('sending');
  const notice = JSON.stringify({ BatchId: REFERENCE });
  expect(await post(addressOf(batch), notice, { 'content-type': 'application/json' })).toEqual([200, { ok: true }]);
  expect(await dueOf(batch)).toEqual({ due: true, reference: REFERENCE });
  expect((await runtime.client.workflow.getHandle(`lane/${ACCOUNT}`).describe()).status.name).toBe('RUNNING');
  expect(await post(addressOf(batch), notice, { 'content-type': 'text/plain' })).toEqual([200, { ok: true }]);
  expect(await post(addressOf(batch), `batchId=${REFERENCE}`, { 'content-type': 'application/x-www-form-urlencoded' })).toEqual([200, { ok: true }]);
  expect(await post(addressOf(batch), new Uint8Array([0, 255, 1]))).toEqual([200, { ok: true }]);
  expect(await post(addressOf(batch))).toEqual([200, { ok: true }]);
});

test('one that comes when everything is settled, or for a batch nobody knows, is taken and changes nothing', async () => {
  const batch = await acceptedBatch('settled');
  expect(await post(addressOf(batch), `{"BatchId":"${REFERENCE}"}`)).toEqual([200, { ok: true }]);
  expect(await dueOf(batch)).toEqual({ due: false, reference: null });
  expect(await post(addressOf(987_654_321))).toEqual([200, { ok: true }]);
  expect(await post(addressOf('not-a-number'))).toEqual([200, { ok: true }]);
});

test('a forged one is turned away without a hint, and changes nothing', async () => {
  const batch = await acceptedBatch('accepted');
  const genuine = addressOf(batch);
  const forged = [
    `${served.url}/webhooks/sms`, genuine.replace(/sig=./, 'sig=g'), genuine.replace(`batch=${batch}`, `batch=${batch + 1}`),
    `${served.url}/webhooks/sms?batch=${batch}&sig=${'0'.repeat(64)}`, `${served.url}/webhooks/sms?batch=${batch}&batch=${batch}&sig=`,
  ];
  for (const url of forged) expect(await post(url, `{"BatchId":"${REFERENCE}"}`)).toEqual([401, { ok: false }]);
  expect(await dueOf(batch)).toEqual({ due: false, reference: null });
});

/** Somebody unsubscribes, as MailingCore tells it. */
const unsubscribed = (delivery: string, secret = SECRET, type = 'contact.unsubscribed'): readonly [string, Record<string, string>] => {
  const body = JSON.stringify({ id: `evt_${delivery}`, type, createdAt: new Date().toISOString(), tenantId: 't', data: { externalId: delivery, email: `${delivery}@example.com` } });
  const time = Math.floor(Date.now() / 1000);
  const signature = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex');
  return [body, { 'x-mailingcore-signature': `t=${time},v1=${signature}`, 'x-mailingcore-delivery-id': delivery }];
};
const optedOut = async (): Promise<readonly string[]> => (await pool.query<{ key: string }>('SELECT key FROM suppression ORDER BY key')).rows.map(({ key }) => key);

test('who unsubscribed is stored before the platform is told so, once; what is forged or tells of nobody changes nothing', async () => {
  const hear = (...[body, headers]: readonly [string, Record<string, string>]): Promise<readonly [number, unknown]> => post(`${served.url}/webhooks/news`, body, headers);
  expect(await hear(...unsubscribed('crm-1'))).toEqual([200, { ok: true }]);
  expect(await optedOut()).toEqual(['crm-1']);
  expect(await hear(...unsubscribed('crm-1'))).toEqual([200, { ok: true }]);
  expect(await hear(...unsubscribed('crm-2', 'another'))).toEqual([401, { ok: false }]);
  expect(await hear(...unsubscribed('crm-3', SECRET, 'contact.updated'))).toEqual([200, { ok: true }]);
  expect(await optedOut()).toEqual(['crm-1']);
});

test('names of no destination, destinations without webhooks, other methods and bodies beyond a megabyte are refused', async () => {
  for (const name of ['nobody', 'letters', 'constructor', '__proto__', '%00']) expect((await post(`${served.url}/webhooks/${name}`))[0]).toBe(404);
  expect((await fetch(addressOf(1))).status).toBe(404);
  expect((await post(addressOf(1), 'x'.repeat(1024 * 1024 + 1)))[0]).toBe(413);
});

test('while the ledger cannot be reached the platform is asked to come again', async () => {
  const gone = createPool('postgres://127.0.0.1:1/nowhere', 1);
  const other = await serve({ ...options, pool: gone });
  try {
    expect(await post(addressOf(1, other))).toEqual([503, { ok: false }]);
    expect(await post(`${other.url}/webhooks/news`, ...unsubscribed('crm-4'))).toEqual([503, { ok: false }]);
    expect(await post(`${other.url}/webhooks/sms?batch=1&sig=${'0'.repeat(64)}`)).toEqual([401, { ok: false }]);
    const health = await fetch(`${other.url}/healthz`);
    expect([health.status, await health.json()]).toEqual([200, { status: 'degraded', worker: true, postgres: false, temporal: true }]);
  } finally {
    await other.close();
    await gone.end();
  }
});

test('a port that is taken is the system\'s error, and nothing is left open', async () => {
  await expect(serve({ ...options, at: { port: Number(new URL(served.url).port), host: '127.0.0.1' } })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
