import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { earlier, EARLIEST, later, microTime, parseTime, subtractMs } from '../../src/contacts/index.js';

describe('parseTime', () => {
  it.each([
    ['2024-01-31 12:00:00.123456+00', '2024-01-31T12:00:00.123456Z'],
    ['2024-01-31 12:00:00+00', '2024-01-31T12:00:00.000000Z'],
    ['2024-01-31 12:00:00.1', '2024-01-31T12:00:00.100000Z'],
    ['2024-01-31T12:00:00Z', '2024-01-31T12:00:00.000000Z'],
    ['2024-01-31T12:00:00.123456789Z', '2024-01-31T12:00:00.123456Z'],
    ['2024-01-31t12:00z', '2024-01-31T12:00:00.000000Z'],
    ['2024-01-01T00:30:00.000001+05:30', '2023-12-31T19:00:00.000001Z'],
    ['2024-12-31T23:30:00.999999-0100', '2025-01-01T00:30:00.999999Z'],
    ['1900-01-01 00:00:00+00:19:32', '1899-12-31T23:40:28.000000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000000Z'],
    ['0001-01-01 00:00:00', EARLIEST],
    ['9999-12-31 23:59:59.999999+00', '9999-12-31T23:59:59.999999Z'],
  ])('%s is %s', (text, time) => {
    expect(parseTime(text)).toBe(time);
  });

  it.each([
    '', 'infinity', '-infinity', '0044-03-15 00:00:00+00 BC', '10000-01-01 00:00:00+00', '0000-01-01', '2023-02-29', '2024-13-01', '2024-00-10',
    '2024-01-32', '2024-01-31 24:00:00', '2024-01-31 12:60:00', '2024-01-31 12:00:60', '2024-01-31 12:00:00.', '2024-01-31 12:00:00 Europe/Paris',
    '31/01/2024', '2024-1-31', '1706702400', '0001-01-01T00:00:00+01:00', '9999-12-31T23:59:59-01:00', 'soon', '2024-01-31X12:00:00',
  ])('%j is no usable time', (text) => {
    expect(parseTime(text)).toBeNull();
  });

  it('never throws, and reads its own form unchanged', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.date({ noInvalidDate: true }).map((date) => date.toJSON())), (text) => {
        const time = parseTime(text);
        if (time !== null) expect(parseTime(time)).toBe(time);
      }),
    );
  });
});

const ms = fc.integer({ min: Date.parse('0001-01-01T00:00:00Z'), max: Date.parse('9999-12-31T23:59:59.999Z') });

describe('arithmetic', () => {
  it('comparing as text is comparing as time', () => {
    fc.assert(fc.property(ms, ms, (a, b) => microTime(a) < microTime(b) === a < b && microTime(a) === microTime(b) === (a === b)));
  });

  it('subtracting keeps the microseconds and stops at the year 1', () => {
    expect(subtractMs('2024-01-31T12:00:00.123456Z', 120_000)).toBe('2024-01-31T11:58:00.123456Z');
    expect(subtractMs('0001-01-01T00:00:01.000009Z', 5000)).toBe(EARLIEST);
    fc.assert(fc.property(ms, fc.nat(), (time, less) => subtractMs(microTime(time), less) <= microTime(time)));
  });

  it('null is no time for the later of two, and the beginning for the earlier', () => {
    expect([later(null, EARLIEST), later('2024', '2023'), earlier(null, EARLIEST), earlier('2024', '2023')]).toEqual([EARLIEST, '2024', null, '2023']);
  });
});
