import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { costOfBackfill } from '../../src/cli/views/index.js';
import type { RunSummary, StatusDocument } from '../../src/ledger/index.js';
import { run } from './support.js';
import { createCliWorld, people, type CliWorld } from './world.js';

let world: CliWorld;
beforeAll(async () => { world = await createCliWorld(); });
afterAll(async () => { await world.close(); });

test('before it starts it says what it costs at the account\'s limit', () => {
  expect(costOfBackfill({ rows: 1_000_000, calls: 1_000, seconds: 60_000 }))
    .toBe("about 1,000,000 contacts: up to 1,000 calls, 1,000 minutes at the account's limit; what is unchanged costs no call");
  expect(costOfBackfill({ rows: null, calls: null, seconds: null })).toContain('cannot tell');
});

test('at a terminal it asks, and a no starts nothing', async () => {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  stdin.write('n\n');
  const refused = await run(['backfill', 'crm'], { cwd: world.folder, stdin });
  expect(refused).toMatchObject({ code: 1, out: '' });
  expect(refused.err).toContain('Start it? [y/N]');
  expect((await world.json<{ runs: RunSummary[] }>('runs')).document.runs).toEqual([]);
});

test('detached, paused, resumed and cancelled, also while no worker lives; then one is followed to its end', async () => {
  const { code, document, err } = await world.json('backfill', 'crm', '--from', '2025-01-01', '--to', '2025-01-02', '--detach');
  expect(code).toBe(0);
  expect(err).toContain('what is unchanged costs no call');
  expect(document).toMatchObject({
    kind: 'backfill', status: 'running', attached: false, extracting: true, workflowId: `backfill/crm/${document.run}`,
    backfill: { from: '2025-01-01T00:00:00.000000Z', to: '2025-01-02T00:00:00.000000Z', paused: false },
  });
  const again = await world.json('backfill', 'crm', '--detach');
  expect(again.document).toMatchObject({ run: document.run, attached: true });
  expect(await world.json('backfill', 'pause', document.run)).toMatchObject({ code: 0, document: { backfill: { paused: true } } });
  expect((await world.cli('runs', 'show', document.run)).out).toMatch(/2025-01-02T00:00:00.000000Z; paused[\s\S]*next: syncline backfill resume/);
  expect((await world.json<StatusDocument>('status')).document.syncs).toMatchObject([{ backfill: { run: document.run, paused: true } }]);
  expect((await world.cli('status')).out).toContain(`crm: a backfill is paused; syncline backfill resume ${document.run}`);
  expect(await world.json('backfill', 'resume', document.run)).toMatchObject({ code: 0, document: { backfill: { paused: false } } });
  expect(await world.json('backfill', 'cancel', document.run)).toMatchObject({ code: 0, document: { status: 'cancelled', extracting: false } });

  await world.work();
  // Its window ends before the contacts begin; the next one holds them.
  expect(await world.json('backfill', 'crm', '--to', '2025-01-01')).toMatchObject({ code: 0, document: { status: 'completed', counts: { extracted: 0 }, backfill: { from: null } } });
  const followed = await world.json('backfill', 'crm', '--from', '2025-01-01', '--yes');
  expect(followed).toMatchObject({ code: 0, document: { kind: 'backfill', status: 'completed', counts: { extracted: 25, delivered: 25 }, cursor: { from: null, to: null } } });
  expect(world.sandbox.mailingcore.size()).toBe(people(25).length);
  expect((await world.json<{ runs: RunSummary[] }>('runs', 'crm')).document.runs.map(({ kind }) => kind)).toEqual(['backfill', 'backfill', 'backfill']);
});

test('what cannot be is said, with 2', async () => {
  const { document } = await world.json('run', 'crm');
  for (const [argv, words] of [
    [['backfill'], 'which sync?'],
    [['backfill', 'crn'], 'did you mean "crm"?'],
    [['backfill', 'crm', '--from', 'soon'], '--from: found "soon"'],
    [['backfill', 'crm', '--from', '2025-02-01', '--to', '2025-01-01'], '--from is not before --to'],
    [['backfill', 'pause', 'nope'], 'there is no run nope'],
    [['backfill', 'pause', document.run], 'is no backfill'],
  ] as const) {
    const ran = await world.cli(...argv);
    expect(ran).toMatchObject({ code: 2, out: '' });
    expect(ran.err).toContain(words);
  }
});
