import { EventEmitter } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from '../../src/cli/run-cli.js';
import { COMMANDS } from '../../src/cli/commands/index.js';
import { Collected, run } from './support.js';
import { createCliWorld, type CliWorld } from './world.js';

let world: CliWorld;
beforeAll(async () => { world = await createCliWorld(); });
afterAll(async () => { await world.close(); });

interface Begun {
  readonly out: Collected;
  readonly err: Collected;
  interrupt(): Promise<number>;
}

/** A command that stays: resolves when it has `shown` what is waited for; `interrupt` ends it. */
async function begin(argv: readonly string[], shown: (out: string, err: string) => boolean): Promise<Begun> {
  const signals = new EventEmitter();
  const out = new Collected();
  const err = new Collected();
  let over = false;
  const ended = runCli({ argv, stdout: out, stderr: err, env: {}, cwd: world.folder, commands: COMMANDS, signals, exitAtOnce: () => undefined })
    .finally(() => { over = true; });
  while (!over && !shown(out.text, err.text)) await new Promise((resolve) => setTimeout(resolve, 20));
  return { out, err, interrupt: () => { signals.emit('SIGINT'); return ended; } };
}

/** The same, when it has printed its document. */
async function stay(...argv: string[]): Promise<{ document: Record<string, unknown>; err: Collected; interrupt: () => Promise<number> }> {
  const { out, err, interrupt } = await begin([...argv, '--json'], (text) => text !== '');
  return { document: JSON.parse(out.text), err, interrupt };
}

test('a worker delivers, answers /healthz while it lives, and ends with 0', async () => {
  const worker = await stay('worker', '--port', '0', '--host', '127.0.0.1');
  const health = await fetch(worker.document['health'] as string);
  expect([health.status, await health.json()]).toEqual([200, { status: 'ok', worker: true, postgres: true, temporal: true }]);
  expect(await world.json('run', 'crm')).toMatchObject({ code: 0, document: { counts: { delivered: 25 } } });
  expect(await worker.interrupt()).toBe(0);
  await expect(fetch(worker.document['health'] as string)).rejects.toThrow();
});

test('dev tells of runs as they change, and Ctrl-C ends it with 0', async () => {
  const dev = await stay('dev', '--log', 'json');
  expect(dev.document).toMatchObject({ worker: true });
  const { document } = await world.json('run', 'crm');
  while (!dev.err.text.includes(`run ${document.run} of crm (incremental): completed`)) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await dev.interrupt()).toBe(0);
  // Asked for: every line is one of a log.
  for (const line of dev.err.text.trim().split('\n')) expect(JSON.parse(line)).toMatchObject({ level: expect.any(String), time: expect.any(String), msg: expect.any(String) });
});

test('a log of dev is text where nothing else is asked for; what is no format, and a port without a worker, is wrong use', async () => {
  const dev = await stay('dev', '--no-worker');
  const { document } = await world.json('run', 'crm', '--detach');
  while (!dev.err.text.includes(`run ${document.run} of crm (incremental): running`)) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await dev.interrupt()).toBe(0);
  expect(dev.err.text).not.toContain('{');
  expect(await run(['worker'], { cwd: world.folder, env: { SYNCLINE_LOG: 'xml' } })).toMatchObject({ code: 2, err: expect.stringContaining('expected json or text') });
  expect(await run(['worker', '--log', 'xml'], { cwd: world.folder })).toMatchObject({ code: 2 });
  expect(await run(['dev', '--no-worker', '--port', '0'], { cwd: world.folder })).toMatchObject({ code: 2, err: expect.stringContaining('--no-worker') });
});

test('dev --no-worker leaves runs to a worker that is started apart', async () => {
  const dev = await stay('dev', '--no-worker');
  expect(dev.document).toMatchObject({ worker: false });
  expect((await world.json('run', 'crm', '--timeout', '1s')).code).toBe(5);
  expect(await dev.interrupt()).toBe(0);
});

test('an interrupted run ends with 130, says how it goes on, and prints its document', async () => {
  await world.json('run', 'crm', '--detach');
  // It says so before it follows.
  const { out, err, interrupt } = await begin(['run', 'crm', '--json'], (_, told) => told.includes('already reading'));
  expect(await interrupt()).toBe(130);
  expect(JSON.parse(out.text)).toMatchObject({ status: 'running' });
  expect(err.text).toContain('stays open');
});

test('the sandbox says where it is and ends with 0; wrong faults end with 2', async () => {
  const sandbox = await stay('sandbox', '--port', '0');
  const { platforms } = sandbox.document as { platforms: Record<'mailingcore' | 'dengage', { baseUrl: string }> };
  expect((await fetch(`${platforms.mailingcore.baseUrl}/contacts`)).status).toBe(401);
  expect((await fetch(`${platforms.dengage.baseUrl}/rest/contacts/1`)).status).toBe(401);
  expect(await sandbox.interrupt()).toBe(0);
  writeFileSync(join(world.folder, 'faults.yaml'), 'nonsense: 1\n');
  const wrong = await world.cli('sandbox', '--port', '0', '--faults', 'faults.yaml');
  expect(wrong.code).toBe(2);
  expect(wrong.err).toContain('nonsense');
});

test('status --watch goes on until Ctrl-C and ends with 0', async () => {
  const { out, interrupt } = await begin(['status', '--watch'], (text) => text.includes(world.account));
  expect(await interrupt()).toBe(0);
  expect(out.text).toContain(world.account);
});
