import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { MainBrainerConfig } from '../../../src/config/index.js';
import { ACTION, createDestination } from '../../../src/destinations/index.js';
import type { Destination, Later, Outcome, OutgoingRow, Paced } from '../../../src/destinations/index.js';
import { startSandbox } from '../../../src/sandbox/index.js';
import type { Sandbox } from '../../../src/sandbox/index.js';
import { row, rowsOf } from './rows.js';

const FORM = { consent: true, renames: false };
const LIST = '3fa85f64-5717-4562-b3fc-2c963f66afa6';
const paced: Paced = (call) => call(AbortSignal.timeout(5000));
const signal = (): AbortSignal => AbortSignal.timeout(5000);

let sandbox: Sandbox;
let receiver: Server;
let hits: { query: Record<string, string>; headers: Record<string, string>; body: Buffer }[] = [];
beforeAll(async () => {
  sandbox = await startSandbox();
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      hits.push({ query: Object.fromEntries(new URL(request.url ?? '', 'http://x').searchParams), headers: {}, body: Buffer.concat(chunks) });
      response.end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  receiver.closeAllConnections();
  receiver.close();
  await sandbox.close();
});
beforeEach(() => {
  sandbox.mainbrainer.reset();
  hits = [];
});

function make(more: Partial<MainBrainerConfig> = {}): Destination {
  return createDestination({
    type: 'mainbrainer', name: 'sms', baseUrl: sandbox.mainbrainer.baseUrl, userName: 'ann@example.com', password: 'p', privateToken: 't',
    onKeyChange: 'hold', properties: { city: 'city' }, resultsWithin: 1000, batchSize: 100, limits: { calls: 100, per: 10_000, concurrency: 8 },
    timeout: 2000, account: 'a', settleDelay: 100, linger: 10, ...more,
  });
}
async function send(destination: Destination, rows: readonly OutgoingRow[], id = 'batch-1'): Promise<Outcome> {
  const refused = await destination.authorise?.(paced, signal());
  return refused ?? destination.send({ id, form: FORM, rows }, signal());
}
async function sent(destination: Destination, rows: readonly OutgoingRow[], id?: string): Promise<{ id: string; reference: string; rows: number }> {
  const outcome = await send(destination, rows, id);
  if (outcome.kind !== 'accepted') throw new Error(JSON.stringify(outcome));
  return { id: 'batch-1', reference: outcome.reference, rows: rows.length };
}
const poll = (destination: Destination, what: Parameters<NonNullable<Destination['poll']>>[0]): Promise<Later> =>
  destination.poll?.(what, signal()) ?? Promise.reject(new Error('cannot poll'));

describe('a batch from the call to its result', () => {
  it('is accepted, pending, and answered with a receipt', async () => {
    sandbox.mainbrainer.setFaults({ processing: { delay: 60 } });
    const destination = make({ listId: LIST });
    const batch = await sent(destination, rowsOf(5));
    expect(await poll(destination, batch)).toEqual({ kind: 'pending' });
    await sandbox.mainbrainer.idle();
    const result = await poll(destination, batch);
    expect(result).toMatchObject({ kind: 'answered', failed: [], receipt: { inserted: 5, updated: 0, skipped: 0 } });
    expect(sandbox.mainbrainer.contact({ email: 'p3@example.com' })).toMatchObject({ emailOptIn: true, mobileOptIn: null, lists: [LIST], properties: { firstname: 'Canary3' } });
    await destination.close();
  });

  it('in either letter case of the platform, with what it does not know', async () => {
    const strange = row(0, { fields: '{"email":"p0@example.com","propertyfields":[{"propertyname":"town","propertyvalue":"Oslo"}]}', platformId: '999' });
    for (const letterCase of ['page', 'camel'] as const) {
      sandbox.mainbrainer.setFaults({ letterCase });
      const destination = make();
      expect(await send(destination, [strange, row(1)])).toMatchObject({ kind: 'accepted', notes: ['properties MainBrainer does not know: town'], unknownIds: [0] });
      await destination.close();
    }
  });

  it('a lone row\'s id comes back, and later finds its contact though the pair changed', async () => {
    const destination = make();
    const batch = await sent(destination, [row(1)]);
    await sandbox.mainbrainer.idle();
    const result = await poll(destination, batch);
    const [platformId = ''] = result.kind === 'answered' ? (result.receipt?.ids ?? []) : [];
    await sent(destination, [row(1, { platformId, fields: '{"email":"new@example.com","mobileCountryCode":47,"mobileNumber":90812501}' })]);
    await sandbox.mainbrainer.idle();
    expect([...sandbox.mainbrainer.contacts()]).toMatchObject([{ contactId: Number(platformId), email: 'new@example.com', mobileNumber: 90812501 }]);
    await destination.close();
  });

  it('an erasure leaves neither names nor opt-ins', async () => {
    const destination = make();
    await sent(destination, rowsOf(2));
    await sent(destination, [row(1, { action: ACTION.erase })]);
    await sandbox.mainbrainer.idle();
    expect(sandbox.mainbrainer.contact({ email: 'p1@example.com' })).toMatchObject({ emailOptIn: false, mobileOptIn: false, properties: { firstname: '' } });
    await destination.close();
  });

  it.each<[string, object, object]>([
    ['skipped rows', { skippedRows: { emails: ['p1@example.com'] } }, { kind: 'unclear', accepted: 2 }],
    ['a batch that failed', { failedBatches: true }, { kind: 'failed', message: expect.stringContaining('could not be processed') as string }],
    ['a status that is lost', { statusLost: true }, { kind: 'pending' }],
    ['a status in trouble', { statusErrors: true }, { kind: 'unavailable' }],
    ['too many polls', { statusBurst429: 1 }, { kind: 'throttled' }],
    ['a token refused', { tokenRefused: true }, { kind: 'expired' }],
  ])('%s', async (_name, faults, expected) => {
    const destination = make();
    const { tokenRefused: later, ...first } = faults as { tokenRefused?: boolean };
    sandbox.mainbrainer.setFaults(first);
    const batch = await sent(destination, rowsOf(3));
    await sandbox.mainbrainer.idle();
    if (later === true) sandbox.mainbrainer.setFaults({ tokenRefused: true });
    expect(await poll(destination, batch)).toMatchObject(expected);
    await destination.close();
  });

  it('a batch nobody knows is pending: its deadline ends that', async () => {
    const destination = make();
    await destination.authorise?.(paced, signal());
    expect(await poll(destination, { id: 'b', reference: 'ce2c2e48-47e4-4aa0-b4e7-c9deebe29852', rows: 1 })).toEqual({ kind: 'pending' });
    await destination.close();
  });
});

