import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { isDeadHere, workerName } from '../../src/control/owner.js';
import { startOf } from '../../src/runtime/processes.js';

test('a worker that lives is not taken for dead, and no two share a name', () => {
  expect(isDeadHere(workerName())).toBe(false);
  expect(workerName()).not.toBe(workerName());
});

test('a worker of this machine whose process is gone is dead, also when its pid is another process now', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const pid = child.pid as number;
  const [machine = ''] = workerName().split('/');
  const name = [machine, pid, encodeURIComponent(startOf(pid) as string), 'x'].join('/');
  expect(isDeadHere(name)).toBe(false);
  expect(isDeadHere([machine, pid, 'an earlier start', 'x'].join('/'))).toBe(true);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  expect(isDeadHere(name)).toBe(true);
});

test('nothing is said of another machine, or of a name of another form', () => {
  const [, ...rest] = workerName().split('/');
  expect(isDeadHere(['elsewhere', '999999999', ...rest.slice(1)].join('/'))).toBe(false);
  expect(isDeadHere('test')).toBe(false);
});
