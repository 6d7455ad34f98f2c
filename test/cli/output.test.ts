import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Output, Progress, formatClock, formatDuration, formatRelative, fractionOf, pairs, progressBar, progressLine, table } from '../../src/cli/output/index.js';
import type { ProgressSnapshot } from '../../src/cli/output/index.js';
import { widthOf } from '../../src/cli/output/width.js';
import { Collected } from './support.js';

const NOW = Date.UTC(2026, 0, 1, 12);
const PLAIN = { green: String, yellow: String, red: String, dim: String };
const SNAPSHOT: ProgressSnapshot = {
  extracted: 19_972, queued: 19_972, delivered: 12_000, rejected: 20, waiting: 7_952, calls: 12,
  rowsPerSecond: 3401.4, laneState: 'sending', reason: null, until: null, eta: 2_300,
};

describe('tables', () => {
  test('numbers stand right with separators, words left, gaps as a dash', () => {
    expect(table(['sync', 'rows'], [['crm', 19972], ['a-longer-one', 5], ['none', null]])).toBe(
      ['sync            rows', 'crm           19,972', 'a-longer-one       5', 'none               –'].join('\n'),
    );
  });

  test('wide letters and colours do not shift the columns after them', () => {
    const text = table(['name', 'n'], [['日本', 1], ['\u001b[32mok\u001b[39m', 2], ['é\u0301', 3]]);
    expect(new Set(text.split('\n').map(widthOf)).size).toBe(1);
  });

  test('whatever is in the cells, a row is one line', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.integer()), { maxLength: 5 }), (rows) => {
        expect(table(['a', 'b'], rows).split('\n')).toHaveLength(rows.length + 1);
      }),
    );
  });

  test('pairs are aligned', () => {
    expect(pairs([['run', 'x'], ['delivered', 1000]])).toBe('run        x\ndelivered  1,000');
  });
});

describe('times', () => {
  test.each([[0, '0 ms'], [850, '850 ms'], [1_240, '1.2 s'], [9_990, '10 s'], [59_700, '1 m 00 s'], [125_000, '2 m 05 s'], [3_599_900, '1 h 00 m'], [11_520_000, '3 h 12 m'], [352_800_000, '4 d 2 h'], [NaN, 'unknown']])(
    '%d ms is %s',
    (ms, words) => { expect(formatDuration(ms)).toBe(words); },
  );

  test('a time against now', () => {
    expect(formatRelative(new Date(NOW - 185_000), NOW)).toBe('3 m 05 s ago');
    expect(formatRelative(new Date(NOW + 12_000).toISOString(), NOW)).toBe('in 12 s');
    expect(formatRelative(new Date(NOW), NOW)).toBe('just now');
    expect(formatRelative(null, NOW)).toBe('never');
    expect(formatClock(new Date(NOW), NOW)).toMatch(/^\d\d:00:00$/);
    expect(formatClock(new Date(NOW + 3 * 86_400_000), NOW)).toMatch(/^2026-01-0\d \d\d:00:00$/);
  });
});

describe('progress', () => {
  test('a line tells rows, pace, calls and time left', () => {
    expect(progressLine(SNAPSHOT, NOW)).toBe('12,000/19,972 delivered · 20 rejected · 7,952 waiting · 3,401 rows/s · 12 calls · 2.3 s left');
  });

  test('a wait has its reason and its end', () => {
    const line = progressLine({ ...SNAPSHOT, laneState: 'waiting', reason: 'rate limited', until: new Date(NOW + 8_000).toISOString(), eta: null }, NOW);
    expect(line).toMatch(/waiting: rate limited until \d\d:\d\d:\d\d \(8\.0 s\)$/);
  });

  test('elsewhere than on a terminal there is a plain line every few seconds, and at once when the lane\'s state changes', () => {
    const stream = new Collected();
    let now = NOW;
    let tick = (): void => undefined;
    const progress = new Progress({ stream, quiet: false, colors: PLAIN, now: () => now, repeat: (_, callback) => { tick = callback; return () => undefined; } });
    for (let i = 0; i < 50; i++) {
      progress.update({ ...SNAPSHOT, calls: i });
      now += 200;
      tick();
    }
    expect(stream.text.trimEnd().split('\n')).toHaveLength(3);
    progress.update({ ...SNAPSHOT, laneState: 'blocked', reason: 'refused' });
    expect(stream.text.trimEnd().split('\n')).toHaveLength(4);
    expect(stream.text).not.toContain('\u001b');
  });

  test('on a terminal a bar is drawn over itself, no wider than the terminal, and taken away', () => {
    const stream = new Collected(true, 60);
    let stopped = false;
    let tick = (): void => undefined;
    const progress = new Progress({ stream, quiet: false, colors: PLAIN, now: () => NOW, repeat: (_, callback) => { tick = callback; return () => { stopped = true; }; } });
    progress.update(SNAPSHOT);
    tick();
    progress.note('a batch was refused');
    const drawn = stream.text.split('\r\u001b[2K').filter((part) => part !== '');
    for (const part of drawn) expect(widthOf(part.split('\n')[0] ?? '')).toBeLessThan(60);
    expect(drawn[0]).toContain('█');
    expect(stream.text).toContain('a batch was refused\n');
    progress.stop();
    expect(stream.text.endsWith('\r\u001b[2K')).toBe(true);
    expect(stopped).toBe(true);
  });

  test('quiet is quiet', () => {
    const stream = new Collected();
    const progress = new Progress({ stream, quiet: true, colors: PLAIN });
    progress.update(SNAPSHOT);
    progress.note('x');
    progress.stop({ keep: true });
    expect(stream.text).toBe('');
  });

  test('the bar is never longer or fuller than it may be', () => {
    expect(fractionOf({ ...SNAPSHOT, queued: 0, delivered: 0, rejected: 0 })).toBe(0);
    fc.assert(fc.property(fc.double(), (fraction) => progressBar(Number.isNaN(fraction) ? 0 : fraction, 10).length === 10));
  });
});

describe('colours', () => {
  const coloured = (isTTY: boolean, env: Record<string, string>): boolean => {
    const { colors } = new Output({ stdout: new Collected(isTTY), stderr: new Collected(), env, json: false, quiet: false });
    return colors.red('x') !== 'x';
  };

  test('only on a terminal, and never with NO_COLOR', () => {
    expect(coloured(true, {})).toBe(true);
    expect(coloured(true, { NO_COLOR: '' })).toBe(true);
    expect(coloured(true, { NO_COLOR: '1' })).toBe(false);
    expect(coloured(false, {})).toBe(false);
  });

  test('a second JSON document is refused', () => {
    const output = new Output({ stdout: new Collected(), stderr: new Collected(), env: {}, json: true, quiet: false });
    output.printJson(1);
    expect(() => { output.printJson(2); }).toThrow('one JSON document');
  });
});
