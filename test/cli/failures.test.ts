import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunDocument } from '../../src/ledger/index.js';
import { createCliWorld, people, type CliWorld } from './world.js';

let world: CliWorld;
beforeAll(async () => {
  world = await createCliWorld();
  await world.work();
});
afterAll(async () => { await world.close(); });

type Retried = RunDocument & { readonly notRetried: readonly { readonly line: number; readonly key: string | null; readonly reason: string }[] };

const total = async (...more: string[]): Promise<number> => (await world.json<{ total: number }>('failures', 'crm', ...more)).document.total;

test('a file says which rows are sent again, an edited export or a key a line; what cannot be sent is named by its line, and stops nothing', async () => {
  world.sandbox.mailingcore.setFaults({ badRows: { externalIds: ['3', '7', '9'], message: 'no such mailbox' } });
  const lines = people(12).map((line) => (line.startsWith('5,') ? line.replace('person5@', 'person5 at ') : line));
  world.contacts([...lines, ',person@example.com,en,true,2025-01-04T00:00:00Z']);
  await world.cli('run', 'crm');
  world.sandbox.mailingcore.setFaults({});
  expect(await total()).toBe(5);
  expect(await total('--reason', 'invalid')).toBe(2);
  expect((await world.cli('failures', 'export', 'crm', 'some.csv', '--reason', 'invalid')).code).toBe(0);
  expect(readFileSync(join(world.folder, 'some.csv'), 'utf8').trim().split('\r\n')).toHaveLength(3);

  // As a spreadsheet leaves it: a byte order mark, semicolons, a column more, a row gone, one added.
  await world.cli('failures', 'export', 'crm', 'all.csv');
  const edited = readFileSync(join(world.folder, 'all.csv'), 'utf8').split('\r\n').filter((line) => !line.startsWith('9,'));
  writeFileSync(join(world.folder, 'all.csv'), `\uFEFF${[edited[0], 'nobody,,,,,,', ...edited.slice(1)].map((line) => line?.replaceAll(',', ';')).join('\n')}`);
  const { code, document, err } = await world.json<Retried>('failures', 'retry', 'crm', '--file', 'all.csv');
  expect(code).toBe(0);
  expect(document).toMatchObject({ kind: 'retry', status: 'completed', counts: { extracted: 2, queued: 2, delivered: 2 } });
  expect(document.notRetried.map(({ key }) => key).sort()).toEqual(['5', 'nobody', null].sort());
  expect(document.notRetried.find(({ key }) => key === 'nobody')).toEqual({ line: 2, key: 'nobody', reason: 'no open failure of crm has this key' });
  expect(err).toMatch(/not sent: line 2: no open failure of crm has this key/);
  expect(err).toMatch(/not sent: line \d: invalid rows are mended in the source/);

  writeFileSync(join(world.folder, 'keys.txt'), '9\r\n\r\n 3 \n');
  const text = await world.json<Retried>('failures', 'retry', 'crm', '--file', 'keys.txt');
  expect(text.document).toMatchObject({ counts: { queued: 1, delivered: 1 }, notRetried: [{ line: 3, key: '3' }] });
  expect(await world.json<{ run: null; queued: number }>('failures', 'retry', 'crm', '--file', 'keys.txt')).toMatchObject({ code: 0, document: { run: null, queued: 0, failures: 2, notRetried: [{ line: 1 }, { line: 3 }] } });

  writeFileSync(join(world.folder, 'other.csv'), 'id,email\n3,x\n');
  expect(await world.cli('failures', 'retry', 'crm', '--file', 'other.csv')).toMatchObject({ code: 2, err: expect.stringMatching(/no column "key"[\s\S]*id, email/) });
  expect(await world.cli('failures', 'retry', 'crm', '--file', 'absent.csv')).toMatchObject({ code: 2 });
});

test('a row of a file that had no key leaves the list when it has one', async () => {
  world.contacts([...people(12), '13,person13@example.com,en,true,2025-01-04T00:00:00Z']);
  expect(await world.json('run', 'crm')).toMatchObject({ code: 0, document: { counts: { invalid: 0, delivered: 2 } } });
  expect(await total()).toBe(0);
});
