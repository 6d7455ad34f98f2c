import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox } from '../../src/sandbox/index.js';
import type { Sandbox } from '../../src/sandbox/index.js';

let sandbox: Sandbox;
let token = '';
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  sandbox.dengage.reset();
  token = await login();
});

async function call(method: string, path: string, body?: unknown, bearer = token) {
  const answer = await fetch(sandbox.dengage.baseUrl + path, {
    method,
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const read = (await answer.json()) as { code: number; message: string; data: Record<string, unknown> };
  return { status: answer.status, ...read };
}
async function login(): Promise<string> {
  const answer = await fetch(`${sandbox.dengage.baseUrl}/rest/login`, { method: 'POST', body: '{"userkey":"u","password":"p"}' });
  return ((await answer.json()) as { access_token: string }).access_token;
}
const FLAGS = { insertIfNotExists: true, throwExceptionIfInvalidRecord: false };
const bulk = (contactDatas: readonly Record<string, unknown>[], more: object = {}) =>
  call('POST', '/rest/bulk/contacts', { columns: [...new Set(contactDatas.flatMap((one) => Object.keys(one)))], contactDatas, ...FLAGS, ...more });
const person = (n: number, more: object = {}) => ({ contact_key: `k${n}`, email: `p${n}@example.com`, ...more });
const held = (n: number) => sandbox.dengage.contact(`k${n}`);

describe('D·engage sandbox: the documented bulk route', () => {
  it('inserts and updates, and gives a new contact both permissions where the call does not say', async () => {
    expect((await bulk([person(1), person(2)])).data).toEqual({ inserted: ['k1', 'k2'], updated: [], errors: [], warnings: [] });
    expect(held(1)).toMatchObject({ email_permission: true, gsm_permission: true, email_status: 'A', contact_status: 'A' });
    await bulk([person(1, { email_permission: false, gsm_permission: false }), person(3, { email_permission: false, gsm_permission: true })]);
    expect([held(1)?.['email_permission'], held(3)?.['email_permission'], held(3)?.['gsm_permission']]).toEqual([false, false, true]);
  });

  it('writes a listed column for every record, and blanks what was there where a record has no value', async () => {
    await bulk([person(1, { city: 'Rome' }), person(2, { city: 'Oslo' })]);
    await bulk([{ contact_key: 'k1', city: 'Bern' }, { contact_key: 'k2' }]);
    expect([held(1), held(2)]).toMatchObject([{ city: 'Bern', email: 'p1@example.com' }, { city: null }]);
  });

  it('keeps e-mails in lower case, and a status becomes A with a new address', async () => {
    await bulk([person(1, { email_status: 'P', gsm: '+16975550142', gsm_status: 'P' })]);
    await bulk([{ contact_key: 'k1', email: 'New@Example.COM', gsm: '+16975550142' }]);
    expect(held(1)).toMatchObject({ email: 'new@example.com', email_status: 'A', gsm_status: 'P' });
  });

  it('changes a key, never together with an insert, and not to one that is held', async () => {
    await bulk([person(1), person(2)]);
    const rename = (from: number, to: number, more: object = {}) => bulk([{ contact_key: `k${from}`, new_contact_key: `k${to}` }], more);
    expect(await rename(1, 5)).toMatchObject({ status: 400, message: expect.stringContaining('new_contact_key') as string });
    expect((await rename(1, 5, { insertIfNotExists: false })).data).toMatchObject({ updated: ['k1'] });
    expect((await rename(5, 2, { insertIfNotExists: false })).data).toMatchObject({ errors: [{ contact_key: 'k5' }] });
    expect([held(1), held(5)?.['email'], sandbox.dengage.size()]).toEqual([undefined, 'p1@example.com', 2]);
  });

  it('has the documented defaults: nobody is made, one bad record refuses all', async () => {
    const bare = { insertIfNotExists: undefined, throwExceptionIfInvalidRecord: undefined };
    expect((await bulk([person(1)], bare)).data).toMatchObject({ inserted: [], errors: [{ contact_key: 'k1' }] });
    await bulk([person(1)]);
    expect(await bulk([person(1, { email: 'x@example.com' }), person(2, { email: 'nobody' })], bare)).toMatchObject({ status: 400 });
    expect(held(1)).toMatchObject({ email: 'p1@example.com' });
  });

  it('the last record of a key wins', async () => {
    expect((await bulk([person(1, { city: 'Rome' }), person(1, { city: 'Oslo' })])).data).toMatchObject({ inserted: ['k1'] });
    expect(held(1)).toMatchObject({ city: 'Oslo' });
  });

  it.each<[string, object]>([
    ['a column that is not import-enabled', { columns: ['contact_key', 'town'], contactDatas: [{ contact_key: 'k', town: 'x' }] }],
    ['columns without contact_key', { columns: ['email'], contactDatas: [{ email: 'a@example.com' }] }],
    ['no records', { columns: ['contact_key'], contactDatas: [] }],
    ['1001 records', { columns: ['contact_key'], contactDatas: Array.from({ length: 1001 }, (_, n) => ({ contact_key: `k${n}` })) }],
    ['no columns', { contactDatas: [person(1)] }],
  ])('refuses %s', async (_name, body) => {
    expect((await call('POST', '/rest/bulk/contacts', { ...FLAGS, ...body })).status).toBe(400);
    expect(sandbox.dengage.size()).toBe(0);
  });

  it.each<[string, object]>([
    ['an impossible e-mail', { email: 'nobody' }],
    ['a long gsm', { gsm: '+1697555014200000000000' }],
    ['a permission that is no boolean', { email_permission: 'yes' }],
    ['a long name', { name: 'x'.repeat(101) }],
    ['a column that is not listed', {}],
  ])('%s fails its record only', async (_name, fault) => {
    const columns = [...new Set(['contact_key', 'email', ...Object.keys(fault)])];
    const bad = Object.keys(fault).length === 0 ? { ...person(2), city: 'x' } : person(2, fault);
    const { data } = await bulk([person(1), bad], { columns });
    expect(data).toMatchObject({ inserted: ['k1'], errors: [{ contact_key: 'k2' }] });
  });
});

describe('D·engage sandbox: the other routes', () => {
  it('shows a contact, and counts the rows of master_contact behind the other tables', async () => {
    await bulk([person(1), person(2)]);
    expect((await call('GET', '/rest/contacts/k1')).data).toMatchObject({ contacts: [{ contact_key: 'k1', email_permission: true }] });
    expect((await call('GET', '/rest/contacts/none')).data).toEqual({ contacts: [] });
    const first = (await call('GET', '/rest/dataspace/tables?limit=1&offset=0')).data['result'] as object[];
    const rest = (await call('GET', '/rest/dataspace/tables?limit=5&offset=1')).data['result'] as { tableName: string; publicId: string }[];
    expect([first.length, rest.length]).toEqual([1, 2]);
    const id = rest.find((table) => table.tableName === 'master_contact')?.publicId ?? '';
    expect((await call('GET', `/rest/dataspace/tables/${id}`)).data).toMatchObject({ totalRowCount: 2 });
  });

  it('asks for a token that lives, an address that is allowed and the role', async () => {
    expect((await call('GET', '/rest/contacts/k1', undefined, 'other')).status).toBe(401);
    sandbox.dengage.setFaults({ tokenLife: '1s', tokenStatus: 403 });
    token = await login();
    expect((await call('GET', '/rest/contacts/k1')).status).toBe(200);
    await delay(1_050);
    expect(await call('GET', '/rest/contacts/k1')).toMatchObject({ status: 403, message: expect.stringContaining('expired') as string });
    sandbox.dengage.setFaults({});
    token = await login();
    sandbox.dengage.setFaults({ roleMissing: true });
    expect(await bulk([person(1)])).toMatchObject({ status: 403, message: expect.stringContaining('DataSpace.Manage') as string });
    sandbox.dengage.setFaults({ ipBlocked: true });
    expect(await bulk([person(1)])).toMatchObject({ status: 403, message: expect.stringContaining('IP') as string });
  });
});

describe('D·engage sandbox: faults and control', () => {
  it.each([429, 500] as const)('refuses a call beside another with %s, and none after it', async (parallelStatus) => {
    sandbox.dengage.setFaults({ latency: 500, parallelStatus });
    const statuses = (await Promise.all([1, 2].map((n) => bulk([person(n)])))).map((one) => one.status);
    expect(statuses.sort()).toEqual([200, parallelStatus]);
    expect(await bulk([person(3)])).toMatchObject({ status: 200 });
    expect(sandbox.dengage.stats()).toMatchObject({ bulkCalls: 3, maxOpen: 2 });
  });

  it('refuses calls that come too close by its own clock', async () => {
    sandbox.dengage.setFaults({ gap: '1s' });
    const first = await bulk([person(1)]);
    const second = await bulk([person(1)]);
    await delay(1_010);
    expect([first, second, await bulk([person(1)])].map((one) => one.status)).toEqual([200, 429, 200]);
    const { minGapMs, refused } = sandbox.dengage.stats();
    expect([minGapMs !== null && minGapMs < 1_000, refused]).toEqual([true, 1]);
  });

  it('can count the gap from refused calls too', async () => {
    sandbox.dengage.setFaults({ gap: '3s', gapCountsRefused: true });
    const statuses: number[] = [];
    for (const pause of [0, 1_600, 1_500]) {
      await delay(pause);
      statuses.push((await bulk([person(1)])).status);
    }
    expect(statuses).toEqual([200, 429, 429]);
  });

  it.each(['object', 'string', 'keyed', 'index', 'count'] as const)('tells errors and warnings as %s', async (errorShape) => {
    sandbox.dengage.setFaults({ errorShape, badRows: { keys: ['k2'], message: 'no good' }, warnings: { keys: ['k1'], message: 'so so' } });
    const { data } = await bulk([person(1), person(2)]);
    const shapes = { object: [{ contact_key: 'k2', error: 'no good' }], string: ['k2: no good'], keyed: { k2: ['no good'] }, index: [{ index: 1, message: 'no good' }], count: 1 };
    expect(data['errors']).toEqual(shapes[errorShape]);
    expect(JSON.stringify(data['warnings'])).toContain(errorShape === 'count' ? '1' : 'so so');
  });

  it('bad records refuse the whole call, and contacts that are not there can be left out silently', async () => {
    sandbox.dengage.setFaults({ badRows: { keys: ['k2'], mode: 'request' } });
    expect((await bulk([person(1), person(2)])).status).toBe(400);
    expect(sandbox.dengage.size()).toBe(0);
    sandbox.dengage.setFaults({ absentAs: 'omitted', listShape: 'count' });
    expect((await bulk([person(1)], { insertIfNotExists: false })).data).toEqual({ inserted: 0, updated: 0, errors: [], warnings: [] });
  });

  it('a person opts out there', async () => {
    sandbox.dengage.plant([person(1), person(2)]);
    sandbox.dengage.optOut('k1');
    sandbox.dengage.optOut('k2', 'gsm');
    expect([held(1), held(2)]).toMatchObject([{ email_permission: false, gsm_permission: false }, { email_permission: true, gsm_permission: false }]);
  });

  it('every wrong key of the faults is named, by platform, and faults of one leave the other alone', async () => {
    const post = (faults: unknown, query = '') => fetch(`${sandbox.url}/_control/faults${query}`, { method: 'POST', body: JSON.stringify(faults) });
    const { message } = (await (await post({ dengage: { gapp: 1, parallel: 'no', tokenLife: 'long' } })).json()) as { message: string };
    for (const word of ['dengage faults', 'gapp', 'parallel', 'tokenLife']) expect(message).toContain(word);
    expect((await post({ roleMissing: true }, '?platform=dengage')).status).toBe(200);
    expect((await post({ mailingcore: {} })).status).toBe(200);
    expect((await bulk([person(1)])).status).toBe(403);
  });

  it('a thousand records are no trouble', async () => {
    const records = Array.from({ length: 1000 }, (_, n) => person(n, { city: 'Rome', email_permission: true }));
    await bulk(records);
    const started = performance.now();
    await bulk(records);
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
