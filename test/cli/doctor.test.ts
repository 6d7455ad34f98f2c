import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { lookAtAll, type Check, type DoctorDocument, type Probe } from '../../src/doctor/index.js';
import { probeTemporal } from '../../src/runtime/index.js';
import { run, withConfig, type Ran } from './support.js';
import { createCliWorld, type CliWorld } from './world.js';

const byName = ({ checks }: DoctorDocument): Record<string, Check> => Object.fromEntries(checks.map((check) => [check.name, check]));

describe('the checks', () => {
  const at = { name: 'slow', kind: 'source' } as const;
  const fine: Probe = { name: 'fine', kind: 'source', look: () => Promise.resolve([{ name: 'fine', kind: 'source', ok: true, message: 'yes', hint: null, fault: null }]) };

  test('run side by side, each with its deadline, and one that hangs or throws ends no other', async () => {
    let told = false;
    const hanging: Probe = { ...at, look: (signal) => new Promise(() => { signal.addEventListener('abort', () => { told = true; }); }) };
    const broken: Probe = { name: 'broken', kind: 'destination', look: () => Promise.reject(Object.assign(new Error('not\nthere'), { kind: 'unreachable', hint: 'start it' })) };
    const checks = await lookAtAll([hanging, broken, fine], 50, new AbortController().signal);
    expect(checks).toMatchObject([
      { name: 'slow', ok: false, fault: 'unreached', message: expect.stringContaining('0.05 s') as string },
      { name: 'broken', ok: false, fault: 'unreached', message: 'not there', hint: 'start it' },
      { name: 'fine', ok: true },
    ]);
    expect(told).toBe(true);
  });

  test('end with a Ctrl-C', async () => {
    const controller = new AbortController();
    const looking = lookAtAll([{ ...at, look: () => new Promise(() => undefined) }], 60_000, controller.signal);
    controller.abort(new Error('interrupted'));
    await expect(looking).rejects.toThrow('interrupted');
  });
});

