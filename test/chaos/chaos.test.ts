import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const PROGRAM = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..', 'dist', 'test', 'chaos', 'main.js');

/** The short form of `npm run chaos`, on the built program; seeds that once found something are worth adding. */
test('on all three platforms killed workers and a killed Postgres lose no contact, count none as delivered that is not, and send none twice without need', async () => {
  expect(existsSync(PROGRAM), 'npm run build').toBe(true);
  const child = spawn(process.execPath, [PROGRAM, '--short', '--seed', '1'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => { said += chunk.toString(); });
  child.stderr.on('data', (chunk: Buffer) => { said += chunk.toString(); });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  expect(code, said).toBe(0);
}, 600_000);
