import { afterAll, beforeAll, expect, test } from 'vitest';
import { heal, openRetry, planRetry, startRetry } from '../../src/control/index.js';
import { audit, findRun, listFailures, queueRejections, type RunDocument } from '../../src/ledger/index.js';
import { createWorld, plantContacts, type World } from '../support/world.js';

let world: World;
beforeAll(async () => { world = await createWorld({ worker: false, sync: 'filter: {locale: [en, fr, de]}' }); });
afterAll(async () => { await world.close(); });

const SYNC = 'crm-newsletter';
const EVERYTHING = { reason: null, keys: null };
const ended = (run: string): Promise<RunDocument> => world.until(run, (document) => document.endedAt !== null);
const failures = async (): Promise<readonly (string | null)[]> => (await listFailures(world.pool, SYNC, 100)).failures.map(({ key }) => key).sort();
const refuse = (...externalIds: string[]): void => { world.sandbox.mailingcore.setFaults({ badRows: { externalIds, mode: 'row' } }); };
const change = (set: string, ...keys: string[]): Promise<unknown> => world.crm.query(`UPDATE contacts SET ${set}, updated_at = now() WHERE external_id = ANY ($1)`, [keys]);

test('killed between its opening, its queueing and the start of its workflow, a retry is begun by a sweep, and its rows are queued once', async () => {
  await plantContacts(world.crm, 30);
  refuse('3', '4', '7', '8');
  const host = await world.host();
  await world.run();
  await host.stop();
  refuse();
  // One dies before anything is queued, one after; the rows of a third were all chosen by the others.
  const before = await openRetry(world.pool, world.temporal, world.config, SYNC, { reason: null, keys: ['3', '4'] });
  const after = await openRetry(world.pool, world.temporal, world.config, SYNC, EVERYTHING);
  expect([before.chosen, after.chosen]).toEqual([2, 4]);
  expect(await queueRejections(world.pool, (await findRun(world.pool, after.run))?.no ?? 0)).toBe(4);
  expect(await queueRejections(world.pool, (await findRun(world.pool, after.run))?.no ?? 0)).toBe(0);
  await world.pool.query(`UPDATE run SET started_at = started_at - interval '1 minute'`);
  expect((await heal(world.pool, world.temporal)).runs).toEqual([]);
  await world.host();
  const [one, two] = await Promise.all([before, after].map(({ run }) => ended(run)));
  expect(one).toMatchObject({ kind: 'retry', status: 'completed', counts: { extracted: 0, queued: 0 }, workflowId: `retry/${SYNC}/${before.run}` });
  expect(two).toMatchObject({ kind: 'retry', status: 'completed', counts: { extracted: 4, queued: 4, delivered: 4 } });
  expect(await failures()).toEqual([]);
  expect((await audit(world.pool, null)).balanced).toBe(true);
});

test('a retry sends what was asked for by key and by reason, and tells what it does not send', async () => {
  await change(`city = 'Moss'`, '3', '7', '8');
  await change(`email = 'nonsense'`, '9');
  refuse('3', '7', '8');
  await world.run();
  refuse('8');
  const asked = { reason: null, keys: ['7', 'nobody', '9', '8', '7'] };
  expect(await planRetry(world.pool, world.config, SYNC, asked)).toEqual({ retriable: 2, kept: { invalid: 1 }, keptKeys: [{ index: 1, why: 'unknown' }, { index: 2, why: 'invalid' }] });
  const { code = '' } = (await listFailures(world.pool, SYNC, 1)).failures[0] ?? {};
  expect((await planRetry(world.pool, world.config, SYNC, { reason: 'another', keys: ['7'] })).keptKeys).toEqual([{ index: 0, why: 'other' }]);
  const run = await ended((await startRetry(world.pool, world.temporal, world.config, SYNC, { ...asked, reason: code })).run);
  expect(run).toMatchObject({ status: 'completed_with_rejects', counts: { extracted: 2, delivered: 1, rejected: 1 } });
  expect(await failures()).toEqual(['3', '8', '9']);
});

test('rows that were mended in the CRM leave the list at the next run: refused ones, invalid ones, ones without a key, and what the filter holds back by now', async () => {
  await world.crm.query(`INSERT INTO contacts VALUES (' ', 'lost@example.com', NULL, 'Lost', NULL, NULL, 'en', true, now())`);
  await change(`city = 'Vik'`, '4');
  refuse('3', '4', '8');
  await world.run();
  expect((await failures()).map(String).sort()).toEqual(['3', '4', '8', '9', 'null']);
  refuse();
  await change(`city = 'Voss'`, '3', '8');
  await change(`email = 'nine@example.com'`, '9');
  await change(`external_id = 'found'`, ' ');
  await change(`locale = 'es'`, '4');
  const run = await world.run();
  expect(run.counts).toMatchObject({ delivered: 4, filtered: 1, invalid: 0 });
  expect(await failures()).toEqual([]);
  expect(world.sandbox.mailingcore.contact('found')).toMatchObject({ email: 'lost@example.com' });
  expect((await audit(world.pool, null)).balanced).toBe(true);
});
