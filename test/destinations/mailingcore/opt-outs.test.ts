import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDestination, DestinationError, type Destination, type OptOut } from '../../../src/destinations/index.js';
import { startSandbox, type Sandbox } from '../../../src/sandbox/index.js';
import { row } from '../rows.js';
import { CONFIG, tenantThat, type Answering, type Tenant } from './tenant.js';

let tenant: Tenant;
afterEach(() => tenant?.close());

const NO_CONTACTS = { data: [], meta: { page: 1, limit: 500, total: 0, totalPages: 0 } };
/** Answers for the suppression list; nobody else opted out. */
const listed = (suppressions: (query: Readonly<Record<string, string>>) => readonly [number, unknown, Readonly<Record<string, string>>?]): Answering =>
  ({ path, query }) => (path === '/suppressions' ? suppressions(query) : [200, NO_CONTACTS]);
const emails = (optOuts: readonly OptOut[]): (string | null)[] => optOuts.map(({ email }) => email);
const people = (from: number, to: number): object[] => Array.from({ length: to - from + 1 }, (_, i) => ({ email: `p${from + i}@example.com`, reason: 'unsubscribed' }));

describe('the suppression list', () => {
  it('is an act of each person, with its time and reason', async () => {
    tenant = await tenantThat(listed(() => [200, { data: [{ email: 'p1@example.com', externalId: 'crm-1', reason: 'complaint', createdAt: '2026-01-02T03:04:05Z' }] }]));
    expect(await tenant.optOuts()).toEqual([
      { key: 'crm-1', email: 'p1@example.com', channel: 'email', at: '2026-01-02T03:04:05.000Z', evidence: 'act', reason: 'on the suppression list (complaint)' },
    ]);
  });

  it.each<[string, unknown]>([
    ['data', { data: [{ email: 'p1@example.com' }] }],
    ['suppressions', { suppressions: [{ email: 'p1@example.com' }] }],
    ['items', { items: [{ email: 'p1@example.com' }] }],
    ['a bare list', [{ email: 'p1@example.com' }]],
    ['addresses alone', ['p1@example.com']],
    ['other names', { data: [{ address: 'p1@example.com' }] }],
    ['the contact inside', { data: [{ id: 's1', contact: { email: 'p1@example.com' } }] }],
  ])('is read as %s', async (_name, body) => {
    tenant = await tenantThat(listed(({ page }) => [200, page === '1' ? body : []]));
    expect(await tenant.optOuts()).toMatchObject([{ email: 'p1@example.com', key: null, at: null, reason: 'on the suppression list' }]);
  });

  it('a reason in words of its own is not repeated: it may hold a name', async () => {
    tenant = await tenantThat(listed(() => [200, { data: [{ email: 'p1@example.com', reason: 'Ann asked by phone' }] }]));
    expect(await tenant.optOuts()).toMatchObject([{ reason: 'on the suppression list' }]);
  });

  it('is read to its end by cursor, also over an empty page and a cursor that repeats', async () => {
    const pages: Record<string, unknown> = {
      '': { data: people(1, 2), meta: { nextCursor: 'a' } }, a: { data: [], meta: { nextCursor: 'b' } },
      b: { data: people(2, 3), meta: { nextCursor: 'c' } }, c: { data: people(3, 3), meta: { nextCursor: 'c' } },
    };
    tenant = await tenantThat(listed(({ cursor = '' }) => [200, pages[cursor]]));
    expect(emails(await tenant.optOuts()).sort()).toEqual(['p1@example.com', 'p2@example.com', 'p3@example.com']);
  });

  it('is read to its end by pages of whatever size, with and without a total', async () => {
    for (const total of [true, false]) {
      tenant = await tenantThat(listed(({ page = '1' }) => [200, { data: people(1, 25).slice((Number(page) - 1) * 10, Number(page) * 10), meta: total ? { totalPages: 3 } : {} }]));
      expect(await tenant.optOuts()).toHaveLength(25);
      if (total) await tenant.close();
    }
  });

  it('one drawn forward onto a page already read is found, because somebody left the list meanwhile', async () => {
    let left = people(1, 20);
    tenant = await tenantThat(listed(({ page = '1' }) => {
      const start = (Number(page) - 1) * 10;
      const data = left.slice(start, start + 10);
      if (page === '1' && left.length === 20) left = left.slice(3);
      return [200, { data, meta: { totalPages: 2 } }];
    }));
    expect(await tenant.optOuts()).toHaveLength(20);
  });

  it('that ignores what page is asked for is read once', async () => {
    tenant = await tenantThat(listed(() => [200, people(1, 30)]));
    expect(await tenant.optOuts()).toHaveLength(30);
    expect(tenant.calls.length).toBeLessThan(6);
  });

  it('that takes no parameters of ours is asked without', async () => {
    tenant = await tenantThat(listed((query) => ('limit' in query || 'page' in query ? [400, { statusCode: 400, message: 'property limit should not exist' }] : [200, { data: people(1, 2), meta: { totalPages: 1 } }])));
    expect(await tenant.optOuts()).toHaveLength(2);
  });

  it.each([[404, { statusCode: 404, message: 'Cannot GET /suppressions' }], [501, { statusCode: 501, message: 'Not Implemented' }]])('a tenant without one (%d) is asked for its contacts alone', async (status, body) => {
    tenant = await tenantThat(({ path }) => (path === '/suppressions' ? [status, body] : [200, { data: [{ id: 'c1', externalId: 'crm-1', email: 'p1@example.com', optIn: false, updatedAt: '2026-01-02T00:00:00Z' }] }]));
    expect(await tenant.optOuts()).toMatchObject([{ key: 'crm-1', evidence: 'state' }]);
  });

  it.each([[401, 'check apiKey'], [403, 'grant the key the suppressions:read scope']])('a key that may not read it (%d) is told the scope and the ways out, and nobody is taken for opted in', async (status, hint) => {
    tenant = await tenantThat(listed(() => [status, { statusCode: status, message: 'Missing suppressions:read scope' }]));
    const error = await tenant.optOuts().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(DestinationError);
    expect(error).toMatchObject({ kind: 'misconfigured', hint: expect.stringContaining(hint) as string });
    expect((error as DestinationError).hint).toContain('suppressions:read');
    expect((error as DestinationError).hint).toContain('suppressions: {read: never}');
  });

  it('whose entries name nobody is an error, not an empty list', async () => {
    tenant = await tenantThat(listed(() => [200, { data: [{ hash: 'f00' }], meta: { totalPages: 1 } }]));
    await expect(tenant.optOuts()).rejects.toMatchObject({ kind: 'misconfigured' });
  });

  it('throttling, 5xx and broken JSON are waited out; one that stays so is unreachable', async () => {
    let calls = 0;
    const troubles = [[429, {}, { 'retry-after': '1' }], [503, {}], [200, 'broken']] as const;
    tenant = await tenantThat(listed(() => troubles[calls++] ?? [200, { data: people(1, 1), meta: { totalPages: 1 } }]));
    expect(await tenant.optOuts()).toHaveLength(1);
    await tenant.close();
    tenant = await tenantThat(listed(() => [500, {}]));
    await expect(tenant.optOuts()).rejects.toMatchObject({ kind: 'unreachable' });
  });
});

