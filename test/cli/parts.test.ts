import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { parse } from 'csv-parse/sync';
import { describe, expect, test } from 'vitest';
import { csvLine, writeCsv } from '../../src/cli/files/index.js';
import { exitOfRun, isConnectionTrouble, isHalted, Rate, Watch } from '../../src/cli/following/index.js';
import { COMMANDS } from '../../src/cli/commands/index.js';
import { progressLine } from '../../src/cli/output/index.js';
import { secondsFor } from '../../src/control/index.js';
import type { Counts, LaneDocument, RunPulse, VerificationDocument } from '../../src/ledger/index.js';
import { run } from './support.js';

const COUNTS: Counts = {
  extracted: 0, invalid: 0, filtered: 0, unchanged: 0, stillRejected: 0, superseded: 0, suppressed: 0, queued: 0, delivered: 0, rejected: 0, overtaken: 0,
  waiting: 0, inFlight: 0,
};
const LANE: LaneDocument = { account: 'acme', state: 'idle', reason: null, hint: null, until: null };

describe('exit codes', () => {
  const verification = { verdict: 'fail' } as VerificationDocument;
  test('a failed verification outranks rejected rows, a failed run outranks both', () => {
    expect(exitOfRun({ status: 'completed', verification: null })).toBe(0);
    expect(exitOfRun({ status: 'delivering', verification: null })).toBe(0);
    expect(exitOfRun({ status: 'completed_with_rejects', verification: null })).toBe(3);
    expect(exitOfRun({ status: 'completed_with_rejects', verification })).toBe(4);
    expect(exitOfRun({ status: 'failed', verification })).toBe(1);
    expect(exitOfRun({ status: 'cancelled', verification: null })).toBe(1);
  });

  test('a lane holds a run back only while rows of it wait, and a pause only until its time', () => {
    const now = Date.parse('2025-01-01T00:00:00Z');
    const halted = (lane: Partial<LaneDocument>, waiting = 1): boolean => isHalted({ counts: { ...COUNTS, waiting }, lane: { ...LANE, ...lane } }, now);
    expect(halted({ state: 'blocked', reason: 'no' })).toBe(true);
    expect(halted({ state: 'blocked', reason: 'no' }, 0)).toBe(false);
    expect(halted({ state: 'paused', reason: 'paused by hand' })).toBe(true);
    expect(halted({ state: 'paused', reason: 'quota', until: '2025-01-01T01:00:00Z' })).toBe(true);
    expect(halted({ state: 'paused', reason: 'quota', until: '2024-12-31T23:00:00Z' })).toBe(false);
    expect(halted({ state: 'backing_off', reason: 'down', until: '2025-01-01T01:00:00Z' })).toBe(false);
  });

  test('only a server that is away counts as trouble that passes', () => {
    expect(isConnectionTrouble(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }))).toBe(true);
    expect(isConnectionTrouble(Object.assign(new Error('starting up'), { code: '57P03' }))).toBe(true);
    expect(isConnectionTrouble(new AggregateError([Object.assign(new Error(), { code: 'ECONNREFUSED' })]))).toBe(true);
    expect(isConnectionTrouble(new Error('Connection terminated unexpectedly'))).toBe(true);
    expect(isConnectionTrouble(Object.assign(new Error('no such column'), { code: '42703' }))).toBe(false);
  });

  test('an outage is told once, and so is its end', () => {
    const told: string[] = [];
    const watch = new Watch('Postgres', (line) => told.push(line));
    watch.well();
    watch.ill(0);
    expect(watch.ill(61_000)).toBe(61_000);
    watch.well();
    expect(told).toHaveLength(2);
    expect(watch.awayMs(99_000)).toBe(0);
  });
});

describe('progress', () => {
  test('the pace is that of the last seconds, and the time left follows from it', () => {
    const rate = new Rate();
    const pulse = (delivered: number, extracting: boolean): RunPulse => ({
      status: 'running', ended: false, extracting, calls: 1, estimate: 1_000, trouble: null, lane: LANE,
      counts: { ...COUNTS, extracted: 500, queued: 500, delivered, waiting: 500 - delivered },
    });
    rate.snapshot(pulse(0, true), 0);
    const during = rate.snapshot(pulse(100, true), 1_000);
    expect(during).toMatchObject({ rowsPerSecond: 100, total: 1_000, eta: 9_000 });
    expect(rate.snapshot(pulse(200, false), 2_000)).toMatchObject({ rowsPerSecond: 100, total: 500, eta: 3_000 });
  });
});

