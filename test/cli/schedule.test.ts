import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ScheduleChange, ScheduleStanding } from '../../src/control/index.js';
import type { StatusDocument } from '../../src/ledger/index.js';
import { createCliWorld, type CliWorld } from './world.js';

let world: CliWorld;
beforeAll(async () => { world = await createCliWorld({ sync: '    schedule: {every: 1h}' }); });
afterAll(async () => {
  await world.cli('schedule', 'delete', '--yes');
  await world.close();
});

type Listed = { readonly schedules: readonly ScheduleStanding[] };

test('schedule: apply shows what it makes and then nothing; list and status show the next run, a pause its note; what is not there is named', async () => {
  const none = await world.cli('schedule', 'trigger', 'crm');
  expect(none).toMatchObject({ code: 2 });
  expect(none.err).toMatch(/Temporal has no schedule of crm\n {2}syncline schedule apply/);
  expect((await world.json<Listed>('schedule', 'list')).document.schedules[0]).toMatchObject({ sync: 'crm', state: 'missing', nextRun: null });

  const applied = await world.cli('schedule', 'apply');
  expect(applied).toMatchObject({ code: 0, out: '+ create  crm  every 1h\n' });
  const again = await world.json<{ readonly changes: readonly ScheduleChange[]; readonly applied: number }>('schedule', 'apply');
  expect(again.document).toMatchObject({ changes: [{ sync: 'crm', action: 'none', differences: [] }], applied: 0 });

  expect((await world.cli('schedule', 'pause', 'crm', '--note', 'the CRM is being moved')).out).toBe('crm: paused\n');
  expect((await world.json<Listed>('schedule', 'list', 'crm')).document.schedules[0]).toMatchObject({ state: 'paused', note: 'the CRM is being moved', nextRun: null, upToDate: true });
  expect((await world.cli('status')).out).toMatch(/the schedule of crm is paused: the CRM is being moved/);
  expect((await world.cli('schedule', 'resume')).out).toBe('crm: resumed\n');
  const { document } = await world.json<StatusDocument>('status');
  expect(document.syncs[0]).toMatchObject({ schedule: { state: 'active', note: 'resumed by hand' } });
  expect(Date.parse(document.syncs[0]?.nextRun ?? '')).toBeGreaterThan(Date.now());

  const { document: { triggered } } = await world.json<{ triggered: readonly { readonly workflowId: string }[] }>('schedule', 'trigger', 'crm');
  expect(triggered[0]?.workflowId).toMatch(/^sync\/crm\/scheduled-/);
  const unknown = await world.cli('schedule', 'pause', 'cmr');
  expect(unknown).toMatchObject({ code: 2 });
  expect(unknown.err).toMatch(/did you mean "crm"/);
  expect((await world.cli('schedule', 'delete', 'crm')).out).toBe('crm: deleted\n');
});
