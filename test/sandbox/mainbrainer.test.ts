import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FaultsError, startSandbox } from '../../src/sandbox/index.js';
import type { Sandbox } from '../../src/sandbox/index.js';

let sandbox: Sandbox;
let token = '';
const LOGIN = { userName: 'a', password: 'b', privateToken: 'c', validity: 'Default' };
beforeAll(async () => {
  sandbox = await startSandbox();
  token = String((await call('POST', '/token', LOGIN)).body['access_token']);
});
afterAll(() => sandbox.close());
beforeEach(() => sandbox.mainbrainer.reset());

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = { authorization: `Bearer ${token}` }) {
  const answer = await fetch(sandbox.mainbrainer.baseUrl + path, { method, headers: { 'content-type': 'application/json', ...headers }, ...(body !== undefined && { body: JSON.stringify(body) }) });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> };
}
const batch = (createUpdateContacts: unknown, more: object = {}) => call('POST', '/contacts/batch', { createUpdateContacts, ...more });
async function done(createUpdateContacts: unknown, more: object = {}): Promise<Record<string, unknown>> {
  const { body } = await batch(createUpdateContacts, more);
  await sandbox.mainbrainer.idle();
  return (await call('GET', `/contacts/${String((body['data'] as { BatchId: string }).BatchId)}/Status`)).body;
}
const mail = (n: number, more: object = {}) => ({ email: `p${n}@example.com`, ...more });
const mobile = { mobileCountryCode: 47, mobileNumber: 90812501 };

describe('MainBrainer sandbox: matching as its page says', () => {
  it('by e-mail and mobile together, where a missing one has to be null on the record', async () => {
    await done([mail(1), mail(1, mobile), mobile, { email: '', ...mobile }]);
    expect([...sandbox.mainbrainer.contacts()].map(({ email, mobileNumber }) => [email, mobileNumber])).toEqual([['p1@example.com', null], ['p1@example.com', 90812501], [null, 90812501]]);
    expect(sandbox.mainbrainer.contact({ email: 'p1@example.com', mobile: '+4790812501' })).toMatchObject(mobile);
  });

  it('by contactId before all else; an unknown one makes a new contact under another id and is named', async () => {
    const status = await done([mail(1)]);
    const [contactId] = (status['processedObj'] as { inserted: { contactIds: number[] } }).inserted.contactIds;
    await done([{ contactId, ...mobile }]);
    expect(sandbox.mainbrainer.contact(contactId ?? 0)).toMatchObject({ email: 'p1@example.com', ...mobile });
    const { body } = await batch([{ contactId: 999, email: 'p2@example.com' }]);
    expect(body).toMatchObject({ data: { InvalidContactIds: [999] } });
    await sandbox.mainbrainer.idle();
    expect(sandbox.mainbrainer.contact(999)).toBeUndefined();
    expect(sandbox.mainbrainer.size()).toBe(2);
  });

  it('an absent or blank opt-in is no consent, what else is absent stays', async () => {
    await done([mail(1, { emailOptIn: true, mobileOptIn: false, propertyfields: [{ propertyname: 'City', propertyvalue: 'Oslo' }] })]);
    expect(sandbox.mainbrainer.contact({ email: 'p1@example.com' })).toMatchObject({ emailOptIn: true, mobileOptIn: false, properties: { city: 'Oslo' } });
    await done([mail(1, { emailOptIn: '' })]);
    expect(sandbox.mainbrainer.contact({ email: 'p1@example.com' })).toMatchObject({ emailOptIn: null, mobileOptIn: null, properties: { city: 'Oslo' } });
  });
});

describe('MainBrainer sandbox: as strict as its page', () => {
  it.each<[string, unknown, number]>([
    ['an impossible e-mail', { email: 'nobody' }, 422],
    ['nothing to match by', { emailOptIn: true }, 422],
    ['a mobile as text', { mobileCountryCode: 47, mobileNumber: '90812501' }, 400],
    ['half a mobile', { mobileNumber: 90812501 }, 400],
    ['an opt-in as text', { email: 'a@example.com', emailOptIn: 'true' }, 400],
    ['a contactId as text', { contactId: '1' }, 400],
    ['a value that is no text', { email: 'a@example.com', propertyfields: [{ propertyname: 'city', propertyvalue: 1 }] }, 400],
    ['an unknown field', { email: 'a@example.com', firstName: 'A' }, 400],
    ['no object', 7, 400],
  ])('%s refuses the whole batch', async (_name, bad, status) => {
    const answer = await batch([mail(1), bad, mail(2)]);
    expect(answer).toMatchObject({ status, body: { status: 'Error' } });
    await sandbox.mainbrainer.idle();
    expect(sandbox.mainbrainer.size()).toBe(0);
  });

  it('1 to 1000 contacts, a known list, a webhook that is a URL, a token', async () => {
    expect((await batch([])).status).toBe(400);
    expect((await batch(Array.from({ length: 1001 }, (_, n) => mail(n)))).status).toBe(400);
    expect((await batch([mail(1)], { listId: '00000000-0000-4000-8000-000000000001' })).status).toBe(422);
    expect((await batch([mail(1)], { webhookUrl: 'nowhere' })).status).toBe(400);
    expect((await call('POST', '/contacts/batch', {}, {})).status).toBe(401);
    expect((await call('POST', '/token', { userName: 'a' })).status).toBe(401);
    sandbox.mainbrainer.setFaults({ lists: ['00000000-0000-4000-8000-000000000001'] });
    expect((await batch([mail(1)], { listId: '00000000-0000-4000-8000-000000000001' })).status).toBe(202);
  });

  it('a property it does not know is reported and ignored', async () => {
    const propertyfields = [{ propertyname: 'Town', propertyvalue: 'x' }, { propertyname: 'city', propertyvalue: 'y' }];
    expect((await batch([mail(1, { propertyfields })])).body).toMatchObject({ data: { InvalidProperties: ['Town'] } });
    await sandbox.mainbrainer.idle();
    expect(sandbox.mainbrainer.contact({ email: 'p1@example.com' })).toMatchObject({ properties: { city: 'y' } });
    sandbox.mainbrainer.setFaults({ properties: ['town'] });
    expect((await batch([mail(1, { propertyfields })])).body).toMatchObject({ data: { InvalidProperties: [] } });
  });
});

