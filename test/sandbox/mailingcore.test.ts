import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FaultsError, loadFaults, startSandbox } from '../../src/sandbox/index.js';
import type { Sandbox } from '../../src/sandbox/index.js';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());
beforeEach(() => sandbox.mailingcore.reset());

const HEADERS = { authorization: 'Bearer mc_test_key', 'x-tenant-id': 'tenant', 'content-type': 'application/json' };

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = HEADERS) {
  const init = { method, headers, ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }) };
  const answer = await fetch(sandbox.mailingcore.baseUrl + path, init);
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text, body: (text === '' ? null : JSON.parse(text)) as Record<string, unknown> };
}
const bulk = (contacts: unknown) => call('POST', '/contacts/bulk', { contacts });
const person = (n: number, more: object = {}) => ({ email: `p${n}@example.com`, externalId: `crm-${n}`, locale: 'en', optIn: true, ...more });

describe('MailingCore sandbox: the documented bulk route', () => {
  it('creates, then updates by externalId', async () => {
    expect((await bulk([person(1), person(2)])).body).toEqual({ created: 2, updated: 0, failed: [] });
    expect((await bulk([person(1, { locale: 'fr' })])).body).toEqual({ created: 0, updated: 1, failed: [] });
    expect(sandbox.mailingcore.contact('crm-1')).toMatchObject({ locale: 'fr', email: 'p1@example.com' });
  });

  it('upserts by e-mail where a row carries no externalId', async () => {
    await bulk([person(1)]);
    expect((await bulk([{ email: 'p1@example.com', optIn: false }])).body).toMatchObject({ updated: 1 });
    expect(sandbox.mailingcore.contact('crm-1')).toMatchObject({ optIn: false, externalId: 'crm-1', locale: 'en' });
  });

  it('refuses an e-mail that another contact holds, without repeating it', async () => {
    await bulk([person(1), person(2)]);
    const { body, text } = await bulk([person(3, { email: 'p1@example.com' }), person(2, { email: 'P1@example.com' }), person(4)]);
    expect(body).toMatchObject({ created: 1, updated: 0 });
    expect((body['failed'] as { message: string }[]).map((row) => row.message)).toEqual(Array(2).fill('email already belongs to another contact'));
    expect(text.match(/"message":"[^"]*@/)).toBeNull();
    expect(sandbox.mailingcore.contact('crm-2')).toMatchObject({ email: 'p2@example.com' });
  });

  it('frees an e-mail when its holder moves to another', async () => {
    await bulk([person(1)]);
    await bulk([person(1, { email: 'new@example.com' })]);
    expect((await bulk([person(2, { email: 'p1@example.com' })])).body).toMatchObject({ created: 1 });
  });

  it.each([
    ['an unknown locale', { locale: 'pt' }, 'locale'],
    ['an unknown property', { firstName: 'Ann' }, 'firstName'],
    ['an impossible e-mail', { email: 'nobody' }, 'invalid email'],
    ['an e-mail that is null', { email: null }, 'invalid email'],
    ['a long externalId', { externalId: 'x'.repeat(129) }, 'externalId'],
    ['optIn that is no boolean', { optIn: 'yes' }, 'optIn'],
    ['attributes that are no object', { attributes: [] }, 'attributes'],
  ])('%s fails its row only', async (_name, fault, words) => {
    const { status, body } = await bulk([person(1), person(2, fault)]);
    expect(status).toBe(200);
    expect(body).toMatchObject({ created: 1, failed: [{ index: 1, message: expect.stringContaining(words) as string }] });
  });

  it('a null attribute is cleared, an absent one and an absent locale stay', async () => {
    await bulk([person(1, { attributes: { city: 'Rome', tier: 'gold' } })]);
    await bulk([{ email: 'p1@example.com', externalId: 'crm-1', attributes: { city: null } }]);
    expect(sandbox.mailingcore.contact('crm-1')).toMatchObject({ locale: 'en', attributes: { tier: 'gold' } });
    expect(sandbox.mailingcore.contact('crm-1')?.['attributes']).not.toHaveProperty('city');
  });

  it.each([
    ['an empty array', { contacts: [] }],
    ['1001 contacts', { contacts: Array.from({ length: 1001 }, (_, n) => person(n)) }],
    ['no array', { contacts: 7 }],
    ['no JSON', '{"contacts": ['],
  ])('answers 400 to %s and stores nothing', async (_name, body) => {
    const answer = await call('POST', '/contacts/bulk', body);
    expect(answer.status).toBe(400);
    expect(Object.keys(answer.body).sort()).toEqual(['message', 'path', 'statusCode', 'timestamp']);
    expect(sandbox.mailingcore.size()).toBe(0);
  });

  it('asks for a key, a tenant and the scope', async () => {
    const without = (name: string) => Object.fromEntries(Object.entries(HEADERS).filter(([key]) => key !== name));
    expect((await call('POST', '/contacts/bulk', {}, without('authorization'))).status).toBe(401);
    expect((await call('POST', '/contacts/bulk', {}, { ...HEADERS, authorization: 'Bearer other' })).status).toBe(401);
    expect((await call('POST', '/contacts/bulk', {}, without('x-tenant-id'))).status).toBe(401);
    sandbox.mailingcore.setFaults({ keys: { mc_test_key: ['contacts:read'] }, tenants: ['tenant'] });
    expect((await bulk([person(1)])).body).toMatchObject({ statusCode: 403, message: 'Missing contacts:write scope' });
    expect((await call('GET', '/contacts', undefined, { ...HEADERS, 'x-tenant-id': 'stranger' })).status).toBe(403);
    expect((await call('GET', '/contacts')).status).toBe(200);
  });

  it('tells the rate limit on every answer', async () => {
    sandbox.mailingcore.setFaults({ limit: { calls: 2, per: '10s' } });
    const answers = [await bulk([person(1)]), await call('GET', '/contacts'), await call('GET', '/nowhere')];
    expect(answers.map((one) => one.status)).toEqual([200, 200, 429]);
    expect(answers.map((one) => one.headers.get('x-ratelimit-remaining'))).toEqual(['1', '0', '0']);
    expect(Number(answers[2]?.headers.get('retry-after'))).toBeGreaterThanOrEqual(9);
    expect(sandbox.mailingcore.stats()).toMatchObject({ calls: 3, refused: 1, maxInWindow: 3, windowMs: 10_000 });
  });
});