describe('contacts that stand there as not opted in', () => {
  const contact = (n: number, more: object = {}): object => ({ id: `c${n}`, externalId: `crm-${n}`, email: `p${n}@example.com`, optIn: false, updatedAt: '2026-01-02T00:00:00Z', ...more });
  const held = (contacts: readonly object[]): Answering => ({ path }) => [200, path === '/suppressions' ? [] : { data: contacts, meta: { totalPages: 1 } }];

  it('are a state, dated by their unsubscription, else by their last change', async () => {
    tenant = await tenantThat(held([contact(1), contact(2, { unsubscribedAt: '2026-01-01T00:00:00Z' })]));
    expect(await tenant.optOuts()).toEqual([
      { key: 'crm-1', email: 'p1@example.com', channel: 'email', at: '2026-01-02T00:00:00.000Z', evidence: 'state', reason: 'not opted in there' },
      { key: 'crm-2', email: 'p2@example.com', channel: 'email', at: '2026-01-01T00:00:00.000Z', evidence: 'state', reason: 'not opted in there' },
    ]);
  });

  it('are asked for since a moment before the last reading', async () => {
    tenant = await tenantThat(held([]));
    await tenant.optOuts('2026-01-10T00:00:00.000000Z');
    expect(tenant.calls.at(-1)).toBe('GET /contacts?limit=500&page=1&optIn=false&updatedSince=2026-01-09T23:59:59.999Z');
    await tenant.optOuts(null);
    expect(tenant.calls.at(-1)).toBe('GET /contacts?limit=500&page=1&optIn=false');
  });

  it('are nobody who is opted in, or of whom it is not said, also where the filter is not known there', async () => {
    tenant = await tenantThat(held([contact(1), contact(2, { optIn: true }), contact(3, { optIn: undefined }), contact(4, { optIn: null })]));
    expect((await tenant.optOuts()).map(({ key }) => key)).toEqual(['crm-1']);
  });

  it('without an externalId are known by their address', async () => {
    tenant = await tenantThat(held([contact(1, { externalId: null })]), { matchBy: 'email' });
    expect(await tenant.optOuts()).toMatchObject([{ key: null, email: 'p1@example.com' }]);
  });
});

