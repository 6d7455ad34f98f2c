import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runPage, verificationPage } from '../../src/report/index.js';
import { callsEvery, parsed, report, RUN, VERDICT, waitOf } from './support.js';

const words = (page: string): string => parsed(page).find(({ name }) => name === 'body')?.text.replace(/\s+/g, ' ') ?? '';
const classes = (page: string, kind: string): number => parsed(page).filter(({ attributes }) => attributes['class'] === kind).length;

describe('the page of a run', () => {
  test('holds both sums of its books, and says whether they add up', () => {
    expect(words(runPage(report()))).toMatch(/20extracted=1invalid\+2filtered\+3unchanged\+0superseded\+0suppressed\+14queued✓ adds up ?14queued=12delivered\+2rejected/);
    const wrong = runPage(report({ run: { ...RUN, counts: { ...RUN.counts, queued: 15 } } }));
    expect(words(wrong)).toContain('✗ makes 21');
  });

  test('draws few calls one by one, each told in words, and says how each ended', () => {
    const page = runPage(report({ calls: [
      ...callsEvery(2_000, 3), ...callsEvery(2_000, 1, () => ({ startedAt: Date.parse('2026-03-01T10:00:30Z'), outcome: 'throttled', status: 'refused', durationMs: 20 })),
      ...callsEvery(2_000, 1, () => ({ startedAt: Date.parse('2026-03-01T10:00:40Z'), outcome: null, status: 'sending', durationMs: null })),
    ] }));
    expect(words(page)).toContain('3 taken in full1 rate limited or out of quota1 under way');
    expect(classes(page, 'o-delivered')).toBe(4);
    expect(parsed(page).filter(({ name }) => name === 'title').map(({ text }) => text)).toContain('00:30.0: 100 rows, 20 ms, rate limited or out of quota');
  });

  test('stays small and says every number with tens of thousands of calls and waits', () => {
    const calls = callsEvery(100, 40_000, (n) => (n % 100 === 0 ? { outcome: 'unavailable', status: 'refused' } : {}));
    const waits = Array.from({ length: 20_000 }, (_, n) => waitOf('pace', `wait ${String(n % 500)}`, n * 200, 50));
    const page = runPage(report({ calls, waits, run: { ...RUN, endedAt: '2026-03-01T11:06:40.000Z' } }));
    expect(page.length).toBeLessThan(150_000);
    expect(words(page)).toContain('39,600 taken in full400 not processed');
    expect(words(page)).toContain('480 more reasons');
    parsed(page);
  });

  test('draws the pace against the limit, calls of other runs too, and where the account waited', () => {
    const page = runPage(report({ calls: callsEvery(500, 20, (n) => (n % 2 === 0 ? { ofRun: null } : {})), waits: [waitOf('backing_off', '503', 1_000, 1_500), waitOf('blocked', 'no scope', 50_000, null)] }));
    expect(words(page)).toContain('10 taken in full');
    expect(words(page)).toContain('limit: 30');
    expect(words(page)).toMatch(/blockedno scope110 s ?backing off50311\.5 s/);
    expect(words(runPage(report({ limits: null })))).not.toContain('limit:');
    expect(words(runPage(report({ calls: [] })))).toContain('It made no bulk call. Pace');
  });

  test('lists what was not delivered and the warnings by count', () => {
    const text = words(runPage(report({ failures: [{ code: 'invalid', reason: 'email: not possible', count: 1_200 }, { code: 'invalid_email', reason: null, count: 2 }] })));
    expect(text).toContain('invalid: email: not possible1,200 invalid_email2');
    expect(text).toContain('phone: not possible for its country7');
  });
});

describe('the page of a verification', () => {
  const page = (document = VERDICT): string => verificationPage({ made: { version: '1', at: '2026-03-01T11:00:00.000Z' }, sync: 'crm', document, differences: [{ kind: 'missing', why: 'not there', count: 6 }], repaired: 7 });

  test('says pass or fail of each locale in words, with its numbers and why', () => {
    const text = words(page());
    expect(text).toContain('crm ✗ fail');
    expect(text).toContain('fr✗ fail1 below the minimum, 7 differ104601');
    expect(text).toContain('en✓ pass12,00012,000');
    expect(text).toContain('campaign spring has no template for fr: 4 opted in');
    expect(text).toContain('missingnot there6');
    expect(text).toContain('7 contacts; only another verification');
  });

  test('and that of a run are well-formed, escape whatever they are given, run nothing and load nothing', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }), (text) => {
      const hostile = `<script>alert(1)</script>"'&${text}`;
      const verdict = { ...VERDICT, faults: [hostile], notices: [hostile], locales: VERDICT.locales.map((one) => ({ ...one, locale: hostile })), campaign: { ...VERDICT.campaign!, id: hostile } };
      for (const made of [page(verdict), runPage(report({
        run: { ...RUN, sync: hostile, error: hostile, notices: [hostile], warnings: { [hostile]: 1 }, lane: { ...RUN.lane, reason: hostile }, verification: verdict },
        waits: [waitOf('pace', hostile, 0, 10)], failures: [{ code: hostile, reason: hostile, count: 1 }],
      }))]) {
        const elements = parsed(made);
        expect(elements.filter(({ name }) => /^(script|link|img|iframe|object|form|a|use|image)$/.test(name))).toEqual([]);
        expect(elements.flatMap(({ attributes }) => Object.keys(attributes)).filter((name) => /^(on|src|href|xlink)/.test(name))).toEqual([]);
        expect(made).not.toMatch(/url\(|@import|https?:/);
      }
    }), { numRuns: 10 });
  });
});
