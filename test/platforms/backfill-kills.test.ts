import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { audit } from '../../src/ledger/index.js';
import { createCliWorld, people, type CliWorld } from '../cli/world.js';
import { startWorkerProcess, type WorkerProcess } from './worker-process.js';

const CONTACTS = 10_000;
const KILLS = 4;

let world: CliWorld;
let worker: WorkerProcess | undefined;
afterEach(async () => {
  await worker?.kill();
  await world.close();
});

/** Whether so many are delivered, or all. */
const delivered = async (run: string, count: number): Promise<boolean> => {
  const { document } = await world.json('runs', 'show', run);
  return document.endedAt !== null || document.counts.delivered >= count;
};

// The short form, workers that stop in order, is in test/workflows/backfill.test.ts.
test.runIf(process.env['SYNCLINE_LONG'] === '1')('with its worker killed again and again a backfill loses nothing and sends nothing twice that was answered', async () => {
  world = await createCliWorld({ sync: '    backfill: {maxWaiting: 1000}' });
  world.contacts(people(CONTACTS));
  world.sandbox.mailingcore.setFaults({ latency: 60 });
  const { document: { run } } = await world.json('backfill', 'crm', '--yes', '--detach');
  for (let kill = 1; kill <= KILLS; kill += 1) {
    worker = await startWorkerProcess(world.folder);
    while (!(await delivered(run, (kill * CONTACTS) / (KILLS + 2)))) await sleep(100);
    await worker.kill();
  }
  const { document: open } = await world.json('runs', 'show', run);
  expect(open.endedAt).toBeNull();
  worker = await startWorkerProcess(world.folder);
  while (!(await delivered(run, CONTACTS + 1))) await sleep(500);
  const { document } = await world.json('runs', 'show', run);
  expect(document).toMatchObject({ status: 'completed', counts: { extracted: CONTACTS, queued: CONTACTS, delivered: CONTACTS, rejected: 0, superseded: 0 } });
  expect(world.sandbox.mailingcore.size()).toBe(CONTACTS);
  // A call that a kill left without an answer is made again; no other is.
  expect(document.calls.total - document.calls.unknownSettled).toBeLessThanOrEqual(CONTACTS / 10 + KILLS * 4);
  expect((await audit(world.pool, null)).balanced).toBe(true);
}, 480_000);