describe('doctor, with servers of its own', () => {
  let world: CliWorld;
  let silent: Server;
  let written: string;
  beforeAll(async () => {
    world = await createCliWorld();
    written = readFileSync(join(world.folder, 'syncline.yaml'), 'utf8');
    // Takes every connection and never says a word; what it is sent is read, or a closed connection would not be noticed.
    silent = createServer((socket) => { socket.on('error', () => undefined).resume(); });
    await new Promise<void>((resolve) => { silent.listen(0, '127.0.0.1', resolve); });
  });
  afterAll(async () => {
    await world.close();
    await new Promise((resolve) => { silent.close(resolve); });
  });
  const doctor = (...more: string[]): Promise<Ran & { document: DoctorDocument }> => world.json<DoctorDocument>('doctor', ...more);
  const configure = (...changes: readonly (readonly [string | RegExp, string])[]): void => {
    writeFileSync(join(world.folder, 'syncline.yaml'), changes.reduce((text, [from, to]) => text.replace(from, to), written));
  };

  test('before the first run: all but the worker is there, it says how to start one, and the ledger is not made', async () => {
    const { code, document } = await doctor();
    expect(code).toBe(5);
    expect(document.checks.filter(({ ok }) => !ok).map(({ name, hint }) => [name, hint])).toEqual([['worker', 'start one: syncline worker']]);
    expect(byName(document)).toMatchObject({ configuration: { ok: true }, temporal: { ok: true }, 'search attributes': { ok: true }, postgres: { ok: true }, ledger: { ok: true, message: 'not there yet, and may be made' }, export: { ok: true, kind: 'source' }, newsletter: { ok: true, kind: 'destination' } });
    expect(document.next).toEqual(['syncline worker', 'syncline run crm']);
    const { rows } = await world.pool.query<{ there: boolean }>(`SELECT to_regnamespace('syncline') IS NOT NULL AS there`);
    expect(rows[0]?.there).toBe(false);
  });

  test('with a worker all is well, at the price of one read at the platform', async () => {
    await world.cli('plan', 'crm');
    // What a worker does and doctor sees: it asks for work of the task queue.
    const taskQueue = /taskQueue: ([\w-]+)/.exec(written)?.[1] ?? '';
    const address = inject('temporalAddress');
    const connection = await Connection.connect({ address });
    const end = new AbortController();
    const polling = connection.withDeadline(Date.now() + 30_000, () => connection.withAbortSignal(end.signal, () =>
      connection.workflowService.pollWorkflowTaskQueue({ namespace: 'default', taskQueue: { name: taskQueue }, identity: 'a worker' }))).catch(() => undefined);
    await vi.waitFor(async () => { expect((await probeTemporal(address, { address, namespace: 'default', taskQueue }, 5_000)).workers).toBe(1); }, { timeout: 60_000 });
    const before = world.sandbox.mailingcore.stats().calls;
    const { code, document } = await doctor();
    expect(document.checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(code).toBe(0);
    expect(world.sandbox.mailingcore.stats().calls - before).toBe(1);
    expect(world.sandbox.mailingcore.size()).toBe(0);
    expect(byName(document)['ledger']?.message).toBe('up to date, with every right');
    // The world's pace is above what the platform documents: allowed, and said.
    expect(byName(document)['newsletter']).toMatchObject({ ok: true, hint: expect.stringContaining('300 calls in 1m') as string });
    const shown = await world.cli('doctor');
    expect(shown).toMatchObject({ code: 0, err: '' });
    expect(shown.out).toMatch(/✓ source export[^]*All is well[^]*syncline run crm/);
    end.abort();
    await polling;
    await connection.close();
  });

  test('each that is wrong is told with its way out, the rest is still checked, and no secret is shown', async () => {
    configure(['mc_test_key', 'hush'], ['key: id', 'key: nope'], [/postgresql?:\/\/[^"]*/, 'postgres://nobody:hush@127.0.0.1:1/none']);
    world.sandbox.mailingcore.setFaults({ unauthorized: { first: 1 } });
    const { code, document, out } = await doctor('--timeout', '1s');
    expect(code).toBe(1);
    const checks = byName(document);
    expect(checks['newsletter']).toMatchObject({ ok: false, fault: 'wrong', hint: expect.stringContaining('apiKey') as string });
    expect(checks['export']).toMatchObject({ ok: false, fault: 'wrong', message: expect.stringContaining('nope') as string });
    expect(checks['postgres']).toMatchObject({ ok: false, fault: 'unreached', hint: expect.stringContaining('database.url') as string });
    expect(checks['temporal']).toMatchObject({ ok: true });
    expect(document.next.at(-1)).toBe('syncline doctor');
    expect(out).not.toContain('hush');
  });

  test('servers that do not answer are 5, within the deadline', async () => {
    const { port } = silent.address() as AddressInfo;
    configure([/temporal: \{address: "[^"]*"/, 'temporal: {address: "127.0.0.1:1"'], [/baseUrl: \S+/, `baseUrl: http://127.0.0.1:${String(port)}/mailingcore`], [/postgresql?:\/\/[^"]*/, `postgres://a@127.0.0.1:${String(port)}/b`]);
    const began = performance.now();
    const { code, document } = await doctor('--timeout', '1s');
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(code).toBe(5);
    expect(document.checks.filter(({ ok }) => !ok).map(({ name, fault }) => [name, fault])).toEqual([['temporal', 'unreached'], ['postgres', 'unreached'], ['newsletter', 'unreached']]);
  });

  test('a role that may not write the ledger, and a ledger of a newer version, are told', async () => {
    configure();
    const url = new URL(/url: "([^"]+)"/.exec(written)?.[1] ?? '');
    const role = `reader_${url.pathname.slice(1)}`;
    const admin = new pg.Client({ connectionString: url.href });
    await admin.connect();
    try {
      await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'p'; GRANT USAGE ON SCHEMA syncline TO ${role}; GRANT SELECT ON ALL TABLES IN SCHEMA syncline TO ${role}`);
      const readers = new URL(url);
      readers.username = role;
      readers.password = 'p';
      configure([url.href, readers.href]);
      expect(byName((await doctor()).document)['ledger']).toMatchObject({ ok: false, message: expect.stringContaining(`${role} may not read and write`) as string });
      configure();
      await admin.query(`INSERT INTO syncline.migration (name, run_on) VALUES ('9999_tomorrow', now())`);
      expect(byName((await doctor()).document)['ledger']).toMatchObject({ ok: false, message: expect.stringContaining('newer version') as string });
      await admin.query(`DELETE FROM syncline.migration WHERE name IN ('9999_tomorrow', '0002_kinds_and_later_results')`);
      expect(byName((await doctor()).document)['ledger']).toMatchObject({ ok: true, message: '1 migration behind this version' });
    } finally {
      await admin.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      await admin.end();
    }
  });
});

describe('doctor, with nothing configured', () => {
  test('what does not run is named with the commands that start it, and nothing is started', async () => {
    await withConfig(`version: 1
sources: {list: {type: csv, path: ./list.csv, key: id, fields: {email: email}}}
destinations: {newsletter: {type: mailingcore, baseUrl: "http://127.0.0.1:1/mailingcore", apiKey: mc_test_key, tenantId: t}}
syncs: {crm: {source: list, destination: newsletter}}
`, async (cwd) => {
      writeFileSync(join(cwd, 'list.csv'), 'id,email\n1,a@example.com\n');
      const ran = await run(['doctor'], { cwd, env: { PATH: process.env['PATH'] ?? '' } });
      expect(ran.code).toBe(5);
      expect(ran.out).toMatch(/temporal .*not running[^]*postgres .*not running[^]*✗ destination newsletter[^]*syncline sandbox --port 1\n[^]*syncline dev\n[^]*syncline run crm/);
      expect(() => readFileSync(join(cwd, '.syncline', 'runtime.json'))).toThrow();
    });
  });

  test('a configuration with mistakes is a failed check, and 2', async () => {
    await withConfig('version: 2\n', async (cwd) => {
      const ran = await run(['doctor', '--json'], { cwd });
      expect(ran.code).toBe(2);
      expect(JSON.parse(ran.out)).toMatchObject({ ok: false, checks: [{ name: 'configuration', kind: 'configuration', ok: false }], mistakes: [expect.anything()] });
    });
  });
});