describe('a contact that consented anew', () => {
  const one = row(1);
  const letIn = (status: number): Promise<unknown> => tenant.destination.letBackIn?.(one, AbortSignal.timeout(2000)).then((outcome) => (expect(tenant.calls).toHaveLength(1), { ...outcome, status })) ?? Promise.resolve();

  it.each([[204], [200], [404], [501]])('is taken off the list by one call, and it does not matter whether it was on it (%d)', async (status) => {
    tenant = await tenantThat(() => [status, { statusCode: status, message: 'Suppression not found' }]);
    expect(await letIn(status)).toMatchObject({ kind: 'answered', failed: [] });
    expect(tenant.calls[0]).toBe('DELETE /suppressions/p1%40example.com');
  });

  it('a key that may not do it is told the scope; throttling and trouble are what they are', async () => {
    tenant = await tenantThat(() => [403, { statusCode: 403, message: 'Missing suppressions:write scope' }]);
    expect(await letIn(403)).toMatchObject({ kind: 'misconfigured', hint: 'grant the key the suppressions:write scope' });
    await tenant.close();
    tenant = await tenantThat(() => [429, {}, { 'retry-after': '3' }]);
    expect(await letIn(429)).toMatchObject({ kind: 'throttled', retryAfterMs: 3000 });
    await tenant.close();
    tenant = await tenantThat(() => [503, {}]);
    expect(await letIn(503)).toMatchObject({ kind: 'unavailable' });
  });
});

describe('against the sandbox', () => {
  let sandbox: Sandbox;
  let destination: Destination;
  const within = (): AbortSignal => AbortSignal.timeout(10_000);
  const read = async (since: string | null = null): Promise<readonly OptOut[]> => {
    const found: OptOut[] = [];
    for await (const page of destination.optOuts?.(since, (call) => call(within()), within()) ?? []) found.push(...page);
    return found;
  };
  beforeEach(async () => {
    sandbox = await startSandbox();
    destination = createDestination({ ...CONFIG, baseUrl: sandbox.mailingcore.baseUrl });
    sandbox.mailingcore.plant(Array.from({ length: 1200 }, (_, n) => ({ email: `p${n}@example.com`, externalId: `crm-${n}`, optIn: n % 2 === 0 })));
  });
  afterEach(async () => {
    await destination.close();
    await sandbox.close();
  });

  it.each(['cursor', 'page'] as const)('everybody who is out is told of, by %s', async (pagination) => {
    sandbox.mailingcore.setFaults({ pagination });
    for (let n = 0; n < 600; n++) sandbox.mailingcore.suppress(`p${n}@example.com`);
    const optOuts = await read();
    expect(optOuts.filter(({ evidence }) => evidence === 'act')).toHaveLength(600);
    expect(new Set(optOuts.filter(({ evidence }) => evidence === 'state').map(({ key }) => key)).size).toBe(900);
  });

  it('who was let back in can be granted again; who was not would be a violation', async () => {
    const send = (n: number): Promise<unknown> => destination.send({ id: '1', form: { consent: true, renames: false }, rows: [row(n, { ord: 0, known: true })] }, within());
    for (const n of [0, 2]) sandbox.mailingcore.suppress(`p${n}@example.com`);
    await send(0);
    expect(sandbox.mailingcore.violations()).toBe(1);
    expect(await destination.letBackIn?.(row(2), within())).toMatchObject({ kind: 'answered' });
    await send(2);
    expect(sandbox.mailingcore.violations()).toBe(1);
    expect(sandbox.mailingcore.contact('crm-2')).toMatchObject({ optIn: true });
    expect((await read()).filter(({ evidence }) => evidence === 'act').map(({ email }) => email)).toEqual(['p0@example.com']);
  });
});
