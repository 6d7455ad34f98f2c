import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { startRun, wakeLane } from '../../src/control/index.js';
import { accountSeen, audit, laneDocument, setPaused } from '../../src/ledger/index.js';
import { backUp } from '../support/runtime.js';
import { createWorld, plantContacts, type World } from '../support/world.js';

interface Sent {
  readonly key: string;
  readonly city: string;
  readonly optIn: boolean;
}

/** Passes calls on to the sandbox and tells what contacts are in them, before they arrive. */
function tap(saw: (row: Sent) => void): { readonly through: (sandboxUrl: string) => Promise<string>; close(): void } {
  let sandbox = '';
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      const body = Buffer.concat(chunks);
      if (request.url?.endsWith('/contacts/bulk') === true) {
        const { contacts } = JSON.parse(body.toString()) as { contacts: readonly { externalId: string; optIn: boolean; attributes: { city: string } }[] };
        for (const { externalId, optIn, attributes } of contacts) saw({ key: externalId, city: attributes.city, optIn });
      }
      const onward = http.request(sandbox + (request.url ?? ''), { method: request.method, headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      onward.on('error', () => response.destroy());
      onward.end(body);
    });
  });
  return {
    through: async (sandboxUrl) => {
      sandbox = sandboxUrl;
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    },
    close: () => { server.closeAllConnections(); server.close(); },
  };
}

let world: World;
let close = (): Promise<void> | void => undefined;
afterEach(async () => {
  await close();
  await world.close();
});

