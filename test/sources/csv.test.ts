import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CsvSourceConfig } from '../../src/config/index.js';
import { createSource, SourceError } from '../../src/sources/index.js';
import { createCsvSource } from '../../src/sources/csv/index.js';
import { collect, readInPieces, readRun, signal } from './helpers.js';

let folder: string;
let files = 0;
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'syncline-csv-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(content: string | Buffer): string {
  const file = path.join(folder, `${++files}.csv`);
  writeFileSync(file, content);
  return file;
}

const configOf = (file: string, more: Partial<CsvSourceConfig> = {}): CsvSourceConfig => ({
  type: 'csv', name: 'export', path: file, key: 'id', updatedAt: undefined, overlap: 0, pageSize: 100, fields: {}, delimiter: ',', ...more,
});
const source = (content: string | Buffer, more: Partial<CsvSourceConfig> = {}, columns = ['name']) => createSource(configOf(write(content), more), columns);

/** Rows as `place key value` or `place fault`. */
async function lines(content: string | Buffer, more: Partial<CsvSourceConfig> = {}): Promise<string[]> {
  const { rows } = await readRun(source(content, more));
  return rows.map((row) => `${row.place?.slice(5)} ${row.fault ?? `${row.key} ${JSON.stringify(row.values[0])}`}`);
}