describe('progress of a run that waits', () => {
  test('a source that is away is named as such, and nothing counts as its pace while rows are in flight', () => {
    const pulse: RunPulse = {
      status: 'running', ended: false, extracting: true, calls: 1, estimate: null, trouble: { reason: 'Postgres at db:5432: nobody listens there', seconds: 9, of: 'source' },
      lane: LANE, counts: { ...COUNTS, extracted: 5, queued: 5, inFlight: 5 },
    };
    const rate = new Rate();
    rate.snapshot({ ...pulse, counts: COUNTS }, 0);
    const snapshot = rate.snapshot(pulse, 1_000);
    expect(snapshot.rowsPerSecond).toBe(0);
    expect(progressLine(snapshot, 0)).toBe('0/5 delivered · 0 rows/s · 1 call · waiting for the source: Postgres at db:5432: nobody listens there');
  });

  test('a platform that is asked first, too', () => {
    const pulse: RunPulse = {
      status: 'running', ended: false, extracting: true, calls: 0, estimate: null, trouble: { reason: 'MailingCore was not reached', seconds: 90, of: 'destination' }, lane: LANE, counts: COUNTS,
    };
    expect(progressLine(new Rate().snapshot(pulse, 0), 0)).toContain('waiting for the destination: MailingCore was not reached');
  });
});

describe('the time a plan needs', () => {
  const limits = { calls: 300, per: 60_000, concurrency: 4 };
  test('calls leave evenly spread, the first few at once', () => {
    expect(secondsFor(0, limits)).toBe(0);
    expect(secondsFor(4, limits)).toBe(0);
    expect(secondsFor(20, limits)).toBe(3);
    expect(secondsFor(3, { calls: 1, per: 60_000, concurrency: 1 })).toBe(120);
  });
  test('no plan sends more than the limit allows in a window', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 8 }), (calls, perWindow, concurrency) => {
      const seconds = secondsFor(calls, { calls: perWindow, per: 10_000, concurrency });
      expect(calls).toBeLessThanOrEqual(perWindow * (Math.floor(seconds / 10) + 1));
    }));
  });
});

describe('exported files', () => {
  test('any text comes back as it was, but no cell begins like a formula', () => {
    fc.assert(fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 2, maxLength: 5 }), (cells) => {
      const read: unknown = parse(csvLine(cells), { relax_column_count: true })[0];
      expect(read).toEqual(cells.map((cell) => (/^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell)));
    }), { numRuns: 30 });
    expect(csvLine(['=1+1', 'a "b"', null, 3])).toBe(`'=1+1,"a ""b""",,3\r\n`);
  });

  test('a file that cannot be finished is not there in part', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'syncline-files-'));
    try {
      const signal = new AbortController().signal;
      async function* rows(fail: boolean): AsyncGenerator<string[]> {
        yield ['1'];
        if (fail) throw new Error('the ledger went away');
      }
      await expect(writeCsv(join(folder, 'a.csv'), ['key'], rows(true), signal)).rejects.toThrow('the ledger went away');
      expect(readdirSync(folder)).toEqual([]);
      expect(await writeCsv(join(folder, 'a.csv'), ['key'], rows(false), signal)).toBe(1);
      expect(readFileSync(join(folder, 'a.csv'), 'utf8')).toBe('key\r\n1\r\n');
      await expect(writeCsv(join(folder, 'no', 'a.csv'), ['key'], rows(false), signal)).rejects.toThrow('cannot be written (ENOENT)');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('help', () => {
  test('every command has a description and an example', async () => {
    const { out } = await run(['--help']);
    const names = [...(out.split('Commands:')[1] ?? '').matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name ?? '').filter((name) => name !== 'help');
    expect(names).toHaveLength(COMMANDS.length);
    for (const name of [...names.map((one) => [one]), ['runs', 'show'], ['failures', 'retry'], ['failures', 'export'], ['lane', 'pause'], ['lane', 'resume']]) {
      const help = await run([...name, '--help']);
      expect(help.code, name.join(' ')).toBe(0);
      expect(help.out, name.join(' ')).toMatch(new RegExp(`Examples?:\\n  \\$ syncline ${name.join(' ')}`));
    }
  });
});