describe('MainBrainer sandbox: results', () => {
  it('come later, in stages, and count what became of the rows', async () => {
    sandbox.mainbrainer.setFaults({ processing: { delay: 2_000 }, countsBefore: 'null', skippedRows: { mobiles: ['+4790812501'] } });
    const { body } = await batch([mail(1), mail(2), mobile]);
    const { BatchId } = body['data'] as { BatchId: string };
    expect((await call('GET', `/contacts/${BatchId}/Status`)).body).toMatchObject({ statusText: 'Pending', processedObj: null });
    expect(sandbox.mainbrainer.size()).toBe(0);
    await sandbox.mainbrainer.idle();
    const end = (await call('GET', `/contacts/${BatchId}/Status`)).body;
    expect(end).toMatchObject({ statusText: 'Completed', processedObj: { inserted: { count: 2 }, updated: { count: 0 }, skipped: { count: 1 } } });
    expect((await call('GET', '/contacts/ce2c2e48-47e4-4aa0-b4e7-c9deebe29852/Status')).status).toBe(404);
  });

  it('come out of order, fail, or never come', async () => {
    sandbox.mainbrainer.setFaults({ seed: 4, processing: { delay: 5, jitter: 60 }, failedBatches: { first: 1, reason: 'no luck' }, statusLost: { first: 2 } });
    const ids = await Promise.all([1, 2, 3].map(async (n) => ((await batch([mail(n)])).body['data'] as { BatchId: string }).BatchId));
    await sandbox.mainbrainer.idle();
    const texts = await Promise.all(ids.map(async (id) => (await call('GET', `/contacts/${id}/Status`)).body['statusText']));
    expect(texts.sort()).toEqual(['Completed', 'Processing', 'Processing']);
    expect(sandbox.mainbrainer.size()).toBe(2);
    const status = await (async () => {
      sandbox.mainbrainer.setFaults({ failedBatches: { reason: 'no luck' } });
      return done([mail(9)]);
    })();
    expect(status).toMatchObject({ statusText: 'Failed', statusFailedReason: 'no luck', processedObj: null });
  });

  it('nothing goes on after a reset', async () => {
    sandbox.mainbrainer.setFaults({ processing: { delay: 30 } });
    await batch([mail(1)]);
    sandbox.mainbrainer.reset();
    await sandbox.mainbrainer.idle();
    expect(sandbox.mainbrainer.size()).toBe(0);
  });
});

describe('MainBrainer sandbox: limits and tokens', () => {
  it('counts every route against its limit, in any window', async () => {
    sandbox.mainbrainer.setFaults({ limit: { calls: 2, per: '10s' } });
    const statuses = [(await call('POST', '/token', LOGIN)).status, (await batch([mail(1)])).status, (await batch([mail(1)])).status];
    expect(statuses).toEqual([200, 202, 429]);
    expect(sandbox.mainbrainer.stats()).toMatchObject({ calls: 3, bulkCalls: 2, refused: 1, rowsCommitted: 1, windowMs: 10_000 });
  });

  it('a token ends when it says', async () => {
    sandbox.mainbrainer.setFaults({ tokenLife: 1_000 });
    const { body } = await call('POST', '/token', LOGIN);
    expect(Date.parse(String(body['expires'])) - Date.parse(String(body['issued']))).toBe(1_000);
    const headers = { authorization: `Bearer ${String(body['access_token'])}` };
    expect((await call('GET', '/contacts/x/Status', undefined, headers)).status).toBe(404);
    const ends = performance.now() + 1_000;
    while (performance.now() < ends) await new Promise((resolve) => setImmediate(resolve));
    expect((await call('GET', '/contacts/x/Status', undefined, headers)).status).toBe(401);
  });

  it('wrong faults are named all at once', () => {
    expect(() => sandbox.mainbrainer.setFaults({ webhooks: 'never', badRows: { status: 500 } })).toThrow(FaultsError);
    expect(() => sandbox.mainbrainer.setFaults({ webhooks: 'never', tokenLife: 'x' })).toThrow(/webhooks.*tokenLife|tokenLife.*webhooks/s);
  });
});