describe('MailingCore sandbox: the other routes', () => {
  it.each(['cursor', 'page'] as const)('lists every contact once by %s, also after erasures', async (pagination) => {
    sandbox.mailingcore.setFaults({ pagination });
    sandbox.mailingcore.plant(Array.from({ length: 25 }, (_, n) => person(n)));
    expect((await call('DELETE', '/contacts/crm-3')).status).toBe(204);
    expect((await call('DELETE', '/contacts/crm-3')).status).toBe(404);
    const ids: unknown[] = [];
    let query: string | null = '&page=1';
    for (let page = 1; query !== null; page++) {
      const { body } = await call('GET', `/contacts?limit=10${query}`);
      const meta = body['meta'] as { totalPages: number; total: number; nextCursor?: string };
      ids.push(...(body['data'] as { externalId: string }[]).map((one) => one.externalId));
      expect(meta).toMatchObject({ total: 24, totalPages: 3 });
      if (meta.nextCursor !== undefined) query = `&cursor=${meta.nextCursor}`;
      else query = pagination === 'page' && page < meta.totalPages ? `&page=${page + 1}` : null;
    }
    expect(new Set(ids).size).toBe(24);
    expect(ids).toHaveLength(24);
  });

  it('filters by locale, consent and time, and refuses what it does not know', async () => {
    sandbox.mailingcore.plant([person(1), person(2, { locale: 'fr' }), person(3, { optIn: false })]);
    const found = async (query: string) => ((await call('GET', `/contacts?${query}`)).body['data'] as unknown[]).length;
    expect(await found('locale=fr')).toBe(1);
    expect(await found('optIn=false')).toBe(1);
    expect(await found('updatedSince=2999-01-01T00:00:00Z')).toBe(0);
    expect((await call('GET', '/contacts?limit=501')).status).toBe(400);
  });

  it('PUT answers 409 on a conflict, GET finds by id and externalId, PATCH attaches a key', async () => {
    await call('PUT', '/contacts', { email: 'a@example.com' });
    expect((await call('PUT', '/contacts', { email: 'a@example.com', externalId: 'x' })).status).toBe(409);
    const [first] = [...sandbox.mailingcore.contacts()];
    expect((await call('PATCH', `/contacts/${String(first?.['id'])}`, { externalId: 'x' })).status).toBe(200);
    expect((await call('GET', '/contacts/x')).body).toMatchObject({ email: 'a@example.com' });
  });

  it('suppressing opts out; a campaign counts opted-in contacts by locale and knows its templates', async () => {
    sandbox.mailingcore.plant([person(1), person(2), person(3, { locale: null })]);
    expect((await call('POST', '/suppressions', { email: 'p1@example.com' })).status).toBe(201);
    sandbox.mailingcore.setFaults({ campaigns: { c: ['en', 'it'], d: { templates: ['en'], counts: { en: 9 } } }, keys: { mc_test_small: ['contacts:read'] } });
    expect((await call('GET', '/campaigns/c/locale-coverage')).body).toEqual([
      { locale: 'en', count: 1, hasTemplate: true },
      { locale: 'it', count: 0, hasTemplate: true },
      { locale: null, count: 1, hasTemplate: false },
    ]);
    expect((await call('GET', '/campaigns/d/locale-coverage')).body).toContainEqual({ locale: 'en', count: 9, hasTemplate: true });
    expect(await call('GET', '/campaigns/welcome/locale-coverage')).toMatchObject({ status: 404, body: { message: 'Campaign not found' } });
    sandbox.mailingcore.setFaults({});
    for (const id of ['welcome', 'spring']) expect((await call('GET', `/campaigns/${id}/locale-coverage`)).status).toBe(200);
    expect((await call('GET', '/suppressions')).body).toMatchObject({ meta: { total: 1 } });
    expect((await call('DELETE', '/suppressions/p1@example.com')).status).toBe(204);
  });
});

