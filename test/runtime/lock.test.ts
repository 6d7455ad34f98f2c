import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { withLock } from '../../src/runtime/lock.js';
import { Bench } from './support.js';

const bench = new Bench();
afterAll(() => bench.end());

const COUNT = `
import { readFileSync, writeFileSync } from 'node:fs';
import { withLock } from './runtime/lock.js';
const [lock, counter, times, suicide] = process.argv.slice(2);
const say = (value) => process.stdout.write(JSON.stringify(value) + '\\n');
for (let turn = 0; turn < Number(times); turn += 1) {
  await withLock(lock, async () => {
    const read = Number(readFileSync(counter, 'utf8'));
    await new Promise((resolve) => setTimeout(resolve, 1));
    writeFileSync(counter, String(read + 1));
    if (turn === Number(suicide)) process.kill(process.pid, 'SIGKILL');
  });
}
say({ done: true });
`;

test('no two processes hold it, also when owners are killed while holding it', async () => {
  const folder = bench.installation();
  const counter = path.join(folder, 'counter');
  writeFileSync(counter, '0');
  const args = (times: number, suicide: number): string[] => [path.join(folder, 'lock'), counter, String(times), String(suicide)];
  const programs = [[20, -1], [20, 4], [20, 9], [20, -1], [20, 0]].map(([times = 0, suicide = 0]) => bench.program('count', COUNT, args(times, suicide)));
  await Promise.all(programs.map((program) => program.exited));
  expect(Number(readFileSync(counter, 'utf8'))).toBe(20 + 5 + 10 + 20 + 1);
});

test('it is free again after work that throws, and calls in one process take turns', async () => {
  const folder = path.join(bench.installation(), 'lock');
  await expect(withLock(folder, async () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  const order: string[] = [];
  const turn = (name: string) => withLock(folder, async () => {
    order.push(`${name} in`);
    await new Promise((resolve) => setImmediate(resolve));
    order.push(`${name} out`);
  });
  await Promise.all([turn('a'), turn('b')]);
  expect(order).toEqual(order[0] === 'a in' ? ['a in', 'a out', 'b in', 'b out'] : ['b in', 'b out', 'a in', 'a out']);
});
