import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const PROGRAM = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..', 'dist', 'bench', 'main.js');
const LONG = process.env['SYNCLINE_LONG'] === '1';

/** Runs a benchmark on the built program. @returns its exit code and what it said */
async function bench(...args: readonly string[]): Promise<{ readonly code: number | null; readonly said: string }> {
  expect(existsSync(PROGRAM), 'npm run build').toBe(true);
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => { said += chunk.toString(); });
  child.stderr.on('data', (chunk: Buffer) => { said += chunk.toString(); });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, said };
}

test('after Temporal was away from scheduled runs, and then the ledger, all is well with nobody\'s help: what was missed is made up for once, every row arrives, no run is lost', async () => {
  const { code, said } = await bench(...(LONG ? ['outage'] : ['outage', '--every', '2s', '--workers', '1', '--temporal', '4s', '--postgres', '3s']));
  expect(code, said).toBe(0);
}, LONG ? 900_000 : 240_000);

test.runIf(LONG)('a backfill with scheduled runs beside it ends well while its workers are killed in turn and Temporal is started again', async () => {
  const { code, said } = await bench('operate', '--rows', '100000', '--every', '10s', '--kill-every', '15s');
  expect(code, said).toBe(0);
}, 900_000);
