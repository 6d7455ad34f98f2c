import { createHmac } from 'node:crypto';
import Fastify from 'fastify';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/index.js';

const SECRET = 'whsec';
const HEADERS = { authorization: 'Bearer mc_test_key', 'x-tenant-id': 'tenant', 'content-type': 'application/json' };

interface Arrived {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

let sandbox: Sandbox;
const receiver = Fastify({ logger: false, forceCloseConnections: true });
let url: string;
let arrived: Arrived[] = [];
/** Statuses of the next answers; then 200. */
let answers: number[] = [];
beforeAll(async () => {
  sandbox = await startSandbox();
  receiver.removeAllContentTypeParsers();
  receiver.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => { done(null, body); });
  receiver.post('/hook', (request, reply) => {
    arrived.push({ headers: request.headers, body: String(request.body) });
    return reply.code(answers.shift() ?? 200).send({});
  });
  await receiver.listen({ port: 0, host: '127.0.0.1' });
  url = `http://127.0.0.1:${(receiver.server.address() as AddressInfo).port}/hook`;
});
afterAll(async () => {
  await sandbox.close();
  await receiver.close();
});
beforeEach(() => {
  sandbox.mailingcore.reset();
  sandbox.mailingcore.plant([{ email: 'p1@example.com', externalId: 'crm-1', optIn: true }, { email: 'p2@example.com', externalId: 'crm-2', optIn: true }]);
  arrived = [];
  answers = [];
});

async function call(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const answer = await fetch(sandbox.mailingcore.baseUrl + path, { method, headers: HEADERS, ...(body !== undefined && { body: JSON.stringify(body) }) });
  const text = await answer.text();
  return { status: answer.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> };
}
const control = async (action: string, body: unknown): Promise<readonly [number, unknown]> => {
  const answer = await fetch(`${sandbox.url}/_control/actions/${action}?platform=mailingcore`, { method: 'POST', headers: HEADERS, body: JSON.stringify(body) });
  return [answer.status, await answer.json()];
};
const listed = async (path: string): Promise<unknown[]> => (await call('GET', path)).body['data'] as unknown[];

describe('a person who unsubscribes at the MailingCore sandbox', () => {
  it('is opted out, on the suppression list, and told of by a signed webhook', async () => {
    expect(await control('webhook', { url, secret: SECRET })).toEqual([200, { ok: true }]);
    await call('GET', '/contacts');
    expect(await control('unsubscribe', { contact: 'crm-1' })).toEqual([200, { ok: true }]);
    await sandbox.mailingcore.idle();
    expect(await listed('/contacts?optIn=false')).toMatchObject([{ externalId: 'crm-1' }]);
    expect(await listed('/suppressions')).toMatchObject([{ email: 'p1@example.com', reason: 'unsubscribed' }]);
    const [{ headers, body }] = arrived as [Arrived];
    expect(JSON.parse(body)).toMatchObject({ type: 'contact.unsubscribed', tenantId: 'tenant', data: { externalId: 'crm-1', email: 'p1@example.com' } });
    const [, time, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-mailingcore-signature'])) ?? [];
    expect(createHmac('sha256', SECRET).update(`${time}.${body}`).digest('hex')).toBe(signature);
  });

  it('is told of up to five times, under one delivery id, until somebody takes it', async () => {
    sandbox.mailingcore.setWebhook({ url, secret: SECRET, gap: 1 });
    answers = [503, 500, 401];
    sandbox.mailingcore.unsubscribe('crm-1');
    await sandbox.mailingcore.idle();
    expect(arrived).toHaveLength(4);
    expect(new Set(arrived.map(({ headers }) => headers['x-mailingcore-delivery-id'])).size).toBe(1);
    answers = Array<number>(9).fill(503);
    sandbox.mailingcore.unsubscribe('crm-2');
    await sandbox.mailingcore.idle();
    expect(arrived).toHaveLength(9);
  });

  it.each([['lost', 0], ['double', 2], ['deliver', 1]] as const)('webhooks: %s', async (webhooks, times) => {
    sandbox.mailingcore.setFaults({ webhooks });
    sandbox.mailingcore.setWebhook({ url, secret: SECRET });
    sandbox.mailingcore.unsubscribe('p1@example.com');
    await sandbox.mailingcore.idle();
    expect(arrived).toHaveLength(times);
    expect(sandbox.mailingcore.isSuppressed('P1@example.com')).toBe(true);
  });

  it('who is opted in again all the same is a violation, until the suppression is deleted', async () => {
    sandbox.mailingcore.unsubscribe('crm-1');
    const optIn = (): Promise<unknown> => call('POST', '/contacts/bulk', { contacts: [{ externalId: 'crm-1', optIn: true }, { externalId: 'crm-2', optIn: true }] });
    await optIn();
    expect(sandbox.mailingcore.violations()).toBe(1);
    expect(sandbox.mailingcore.isSuppressed('p1@example.com')).toBe(true);
    await call('POST', '/contacts/bulk', { contacts: [{ externalId: 'crm-1', optIn: false }] });
    expect(await control('violations', {})).toEqual([200, { optedInWhileSuppressed: 1 }]);
    expect((await call('DELETE', '/suppressions/p1%40example.com')).status).toBe(204);
    expect((await call('DELETE', '/suppressions/p1%40example.com')).status).toBe(404);
    await optIn();
    expect(sandbox.mailingcore.violations()).toBe(1);
  });

  it('a new contact with a suppressed address is one, too', async () => {
    await call('POST', '/suppressions', { email: 'new@example.com' });
    await call('POST', '/contacts/bulk', { contacts: [{ email: 'New@example.com', externalId: 'crm-3', optIn: true }] });
    expect(sandbox.mailingcore.violations()).toBe(1);
  });

  it('a tenant without a suppression list says so', async () => {
    sandbox.mailingcore.setFaults({ suppressions: 'absent' });
    expect(await call('GET', '/suppressions')).toMatchObject({ status: 404, body: { statusCode: 404 } });
  });

  it('a control call that cannot be used says what it takes', async () => {
    expect(await control('unsubscribe', {})).toMatchObject([400, { message: expect.stringContaining('externalId') as string }]);
    expect(await control('unsubscribe', { contact: 'nobody' })).toMatchObject([422, { message: 'no such contact' }]);
    expect(await control('webhook', { url: 'x' })).toMatchObject([400, {}]);
    expect(await control('resubscribe', {})).toEqual([404, { message: 'no action of that name at mailingcore; there are unsubscribe, webhook, violations' }]);
  });
});