describe('a file', () => {
  it('may have a BOM, CRLF, quotes, fields over several lines, blank lines and no line end at its end', async () => {
    expect(await lines('\ufeffid,name,x\r\n1,"a ""b"", c",\r\n\r\n2,"over\r\ntwo",y\r\n3,é😀,')).toEqual(['2 1 "a \\"b\\", c"', '4 2 "over\\r\\ntwo"', '6 3 "é😀"']);
  });

  it('may have another delimiter', async () => {
    expect(await lines('id;name\n1;a,b\n', { delimiter: ';' })).toEqual(['2 1 "a,b"']);
    expect(await lines('id\tname\n1\t"a\tb"\n', { delimiter: '\t' })).toEqual(['2 1 "a\\tb"']);
  });

  it('of a header alone has no rows; of no bytes it has a warning', async () => {
    expect((await readRun(source('id,name\n'))).pages).toMatchObject([{ rows: [], last: true }]);
    const empty = await readRun(source(''));
    expect(empty.pages).toMatchObject([{ rows: [], last: true }]);
    expect(empty.plan.warnings).toHaveLength(1);
  });

  it('gives what csv-parse gives for every well-formed file, and goes on from every page', async () => {
    const field = fc.oneof(fc.string({ maxLength: 6 }), fc.constantFrom('', '"', '""', 'a"b', ',', '\n', '\r\n', 'x\ny', ' ', 'é', '\ufffd'));
    const plain = field.map((text) => text.replaceAll('\r', ''));
    const table = fc.array(fc.tuple(plain, plain, fc.boolean()), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(table, fc.constantFrom('\n', '\r\n'), fc.integer({ min: 1, max: 4 }), async (rows, eol, pageSize) => {
        const quote = (text: string, always: boolean) => (always || /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
        const content = ['id,name,z', ...rows.map(([a, b, always]) => [`k${a}`, b, 'z'].map((text) => quote(text, always)).join(','))].join(eol);
        const reading = source(content, { pageSize });
        const plan = await reading.begin({ kind: 'full', state: null }, signal);
        const whole = (await collect(reading, plan)).flatMap((page) => page.rows);
        const expected: string[][] = parse(content, { from_line: 2 });
        expect(whole.map((row) => [row.fault, row.key, row.values[0]])).toEqual(expected.map(([key, value]) => [undefined, key, value]));
        expect(await readInPieces(reading, plan)).toEqual(whole);
      }),
      { numRuns: 150 },
    );
  });

  it('is read in blocks: records over their borders come whole', async () => {
    const rows = Array.from({ length: 9000 }, (_, i) => `${i},"${'é"",\n'.repeat(i % 17)}${i}",x`);
    const run = await readRun(source(`id,name,z\n${rows.join('\n')}\n`));
    expect(run.rows.filter((row) => row.fault !== undefined)).toEqual([]);
    expect(run.rows.map((row) => row.values[0])).toEqual(rows.map((_, i) => `${'é",\n'.repeat(i % 17)}${i}`));
  });
});

describe('a broken line is a row with a fault at its line, and the rest is read', () => {
  it.each([
    ['too few fields', '7', '1 fields where the header has 2'],
    ['too many fields', '7,a,b', '3 fields where the header has 2'],
    ['a quote that opens and never closes', '7,"a', 'a quoted field that does not close'],
    ['a quote in the middle', '7,5" disk', '5'],
    ['text after a quote', '7,"a"b', 'text after a closing quote'],
  ])('%s', async (_name, broken, fault) => {
    const good = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `${from + i},n${from + i}`);
    const read = await lines(['id,name', ...good(2, 6), broken, ...good(8, 40)].join('\n'));
    expect(read).toHaveLength(39);
    expect(read.filter((line) => !/^(\d+) \1 "n\1"$/.test(line))).toEqual([expect.stringMatching(new RegExp(`^7 .*${fault}`.replace('.*5', '.*quote')))]);
  });

  it('a stray quote closed by a later field\'s quote costs its own line only', async () => {
    expect(await lines('id,name\n1,"a\n2,"b"\n3,"c"\n')).toEqual(['2 text after a closing quote', '3 2 "b"', '4 3 "c"']);
    expect(await lines('id,name,x\n1,"a,b\n2,b,c\n3,c,"d"\n')).toEqual(['2 text after a closing quote', '3 2 "b"', '4 3 "c"']);
  });

  it('bytes that are not UTF-8', async () => {
    const content = Buffer.concat([Buffer.from('id,name\n1,a\n2,'), Buffer.from([0xe9, 0xff]), Buffer.from('\n3,"'), Buffer.from([0xc3]), Buffer.from('\nx"\n4,\ufffd\n')]);
    expect(await lines(content)).toEqual(['2 1 "a"', '3 not valid UTF-8 (save the file as UTF-8)', '4 not valid UTF-8 (save the file as UTF-8)', '6 4 "\ufffd"']);
  });

  it('a quoted field or a line without end is given up within a bound', async () => {
    const long = 'x'.repeat(3 << 20);
    const read = await lines(`id,name\n1,"${'y\n'.repeat(1 << 20)}2,b\n3,${long}\n4,d\n`);
    expect(read[0]).toBe('2 a quoted field that does not close');
    expect(read.slice(-3)).toEqual([`${(1 << 20) + 2} 2 "b"`, `${(1 << 20) + 3} a line longer than 1 MiB`, `${(1 << 20) + 4} 4 "d"`]);
  });

  it('any bytes: reading never fails, ends, and goes on from every page', async () => {
    const bytes = fc.array(fc.constantFrom('"', ',', '\n', '\r\n', 'a', 'é', '1', '\xff'), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(bytes, async (parts) => {
        const reading = source(Buffer.concat([Buffer.from('id,name\n'), Buffer.from(parts.join(''), 'latin1')]), { pageSize: 2 });
        const plan = await reading.begin({ kind: 'full', state: null }, signal);
        const whole = (await collect(reading, plan)).flatMap((page) => page.rows);
        expect(await readInPieces(reading, plan)).toEqual(whole);
      }),
      { numRuns: 200 },
    );
  });
});

