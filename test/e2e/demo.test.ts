import { readdirSync } from 'node:fs';
import os from 'node:os';
import { expect, test } from 'vitest';
import { register } from '../../src/cli/commands/demo.js';
import type { Step } from '../../src/demo/index.js';
import { run } from '../cli/support.js';

const folders = (): string[] => readdirSync(os.tmpdir()).filter((name) => name.startsWith('syncline-demo-'));

test('the demo ends by itself with every proof holding, and leaves nothing behind', { timeout: 600_000 }, async () => {
  const before = folders();
  const { code, out, err } = await run(['demo', '--json'], { commands: [register], env: { ...(process.env as Record<string, string>), TEMPORAL_ADDRESS: '127.0.0.1:9' } });
  const { ok, steps } = JSON.parse(out) as { ok: boolean; steps: Step[] };
  expect(steps.flatMap((step) => step.proofs).filter(({ holds }) => !holds)).toEqual([]);
  expect({ ok, code }, err).toEqual({ ok: true, code: 0 });

  const [first, later, nothing] = steps.map((step) => step.run);
  expect(first?.counts).toMatchObject({ extracted: 19_972, invalid: 24, queued: 19_948, delivered: 19_926, rejected: 22 });
  expect(first?.calls).toMatchObject({ rateLimited: 5, unknownSettled: 1 });
  expect(later?.counts).toMatchObject({ queued: 270, delivered: 270 });
  expect(nothing?.calls.total).toBe(0);

  // One table, at once: nobody is invalid at D·engage but for a key, and MainBrainer refuses whole calls.
  const [loaded, changed, idle] = steps.map((step) => Object.fromEntries(step.others.map((other) => [other.platform, other])));
  expect(loaded?.['D·engage']).toMatchObject({ bulkCalls: 20, held: 19_944, run: { counts: { invalid: 8, delivered: 19_944, rejected: 20 } } });
  expect(loaded?.['MainBrainer']).toMatchObject({ held: 19_954, run: { counts: { invalid: 16, delivered: 19_954, rejected: 2 } } });
  expect(changed?.['D·engage']?.run.counts).toMatchObject({ queued: 270, delivered: 270 });
  expect(changed?.['MainBrainer']?.run.counts).toMatchObject({ queued: 270, rejected: 108, inFlight: 0 });
  expect([idle?.['D·engage']?.bulkCalls, idle?.['MainBrainer']?.bulkCalls]).toEqual([0, 0]);
  expect(folders().filter((name) => !before.includes(name))).toEqual([]);
});
