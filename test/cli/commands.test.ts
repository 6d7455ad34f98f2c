import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PlanDocument } from '../../src/control/index.js';
import type { AuditDocument, FailureDocument, LaneDocument, RunDocument, RunSummary, StatusDocument, StoryDocument } from '../../src/ledger/index.js';
import { createCliWorld, people, type CliWorld } from './world.js';

let world: CliWorld;
beforeAll(async () => { world = await createCliWorld(); });
afterAll(async () => { await world.close(); });

const tables = ['run', 'page', 'outbox', 'batch', 'contact', 'rejection', 'sync', 'account'] as const;

async function sizes(): Promise<Record<string, number>> {
  const { rows } = await world.pool.query<Record<string, number>>(`SELECT ${tables.map((name) => `(SELECT count(*) FROM ${name}) AS "${name}"`).join(', ')}`);
  return rows[0] as Record<string, number>;
}

describe('the commands, in the order a person meets them', () => {
  test('plan over an empty ledger says what a run would do, and stores and sends nothing', async () => {
    world.contacts([...people(25), ',nobody@example.com,en,true,2025-01-01T00:00:00Z', '3,person3@example.com,en,true,2025-01-01T00:00:00Z']);
    const { code, document } = await world.json<PlanDocument>('plan', 'crm');
    expect(code).toBe(0);
    expect(document).toMatchObject({
      sync: 'crm', kind: 'incremental', calls: 3, seconds: 0,
      counts: { extracted: 27, creates: 25, updates: 0, optOuts: 0, unchanged: 0, invalid: 1, superseded: 1 },
      invalidRows: [{ key: null, place: 'line 27' }],
    });
    expect(Object.values(document.invalid)).toEqual([1]);
    expect(Object.values(await sizes())).toEqual(tables.map(() => 0));
    expect(world.sandbox.mailingcore.size()).toBe(0);
    world.contacts(people(25));
  });

  test('a detached run prints the document as far as known and returns; without a worker nothing moves', async () => {
    const { code, document } = await world.json('run', 'crm', '--detach');
    expect(code).toBe(0);
    expect(document).toMatchObject({ sync: 'crm', kind: 'incremental', status: 'running', attached: false, extracting: true, counts: { extracted: 0 } });
    expect(document.workflowId).toBe(`sync/crm/${document.run}`);
  });

  test('with an address and no worker, run says within ten seconds how to start one, and a time-out leaves with 5', async () => {
    const { code, document, err } = await world.json('run', 'crm', '--timeout', '8s');
    expect(code).toBe(5);
    expect(document.attached).toBe(true);
    expect(err).toContain('syncline worker');
    expect(err).toContain('had not ended after 8.0 s');
  });

  test('a second run follows the one that reads, and both end with it', async () => {
    await world.work();
    const [one, two] = await Promise.all([world.json('run', 'crm'), world.json('run', 'crm')]);
    for (const { code, document } of [one, two]) {
      expect(code).toBe(0);
      expect(document.status).toBe('completed');
    }
    expect(world.sandbox.mailingcore.size()).toBe(25);
    expect(one.document.cursor.to).toBe('2025-01-01T00:00:00.000000Z');
  });

  test('an unchanged run makes no call and ends with 0', async () => {
    const { code, document } = await world.json('run', 'crm');
    expect(code).toBe(0);
    expect(document).toMatchObject({ attached: false, status: 'completed', calls: { total: 0 }, counts: { extracted: 25, unchanged: 25, queued: 0 } });
  });

  test('--only, --resend and --limit say what is read and sent', async () => {
    const only = await world.json('run', 'crm', '--only', '3,4', '--resend');
    expect(only).toMatchObject({ code: 0, document: { kind: 'only', counts: { extracted: 2, queued: 2, delivered: 2 } } });
    const limited = await world.json('run', 'crm', '--full', '--limit', '5');
    expect(limited).toMatchObject({ code: 0, document: { kind: 'full', counts: { extracted: 5, unchanged: 5 } } });
    expect(await world.cli('run', 'crm', '--only', '3', '--full')).toMatchObject({ code: 2, out: '' });
  });

  test('plan tells updates and opt-outs from what is unchanged', async () => {
    world.contacts(people(25).map((line, i) => (i === 0 ? line.replace('true', 'false') : i === 1 ? line.replace('person2', 'renamed2') : line)).map((line) => line.replace('2025-01-01', '2025-01-02')));
    const { document } = await world.json<PlanDocument>('plan', 'crm');
    expect(document).toMatchObject({ calls: 1, counts: { creates: 0, updates: 2, optOuts: 1, unchanged: 23 } });
  });

  test('a run whose lane is paused by hand leaves at once with 1, its rows wait; resume delivers them', async () => {
    const paused = await world.json<LaneDocument>('lane', 'pause', 'newsletter');
    expect(paused).toMatchObject({ code: 0, document: { account: world.account, state: 'paused' } });
    const ran = await world.json('run', 'crm');
    expect(ran).toMatchObject({ code: 1, document: { status: 'running', extracting: false, counts: { queued: 2, waiting: 2 } } });
    expect(ran.err).toContain(`the lane ${world.account} is paused`);
    expect(ran.err).toContain('the rows wait');
    expect((await world.json<PlanDocument>('plan', 'crm')).document).toMatchObject({ lane: { state: 'paused' }, counts: { unchanged: 25 } });
    expect((await world.json('lane', 'resume', world.account)).code).toBe(0);
    const done = await untilEnded(ran.document.run);
    expect(done).toMatchObject({ status: 'completed', counts: { delivered: 2, waiting: 0 } });
    expect(await world.cli('lane', 'pause', 'nobody')).toMatchObject({ code: 2 });
  });

  test('a destination that is down is waited for, and said so', async () => {
    world.sandbox.mailingcore.setFaults({ errorsBeforeCommit: { share: 1, first: 2 } });
    world.contacts(people(25).map((line, i) => (i === 4 ? line.replace('person5', 'moved5') : line)).map((line) => line.replace('2025-01-01', '2025-01-03')));
    const ran = await world.json('run', 'crm');
    expect(ran.code).toBe(0);
    expect(ran.document.calls.total).toBeGreaterThan(1);
    expect(ran.err).toMatch(/backing off/);
  });

  test('rejected rows end a run with 3 and are listed, exported and tried again', async () => {
    world.sandbox.mailingcore.setFaults({ badRows: { externalIds: ['7'], message: 'invalid email' } });
    world.contacts([...people(25).map((line, i) => (i === 6 ? line.replace('person7', '=cmd7') : line)), ',-formula,en,true,2025-01-04T00:00:00Z']);
    const ran = await world.json('run', 'crm');
    expect(ran).toMatchObject({ code: 3, document: { status: 'completed_with_rejects', counts: { rejected: 1, invalid: 1 } } });
    const { document } = await world.json<{ failures: FailureDocument[]; total: number }>('failures', 'crm');
    expect(document.total).toBe(2);
    expect(document.failures.find((one) => one.key === '7')).toMatchObject({ run: ran.document.run, attempts: 1 });
    expect(document.failures.find((one) => one.key === null)).toMatchObject({ code: 'invalid', place: 'line 27' });

    expect((await world.cli('failures', 'export', 'crm', 'out.csv')).code).toBe(0);
    const lines = readFileSync(join(world.folder, 'out.csv'), 'utf8').split('\r\n');
    expect(lines[0]).toBe('key,place,code,reason,run,since,attempts');
    expect(lines).toHaveLength(4);

    const again = await world.json('failures', 'retry', 'crm');
    expect(again).toMatchObject({ code: 3, document: { kind: 'retry', counts: { extracted: 1, queued: 1, rejected: 1 } } });
    world.sandbox.mailingcore.setFaults({});
    const nothing = await world.json<{ queued: number }>('failures', 'retry', 'crm', '--reason', 'no such reason');
    expect(nothing).toMatchObject({ code: 0, document: { queued: 0 } });
    expect(await world.json('failures', 'retry', 'crm')).toMatchObject({ code: 0, document: { kind: 'retry', counts: { delivered: 1 } } });
  });

  test('contact tells what the source says, what was sent, and what was answered', async () => {
    const { code, document } = await world.json<StoryDocument & { source: { found: boolean; emailConsent: string } }>('contact', 'crm', '7');
    expect(code).toBe(0);
    expect(document.source).toMatchObject({ found: true, emailConsent: 'granted' });
    expect(document.delivered).not.toBeNull();
    expect(document.events.map((event) => event.what).join('\n')).toMatch(/delivered[\s\S]*rejected: [\s\S]*delivered/);
    expect(await world.cli('contact', 'crm', 'nobody')).toMatchObject({ code: 1, out: '' });
  });

  test('status, runs and audit tell of all of it', async () => {
    const status = await world.json<StatusDocument>('status');
    expect(status.document.syncs).toMatchObject([{ sync: 'crm', waiting: 0, failures: 1 }]);
    expect(status.document.lanes).toMatchObject([{ account: world.account, state: 'idle' }]);
    const runs = await world.json<{ runs: RunSummary[] }>('runs', 'crm');
    expect(runs.document.runs.length).toBeGreaterThan(8);
    expect(runs.document.runs[0]).toMatchObject({ kind: 'retry' });
    expect(runs.document.runs[0]).not.toHaveProperty('batches');
    const shown = await world.json('runs', 'show', runs.document.runs[0]?.run ?? '');
    expect(shown.document.batches).toMatchObject([{ rows: 1, delivered: 1, status: 'settled', httpStatus: 200 }]);
    const audit = await world.json<AuditDocument>('audit');
    expect(audit).toMatchObject({ code: 0, document: { balanced: true } });
    const { out } = await world.cli('audit', shown.document.run);
    expect(out).toMatch(/queued 1 = delivered 1 \+ rejected 0/);
    expect(await world.cli('runs', 'show', 'nope')).toMatchObject({ code: 2 });
  });

  test('verify passes with 0, fails with 4 naming the contacts, and --repair sends them again', async () => {
    world.contacts(people(25).map((line) => line.replace('2025-01-01', '2025-01-05')));
    await world.cli('run', 'crm');
    expect((await world.json<{ verdict: string }>('verify', 'crm'))).toMatchObject({ code: 0, document: { verdict: 'pass', differences: [] } });
    world.sandbox.mailingcore.plant([
      { externalId: '9', email: 'other9@example.com', locale: 'en', optIn: true },
      { externalId: '8', email: 'other8@example.com', locale: 'en', optIn: false },
    ]);
    const failed = await world.json<{ differences: { key: string }[] }>('verify', 'crm', '--repair', '--out', 'differences.ndjson');
    expect(failed.code).toBe(4);
    expect(failed.document).toMatchObject({ verdict: 'fail', repair: { contacts: 1, optedOutThere: 1 } });
    expect(failed.document.differences.map((one) => one.key).sort()).toEqual(['8', '9']);
    expect(readFileSync(join(world.folder, 'differences.ndjson'), 'utf8').trim().split('\n')).toHaveLength(2);
    const { document } = await world.json<{ runs: RunSummary[] }>('runs');
    // Beside it the opt-out that was learned at the platform may have a run of its own.
    expect((await untilEnded(document.runs.find(({ kind }) => kind !== 'optOut')?.run ?? '')).kind).toBe('repair');
    // Who left at the platform is not brought back by a repair: promise 7.
    expect(world.sandbox.mailingcore.contact('8')).toMatchObject({ optIn: false });
    expect(world.sandbox.mailingcore.contact('9')).not.toMatchObject({ email: 'other9@example.com' });
    world.sandbox.mailingcore.plant([{ externalId: '8', email: 'other8@example.com', locale: 'en', optIn: true }]);
  });

  test('a refusal of the credentials blocks the lane: 1 with the words of the platform, and the next run tries again', async () => {
    world.sandbox.mailingcore.setFaults({ forbidden: 'Missing contacts:write scope' });
    world.contacts(people(26));
    const ran = await world.json('run', 'crm');
    expect(ran).toMatchObject({ code: 1, document: { status: 'running', counts: { waiting: 1, rejected: 0 }, lane: { state: 'blocked' } } });
    expect(ran.err).toContain('Missing contacts:write scope');
    // Nothing is mended: the next run says so again, though it has nothing to send of its own.
    const again = await world.json('run', 'crm');
    expect(again).toMatchObject({ code: 1, document: { status: 'completed', counts: { queued: 0 } } });
    expect(again.err).toContain('Missing contacts:write scope');
    world.sandbox.mailingcore.setFaults({});
    // What waited for the block is followed, too: the new run has nothing to send.
    expect(await world.json('run', 'crm')).toMatchObject({ code: 0, document: { status: 'completed', counts: { queued: 0 } } });
    expect(world.sandbox.mailingcore.size()).toBe(26);
  });

  test('a run whose source cannot be read fails with 1, an unknown sync ends with 2 and a guess', async () => {
    writeFileSync(join(world.folder, 'contacts.csv'), 'ident,email\n1,a@example.com\n');
    const ran = await world.json('run', 'crm');
    expect(ran).toMatchObject({ code: 1, document: { status: 'failed' } });
    expect(ran.err).toContain('has no column "id"');
    expect(ran.document.error).toContain('has no column "id"');
    const unknown = await world.cli('run', 'crn');
    expect(unknown).toMatchObject({ code: 2, out: '' });
    expect(unknown.err).toContain('did you mean "crm"?');
  });
});

async function untilEnded(run: string): Promise<RunDocument> {
  for (;;) {
    const { document } = await world.json('runs', 'show', run);
    if (document.endedAt !== null) return document;
  }
}