describe('times', () => {
  const content = 'id,name,at\n1,a,2024-01-02T00:00:00.000001Z\n2,b,\n3,c,soon\n4,d,9999-01-01\n5,e,2024-01-01\n';
  it('that cannot be used or lie in the future are marked, and the cursor is the greatest other one', async () => {
    const run = await readRun(source(content, { updatedAt: 'at' }));
    expect(run.rows.map((row) => [row.key, row.time, row.oddTime])).toEqual([
      ['1', '2024-01-02T00:00:00.000001Z', undefined], ['2', null, true], ['3', null, true], ['4', null, true], ['5', '2024-01-01T00:00:00.000000Z', undefined],
    ]);
    expect(run.state.cursor).toBe('2024-01-02T00:00:00.000001Z');
    expect((await readRun(source(content, { updatedAt: 'at' }), run.state)).rows).toHaveLength(5);
  });

  it('later than the clock of the run\'s start are in the future', async () => {
    const reading = createCsvSource(configOf(write(content), { updatedAt: 'at' }), [], { now: () => Date.parse('2024-01-01T12:00:00Z') });
    expect((await readRun(reading)).rows.filter((row) => row.time !== null).map((row) => row.key)).toEqual(['5']);
  });

  it('choose the rows of a window; keys those of only', async () => {
    const window = { kind: 'window', from: '2024-01-01T00:00:00.000000Z', to: '2024-01-02T00:00:00.000000Z' } as const;
    expect((await readRun(source(content, { updatedAt: 'at' }), null, window)).keys).toEqual(['5']);
    expect((await readRun(source(content), null, { kind: 'only', keys: ['2', '4', 'x'] })).keys).toEqual(['2', '4']);
  });
});

describe('what is wrong with the configuration', () => {
  const failure = async (reading: ReturnType<typeof source>): Promise<SourceError> => {
    const error: unknown = await reading.check(signal).then(() => null, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(SourceError);
    return error as SourceError;
  };

  it('a missing file is named with its absolute path', async () => {
    const file = path.join(folder, 'nothing.csv');
    expect(await failure(createSource(configOf(file), []))).toMatchObject({ kind: 'misconfigured', message: expect.stringContaining(file) as string });
    expect(await failure(createSource(configOf(folder), []))).toMatchObject({ kind: 'misconfigured', message: expect.stringContaining('folder') as string });
  });

  it('missing and repeated columns are named with those that exist', async () => {
    const missing = await failure(source('id,b\u0007\n', { updatedAt: 'at' }));
    expect(missing.message).toContain('"at", "name"');
    expect(missing.hint).toContain('id, b\ufffd;');
    expect((await failure(source('id,name,name\n'))).message).toContain('"name" twice');
    expect((await failure(source(Buffer.from('\ufeffid,name\n', 'utf16le')))).message).toContain('UTF-16');
  });

  it('a first line that is no header may be a contact: nothing of it is repeated', async () => {
    const { message, hint } = await failure(source('7,ann@example.com,Ann\n8,bob@example.com,Bob\n'));
    expect(message).toContain('has no column "id", "name"');
    expect(`${message} ${hint ?? ''}`).not.toMatch(/ann|bob/i);
  });

  it('a file that changes while it is read ends the run', async () => {
    const file = write('id,name\n1,a\n2,b\n');
    const reading = createSource(configOf(file, { pageSize: 1 }), ['name']);
    const plan = await reading.begin({ kind: 'full', state: null }, signal);
    utimesSync(file, 1, 1);
    await expect(collect(reading, plan)).rejects.toThrow(/changed while it was read/);
    const next = await reading.begin({ kind: 'full', state: null }, signal);
    const pages = reading.pages(next, null, signal)[Symbol.asyncIterator]();
    await pages.next();
    await pages.next();
    writeFileSync(file, 'id,name\n1,a\n2,b\n3,c\n');
    await expect(pages.next()).rejects.toThrow(/changed while it was read/);
  });
});

it('counts roughly', async () => {
  const reading = source(`id,name\n${Array.from({ length: 5000 }, (_, i) => `${10_000 + i},abc`).join('\n')}`);
  const plan = await reading.begin({ kind: 'full', state: null }, signal);
  expect(await reading.count(plan, signal)).toBeGreaterThan(4900);
});