describe('refusals', () => {
  it.each(['none', 'index', 'email'] as const)('one bad contact refuses all, named or not (%s), and nobody is named by us', async (badRowNamed) => {
    sandbox.mainbrainer.setFaults({ badRowNamed, badRows: { emails: ['p2@example.com'] } });
    const destination = make();
    const outcome = await send(destination, rowsOf(5));
    expect(outcome).toMatchObject({ kind: 'refused', httpStatus: 422 });
    expect(JSON.stringify(outcome)).not.toContain('p2@');
    expect(sandbox.mainbrainer.size()).toBe(0);
    await destination.close();
  });

  it('an unknown list blames the configuration', async () => {
    const destination = make({ listId: '00000000-0000-4000-8000-000000000001' });
    expect(await send(destination, rowsOf(2))).toMatchObject({ kind: 'misconfigured', hint: expect.stringContaining('listId') as string });
    await destination.close();
  });

  it.each([401, 403] as const)('an ended token is expired (%i), a new one carries on, and two fresh ones refused are the credentials', async (tokenStatus) => {
    sandbox.mainbrainer.setFaults({ tokenStatus });
    const destination = make();
    await sent(destination, rowsOf(1));
    sandbox.mainbrainer.endTokens();
    expect(await send(destination, rowsOf(1))).toMatchObject({ kind: 'expired' });
    expect(await destination.send({ id: 'b', form: FORM, rows: rowsOf(1) }, signal())).toMatchObject({ kind: 'expired', httpStatus: 0 });
    expect(await send(destination, rowsOf(1))).toMatchObject({ kind: 'accepted' });
    sandbox.mainbrainer.setFaults({ tokenStatus, tokenRefused: true });
    expect([(await send(destination, rowsOf(1))).kind, (await send(destination, rowsOf(1))).kind]).toEqual(['expired', 'unauthenticated']);
    await destination.close();
  });

  it('check logs in and reads, and changes nothing', async () => {
    const destination = make();
    expect(await destination.check(signal())).toEqual({ kind: 'answered', failed: [], httpStatus: 200 });
    expect(sandbox.mainbrainer.stats()).toMatchObject({ calls: 2, bulkCalls: 0 });
    await destination.close();
    for (const [faults, kind] of [[{ loginRefused: true }, 'unauthenticated'], [{ tokenRefused: true }, 'unauthenticated'], [{ forbidden: 'no' }, 'misconfigured']] as const) {
      sandbox.mainbrainer.setFaults(faults);
      const other = make();
      expect(await other.check(signal())).toMatchObject({ kind, hint: expect.any(String) as string });
      await other.close();
    }
  });
});

describe('webhooks', () => {
  it.each([['deliver', 1], ['double', 2], ['delay', 1], ['lost', 0], ['early', 1]] as const)('%s: %i genuine calls that name both batches', async (mode, count) => {
    sandbox.mainbrainer.setFaults({ webhooks: { mode, delay: 20 } });
    const { port } = receiver.address() as AddressInfo;
    const destination = make({ webhookUrl: `http://127.0.0.1:${port}/webhooks/sms` });
    const sending = sent(destination, rowsOf(2), 'batch-7');
    const { reference } = await sending;
    if (mode === 'early') expect(hits).toHaveLength(1);
    await sandbox.mainbrainer.idle();
    expect(hits.map((hit) => destination.webhook?.(hit))).toEqual(Array(count).fill({ kind: 'batch', batch: 'batch-7', reference }));
    expect(destination.webhook?.({ query: { batch: 'batch-7' }, headers: {}, body: Buffer.alloc(0) })).toBeNull();
    await destination.close();
  });
});

it('what is compared is told by name', () => {
  const destination = make();
  const fields = row(1).fields;
  const found = { key: 'k', locale: null, optedIn: true, smsOptedIn: false, fields: row(2).fields };
  expect(destination.compare({ fields, optedIn: false, smsOptedIn: true }, found)).toEqual(['email', 'firstname', 'emailOptIn', 'mobileOptIn']);
  expect(destination.compare({ fields: found.fields, optedIn: null, smsOptedIn: null }, found)).toEqual([]);
});