test('a ledger restored from an older back-up is noticed: nothing old goes over anything newer, and all is equal in the end', async () => {
  // What each contact has been in the CRM, oldest first.
  const history = new Map<string, string[]>();
  const optedIn = new Map<string, boolean>();
  const newest = new Map<string, number>();
  const faults: string[] = [];
  let sent: string[] = [];
  const tapped = tap(({ key, city, optIn }) => {
    sent.push(key);
    const at = history.get(key)?.lastIndexOf(city) ?? -1;
    if (at < (newest.get(key) ?? 0)) faults.push(`${key} went back from ${String(newest.get(key))} to ${String(at)}`);
    if (optIn && optedIn.get(key) !== true) faults.push(`${key} was opted in`);
    newest.set(key, at);
  });
  close = () => { tapped.close(); };
  world = await createWorld({
    apart: true, through: tapped.through, worker: false, source: 'overlap: 1s', destination: 'settleDelay: 200ms\nlinger: 50ms\nbatchSize: 20',
    more: ({ databaseUrl }) => ({
      sources: `vip:\n  type: postgres\n  url: "${databaseUrl}"\n  table: public.vip\n  key: external_id\n  updatedAt: updated_at\n  fields: {email: email, emailConsent: opt_in, attributes: [city]}`,
      syncs: 'vip-newsletter:\n  source: vip\n  destination: newsletter',
    }),
  });
  const { crm, pool, config } = world;
  const account = config.destinations['newsletter']?.account as string;
  const write = async (keys: readonly number[], city: string, optIn?: boolean): Promise<void> => {
    for (const key of keys.map(String)) {
      history.set(key, [...(history.get(key) ?? []), city]);
      if (optIn !== undefined) optedIn.set(key, optIn);
    }
    await crm.query('UPDATE contacts SET city = $2, opt_in = COALESCE($3, opt_in), updated_at = clock_timestamp() WHERE external_id = ANY($1)', [keys.map(String), city, optIn ?? null]);
  };
  const lane = async (): Promise<{ reason: string | null; state: string }> => {
    const { rows } = await pool.query<{ id: number }>('SELECT id FROM account WHERE name = $1', [account]);
    return laneDocument(pool, rows[0]!.id);
  };
  const eventually = async (what: () => Promise<boolean>): Promise<void> => {
    while (!(await what().catch(() => false))) await new Promise((resolve) => setTimeout(resolve, 50));
  };
  const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

  await crm.query('CREATE TABLE vip (external_id text PRIMARY KEY, email text, opt_in boolean, city text, updated_at timestamptz NOT NULL)');
  await crm.query(`INSERT INTO vip VALUES ('v1', 'v1@example.com', true, 'gold', '2025-01-01')`);
  history.set('v1', ['gold']);
  optedIn.set('v1', true);
  await plantContacts(crm, 60);
  for (const key of range(1, 60)) optedIn.set(String(key), key % 5 !== 0);
  await write(range(1, 60), 'a');
  let host = await world.host();
  await world.run({}, 'vip-newsletter');
  expect((await world.run()).counts.delivered).toBe(60);

  // Rows wait in the back-up, an opt-out among them.
  await setPaused(pool, account, true);
  await write(range(1, 9), 'b');
  await write([2], 'b', false);
  const waiting = await startRun(pool, world.temporal, config, 'crm-newsletter', { kind: 'incremental' });
  await world.until(waiting.run, ({ counts, extracting }) => counts.queued === 9 && !extracting);
  const copy = await backUp(world.databaseUrl);
  close = () => { tapped.close(); return copy.drop(); };

  // What the back-up does not know: they are delivered, and change again; somebody opts out, another in; a new contact.
  await eventually(() => setPaused(pool, account, false));
  await wakeLane(world.temporal, account);
  await world.until(waiting.run, (document) => document.endedAt !== null);
  await write(range(1, 4), 'c');
  await write([2], 'c', true);
  await write([6], 'c', false);
  await write([11, 12], 'b');
  await crm.query(`INSERT INTO contacts SELECT '61', 'person61@example.com', NULL, 'New', 'a', 'US', 'en', true, clock_timestamp()`);
  history.set('61', ['a']);
  optedIn.set('61', true);
  expect((await world.run()).counts).toMatchObject({ delivered: 8 });
  await write([11], 'a');
  expect((await world.run()).counts).toMatchObject({ delivered: 1 });
  const { fence } = (await accountSeen(pool, account))!;
  await host.stop();

  await copy.restore();
  // Changed and changed back: equal to what the old ledger knows, and not to what the platform has.
  await write([12], 'a');
  await write([21, 22], 'b', false);
  sent = [];
  host = await world.host();
  await eventually(async () => (await accountSeen(pool, account))!.fence > fence);
  // The back-up was made while the lane was paused; going on by hand does not lift the hold.
  await setPaused(pool, account, false);
  await wakeLane(world.temporal, account);
  await eventually(async () => (await lane()).reason?.includes('restored from a back-up') === true);
  expect(await lane()).toMatchObject({ state: 'waiting', hint: 'syncline run crm-newsletter; syncline run vip-newsletter' });
  const again = await startRun(pool, world.temporal, config, 'crm-newsletter', { kind: 'incremental' });
  await world.until(again.run, ({ extracting, kind }) => kind === 'full' && !extracting);
  // One of two has been read again: only who opted out since goes, and whoever waited as one and has been read anew.
  await eventually(async () => (await lane()).reason?.includes('until vip-newsletter has been read again') === true && sent.length >= 4);
  expect([...new Set(sent)].sort()).toEqual(['2', '21', '22', '6']);
  await world.run({}, 'vip-newsletter');
  expect((await world.until(again.run, (document) => document.endedAt !== null)).status).toBe('completed');
  await eventually(async () => (await pool.query('SELECT FROM outbox')).rowCount === 0);
  expect(faults).toEqual([]);
  const { rows } = await crm.query<{ key: string; city: string; in: boolean }>('SELECT external_id AS key, city, opt_in AS in FROM contacts');
  expect(rows.map(({ key, city, in: optIn }) => ({ key, city, optIn }))).toEqual(rows.map(({ key }) => {
    const held = world.sandbox.mailingcore.contact(key) as { optIn: boolean; attributes: { city: string } } | undefined;
    return { key, city: held?.attributes.city, optIn: held?.optIn };
  }));
  expect((await audit(pool, null)).balanced).toBe(true);

  // It is noticed once.
  await host.stop();
  await world.host();
  expect(await world.run()).toMatchObject({ kind: 'incremental', status: 'completed', counts: { queued: 0 } });
  expect((await lane()).reason).toBeNull();

  // The workflow of a run that only Temporal knows ends, instead of asking for ever.
  await setPaused(pool, account, true);
  await write([30], 'b');
  const lost = await startRun(pool, world.temporal, config, 'crm-newsletter', { kind: 'incremental' });
  await world.until(lost.run, ({ counts, extracting }) => counts.queued === 1 && !extracting);
  await pool.query(`UPDATE run SET id = 'not in the back-up' WHERE id = $1`, [lost.run]);
  const workflow = world.runtime.client.workflow.getHandle(`sync/crm-newsletter/${lost.run}`);
  await workflow.signal('settled');
  await expect(workflow.result()).rejects.toThrow('Workflow execution failed');
});