describe('MailingCore sandbox: faults and control', () => {
  it('the same seed gives the same faults', async () => {
    const run = async (seed: number) => {
      sandbox.mailingcore.setFaults({ seed, errorsBeforeCommit: 0.5 });
      const statuses: number[] = [];
      for (let n = 0; n < 12; n++) statuses.push((await bulk([person(n)])).status);
      return statuses;
    };
    const first = await run(7);
    expect(await run(7)).toEqual(first);
    expect(await run(8)).not.toEqual(first);
    expect(new Set(first).size).toBeGreaterThan(1);
  });

  it('an error and a cut before the commit store nothing, a cut after it stores all', async () => {
    sandbox.mailingcore.setFaults({ errorsBeforeCommit: { first: 1 } });
    expect((await bulk([person(1)])).status).toBeGreaterThanOrEqual(500);
    sandbox.mailingcore.setFaults({ cutBeforeCommit: { first: 1 } });
    await expect(bulk([person(1)])).rejects.toThrow();
    expect(sandbox.mailingcore.size()).toBe(0);
    sandbox.mailingcore.setFaults({ cutNext: 1 });
    await expect(bulk([person(1)])).rejects.toThrow();
    expect(sandbox.mailingcore.size()).toBe(1);
    expect((await bulk([person(1)])).status).toBe(200);
    expect(sandbox.mailingcore.stats().byStatus).toMatchObject({ cut: 2, 200: 1 });
  });

  it.each(['row', 'request'] as const)('bad rows are refused by %s', async (mode) => {
    sandbox.mailingcore.setFaults({ badRows: { emails: '^p2@', externalIds: ['crm-4'], mode } });
    const { status, body } = await bulk([1, 2, 3, 4].map((n) => person(n)));
    expect(status).toBe(mode === 'row' ? 200 : 400);
    expect(sandbox.mailingcore.size()).toBe(mode === 'row' ? 2 : 0);
    if (mode === 'request') expect(body).toMatchObject({ message: 'invalid email' });
  });

  it('a batch with a poisoned contact always fails, others pass', async () => {
    sandbox.mailingcore.setFaults({ alwaysFail: { externalIds: ['crm-2'] } });
    expect((await bulk([person(1), person(2)])).status).toBe(500);
    expect((await bulk([person(1)])).status).toBe(200);
  });

  it.each([
    [true, true, true],
    ['resetHeader' as const, false, true],
    [false, false, false],
  ])('retryAfter %s decides what a 429 tells', async (retryAfter, told, reset) => {
    sandbox.mailingcore.setFaults({ limit: { calls: 1000, per: 1000, retryAfter }, burst429: 1 });
    const { status, headers } = await bulk([person(1)]);
    expect(status).toBe(429);
    expect(headers.has('retry-after')).toBe(told);
    expect(headers.has('x-ratelimit-reset')).toBe(reset);
    expect((await bulk([person(1)])).status).toBe(200);
  });

  it('every wrong key of the faults is named at once and nothing changes', async () => {
    sandbox.mailingcore.setFaults({ refuseAll: 'no' });
    const send = (faults: unknown) => fetch(`${sandbox.url}/_control/faults`, { method: 'POST', body: JSON.stringify(faults) });
    const answer = await send({ dripp: true, limit: { calls: 0, per: '10 parsecs' } });
    expect(answer.status).toBe(400);
    const { message } = (await answer.json()) as { message: string };
    for (const word of ['dripp', 'limit.calls', 'limit.per']) expect(message).toContain(word);
    expect((await bulk([person(1)])).status).toBe(400);
    expect((await send({ mailingcore: {} })).status).toBe(200);
    expect((await bulk([person(1)])).status).toBe(200);
  });

  it('state, stats, planting and reset are had over HTTP', async () => {
    const post = (path: string, body: unknown) => fetch(`${sandbox.url}/_control/${path}`, { method: 'POST', body: JSON.stringify(body) });
    expect((await post('contacts', { contacts: Array.from({ length: 1200 }, (_, n) => person(n)) })).status).toBe(200);
    expect((await post('contacts', [{ email: 'wrong' }])).status).toBe(422);
    const lines = (await (await fetch(`${sandbox.url}/_control/state`)).text()).trim().split('\n');
    expect(lines).toHaveLength(1200);
    expect(JSON.parse(lines[1199] ?? '')).toMatchObject({ externalId: 'crm-1199' });
    expect(await (await fetch(`${sandbox.url}/_control/state?format=json`)).json()).toHaveLength(1200);
    await bulk([person(1)]);
    expect(await (await fetch(`${sandbox.url}/_control/stats`)).json()).toMatchObject({ calls: 1, rowsCommitted: 1, log: [{ rows: 1, status: 200 }] });
    await post('reset', {});
    expect(await (await fetch(`${sandbox.url}/_control/state?format=json`)).json()).toEqual([]);
  });

  it('a faults file is YAML or JSON, and a broken one is named with its line', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'syncline-faults-'));
    try {
      await writeFile(join(folder, 'good.yaml'), 'limit: {calls: 5, per: 1s}\ncutAfterCommit: 0.02\n');
      await writeFile(join(folder, 'bad.yaml'), 'limit: {calls: 5\nx: [\n');
      expect(await loadFaults(join(folder, 'good.yaml'))).toEqual({ limit: { calls: 5, per: '1s' }, cutAfterCommit: 0.02 });
      await expect(loadFaults(join(folder, 'bad.yaml'))).rejects.toThrow(/bad\.yaml:\d+: neither/);
      await expect(loadFaults(join(folder, 'none.yaml'))).rejects.toThrow(FaultsError);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('closes at once though a call hangs', async () => {
    const other = await startSandbox({ faults: { hang: { commit: false } } });
    const hanging = fetch(`${other.mailingcore.baseUrl}/contacts/bulk`, { method: 'POST', headers: HEADERS, body: '{"contacts":[]}' });
    const gone = expect(hanging).rejects.toThrow();
    while (other.mailingcore.stats().byStatus['hang'] !== 1) await new Promise((resolve) => setImmediate(resolve));
    await other.close();
    await gone;
  });
});
