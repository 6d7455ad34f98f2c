import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DestinationError, type FoundContact } from '../../src/destinations/index.js';
import { verifySample, type ExpectedContact, type SampleInput, type VerifyProgress } from '../../src/verification/index.js';
import { batch, clear, createLedger, delivered, holds, inputFor, line, resultOf, verify, waiting, wants, type Ledger, type Result } from './support.js';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await createLedger();
});
afterAll(() => ledger?.close());
beforeEach(() => clear(ledger));

/** The same numbers from the same seed, from 0 to below 1. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A platform that shows one contact at a time. */
function platform(found: readonly FoundContact[], held: number | null = found.length) {
  const contacts = new Map(found.map((contact) => [contact.key, contact]));
  const asked: string[] = [];
  const destination: SampleInput['destination'] = {
    count: (paced) => paced(() => Promise.resolve(held)),
    find: (key, paced) => paced(() => {
      asked.push(key);
      return Promise.resolve(contacts.get(key) ?? null);
    }),
  };
  return { asked, destination };
}

function sampleInput(expected: readonly ExpectedContact[], destination: SampleInput['destination'], more: Partial<SampleInput> = {}): SampleInput {
  const { found: _found, ...input } = inputFor(ledger, expected, []);
  return {
    ...input, destination, paced: (call) => call(new AbortController().signal), confidence: 0.99, maxError: 0.01, random: seeded(7), wait: () => Promise.resolve(), now: () => 0, ...more,
  };
}

const sample = (expected: readonly ExpectedContact[], destination: SampleInput['destination'], more: Partial<SampleInput> = {}): Promise<Result> =>
  resultOf(verifySample(sampleInput(expected, destination, more)));

/** Shares that make every contact of a few part of the sample. */
const ALL = { confidence: 0.9999, maxError: 0.0001 };

const keys = Array.from({ length: 2_000 }, (_, n) => `k${String(n).padStart(4, '0')}`);
const localeOf = (n: number): string => (n % 4 === 0 ? 'fr' : 'en');
const all = keys.map((key, n) => wants(key, localeOf(n)));
const there = keys.map((key, n) => holds(key, localeOf(n)));
const known = (): Promise<unknown> => delivered(ledger, keys.map((key, n) => ({ key, sync: ledger.ours, locale: localeOf(n) })));

describe('a sample', () => {
  test('of contacts that are all alike passes, says how sure that is, and reads each of them once', async () => {
    await known();
    const { asked, destination } = platform(there);
    const { document, differences } = await sample(all, destination);
    expect(document).toMatchObject({
      verdict: 'pass', method: 'sample', sampleSize: 410, population: 2_000, confidence: 0.99, maxError: 0.01, foreign: 0,
      total: { found: 2_000, known: 2_000 }, reads: 411, seconds: 0,
    });
    expect(document.atMost).toBeLessThan(20);
    expect(document.locales.map((l) => [l.locale, l.expected, l.found, l.missing, l.estimated])).toEqual([['en', 1_500, 1_500, 0, true], ['fr', 500, 500, 0, true]]);
    expect(document.locales.reduce((sum, l) => sum + l.sampled!, 0)).toBe(410);
    expect(document.locales[0]!.atMost).toBeGreaterThan(0);
    expect(new Set(asked).size).toBe(410);
    expect(asked.length).toBe(410);
    expect(differences).toEqual([]);
  });

  test('scales what differs to the locale, rounded up, and lists the contacts that it saw', async () => {
    await known();
    const gone = new Set(keys.filter((_, n) => n % 40 === 0));
    const { document, differences } = await sample(all, platform(there.filter(({ key }) => !gone.has(key!))).destination);
    const fr = document.locales[1]!;
    const seen = differences.filter(({ locale }) => locale === 'fr').length;
    expect(document.verdict).toBe('fail');
    expect(seen).toBeGreaterThan(0);
    expect(differences.every(({ key, kind }) => gone.has(key) && kind === 'missing')).toBe(true);
    expect(fr).toMatchObject({ missing: Math.ceil((seen * 500) / fr.sampled!), pass: false });
    expect(fr.found).toBe(500 - fr.missing);
    expect(fr.atMost).toBeGreaterThanOrEqual(50);
    expect(document.locales[0]).toMatchObject({ missing: 0, found: 1_500, pass: true });
  });

  test('is held against tolerance and minimum by its estimates', async () => {
    await known();
    const one = { ...there[0]!, optedIn: false };
    const found = platform([one, ...there.slice(1)]).destination;
    // Every rank below the sample's size, so the first contact is among them.
    const first = { random: () => 0, locales: { fr: 490 } };
    const { document: { locales: [, fr] } } = await sample(all, found, { ...first, tolerance: 4 });
    expect(fr).toMatchObject({ missing: 5, found: 495, pass: false });
    expect((await sample(all, found, { ...first, tolerance: 5 })).document.verdict).toBe('pass');
    expect((await sample(all, found, { ...first, tolerance: 5, locales: { fr: 496 } })).document.verdict).toBe('fail');
  });

  test('of few contacts is all of them, and nothing is estimated', async () => {
    await delivered(ledger, [{ key: 'a', sync: ledger.ours }, { key: 'b', sync: ledger.ours, locale: 'fr' }]);
    const { document } = await sample([wants('a'), wants('b', 'fr', false)], platform([holds('a'), holds('b', 'fr', false)]).destination);
    expect(document).toMatchObject({ verdict: 'pass', sampleSize: 2, population: 2, atMost: 0 });
    expect(document.locales).toEqual([line('en', { expected: 1, found: 1, sampled: 1, atMost: 0 }), line('fr', { sampled: 1, atMost: 0 })]);
  });

  test('leaves out what waits and what another sync owns, and counts it', async () => {
    await delivered(ledger, [{ key: 'a', sync: ledger.ours }, { key: 'b', sync: ledger.ours }, { key: 'c', sync: ledger.other }]);
    await waiting(ledger, [{ key: 'b', sync: ledger.ours }, { key: 'd', sync: ledger.ours, locale: 'fr' }]);
    const { asked, destination } = platform([holds('a')], 3);
    const { document } = await sample([wants('a'), wants('b'), wants('c'), wants('d', 'fr')], destination, ALL);
    expect(asked).toEqual(['a']);
    expect(document).toMatchObject({ verdict: 'pass', elsewhere: 1, population: 1 });
    expect(document.locales).toEqual([
      line('en', { expected: 2, found: 2, pending: 1, sampled: 1, atMost: 0 }), line('fr', { expected: 1, pending: 1, sampled: 0, atMost: 0 }),
    ]);
  });

  test('holds contacts that are gone from the source, and still opted in there', async () => {
    await delivered(ledger, [{ key: 'a', sync: ledger.ours, locale: 'fr' }, { key: 'b', sync: ledger.ours, locale: 'fr' }]);
    const { document, differences } = await sample([], platform([holds('a', null), holds('b', null, false)]).destination, ALL);
    expect(document.locales).toEqual([line('fr', { unexpected: 1, sampled: 2, atMost: 1, pass: false })]);
    expect(differences).toMatchObject([{ key: 'a', locale: 'fr', kind: 'unexpected', why: 'gone from the source, or held back by the filter' }]);
  });

  test('compares the consent for SMS where the platform shows it', async () => {
    const { differences } = await sample(
      [{ ...wants('a'), smsOptedIn: true }, { ...wants('b'), smsOptedIn: null }, { ...wants('c'), smsOptedIn: true }],
      platform([{ ...holds('a'), smsOptedIn: false }, { ...holds('b'), smsOptedIn: false }, holds('c')]).destination, ALL);
    expect(differences).toMatchObject([{ key: 'a', kind: 'different', why: 'differs in smsConsent', expected: { smsOptedIn: true }, found: { smsOptedIn: false } }]);
  });

  test('takes the consent of the destination where none is mapped', async () => {
    const { document } = await sample([wants('a', 'en', null), wants('b', 'en', null)], platform([holds('a'), holds('b', 'en', false)]).destination, ALL);
    expect(document.locales).toEqual([line('en', { expected: 1, found: 1, sampled: 2, atMost: 0 })]);
  });
});

describe('the number of contacts there', () => {
  beforeEach(() => delivered(ledger, [{ key: 'a', sync: ledger.ours }, { key: 'b', sync: ledger.other }, { key: 'c', sync: ledger.ours }]));
  const expected = [wants('a'), wants('c')];
  const found = [holds('a'), holds('c')];

  test('beyond what the ledger knows are foreign and fail nothing', async () => {
    expect((await sample(expected, platform(found, 10).destination, ALL)).document).toMatchObject({ verdict: 'pass', foreign: 7, total: { found: 10, known: 3 } });
  });

  test('below what the ledger knows fails the verdict in words, unless that many are pending', async () => {
    const { document } = await sample(expected, platform(found, 2).destination, ALL);
    expect(document).toMatchObject({ verdict: 'fail', foreign: 0, faults: ['the platform holds 2 contacts, 1 fewer than were delivered to it'] });
    await waiting(ledger, [{ key: 'b', sync: ledger.other }]);
    expect((await sample(expected, platform(found, 2).destination, ALL)).document.verdict).toBe('pass');
  });

  test('does not count those that were erased', async () => {
    await delivered(ledger, [{ key: 'd', sync: ledger.ours }], 1);
    expect((await sample(expected, platform(found, 3).destination, ALL)).document).toMatchObject({ verdict: 'pass', total: { found: 3, known: 3 } });
  });

  test('is not held against anything where the platform does not tell it, which is said', async () => {
    const { document } = await sample(expected, platform(found, null).destination, ALL);
    expect(document.total).toBeUndefined();
    expect(document).toMatchObject({ verdict: 'pass', notices: [expect.stringContaining('does not say how many')] });
  });
});

describe('reading', () => {
  test('a contact read while it was delivered is pending, not different', async () => {
    const { destination } = platform([holds('a', 'en', false)]);
    const { document } = await sample([wants('a')], {
      ...destination,
      find: async (key, paced, signal) => {
        const contact = await destination.find(key, paced, signal);
        await batch(ledger, 'settled', [{ key, sync: ledger.ours }], { settledAgo: '0' });
        return contact;
      },
    }, ALL);
    expect(document.locales).toEqual([line('en', { expected: 1, pending: 1, sampled: 0, atMost: 0 })]);
  });

  test('a throttled or cut read is tried again by itself, and one that needs a person is not', async () => {
    const failing = (kind: DestinationError['kind'], times: number): SampleInput['destination'] => {
      const { destination } = platform([holds('a'), holds('b')]);
      let left = times;
      return {
        ...destination,
        find: (key, paced, signal) => ((left -= 1) >= 0 ? Promise.reject(new DestinationError(kind, 'no')) : destination.find(key, paced, signal)),
      };
    };
    const waits: number[] = [];
    const wait = (ms: number) => Promise.resolve(waits.push(ms));
    const { document } = await sample([wants('a'), wants('b')], failing('throttled', 3), { ...ALL, wait });
    expect(document.verdict).toBe('pass');
    expect(waits).toEqual([1_000, 2_000, 5_000]);
    await expect(sample([wants('a')], failing('unreachable', 9), { ...ALL, wait })).rejects.toThrow('no');
    await expect(sample([wants('a')], failing('misconfigured', 1), { ...ALL, wait })).rejects.toThrow('no');
    expect(waits).toHaveLength(8);
    expect(ledger.pool.totalCount - ledger.pool.idleCount).toBe(0);
  });

  test('progress tells how much of the sample is read', async () => {
    const seen: VerifyProgress['sample'][] = [];
    await sample([wants('a'), wants('b')], platform([]).destination, { ...ALL, onProgress: ({ sample: read }) => seen.push(read) });
    expect(seen.filter((read) => read !== undefined).slice(0, 3)).toEqual([{ done: 0, total: 2 }, { done: 1, total: 2 }, { done: 2, total: 2 }]);
  });

  test('an abort ends it between two reads and leaves no connection behind', async () => {
    const abort = new AbortController();
    const { asked, destination } = platform([]);
    const find: SampleInput['destination']['find'] = (key, paced, signal) => {
      if (asked.length === 3) abort.abort(new Error('cancelled'));
      return destination.find(key, paced, signal);
    };
    await expect(sample(all, { ...destination, find }, { signal: abort.signal })).rejects.toThrow('cancelled');
    expect(asked.length).toBe(4);
    expect(ledger.pool.totalCount - ledger.pool.idleCount).toBe(0);
  });
});

test('a sample of all contacts finds what reading all of the destination finds, whatever both sides and the ledger hold', async () => {
  const owner = fc.constantFrom('ours' as const, 'ours' as const, 'other' as const, 'retired' as const);
  const locale = fc.constantFrom('en', 'fr', null);
  const cases = fc.array(fc.record({
    locale,
    expected: fc.option(fc.record({ optedIn: fc.constantFrom(true, true, false, null), city: fc.constantFrom('1', '1', '2', null) }), { freq: 4 }),
    found: fc.option(fc.record({ optedIn: fc.boolean(), city: fc.constantFrom('1', '1', '2') }), { freq: 3 }),
    pending: fc.option(owner, { freq: 1 }),
    delivered: fc.option(fc.record({ owner, erased: fc.boolean() }), { freq: 3 }),
  }), { maxLength: 30 });
  await fc.assert(fc.asyncProperty(cases, fc.nat(3), async (contacts, tolerance) => {
    await clear(ledger);
    const rows = contacts.map((contact, n) => ({ ...contact, key: `k${n}` }));
    for (const erased of [false, true]) {
      await delivered(ledger, rows.flatMap(({ key, locale: at, delivered: d }) => (d && d.erased === erased ? [{ key, sync: ledger[d.owner], locale: at }] : [])), erased ? 1 : 0);
    }
    await waiting(ledger, rows.flatMap(({ key, locale: at, pending: p }) => (p ? [{ key, sync: ledger[p], locale: at }] : [])));
    const expected = rows.flatMap(({ key, locale: at, expected: e }) => (e ? [wants(key, at, e.optedIn, e.city === null ? null : `{"city":${e.city}}`)] : []));
    const found = rows.flatMap(({ key, locale: at, found: f }) => (f ? [holds(key, at, f.optedIn, `{"city":${f.city}}`)] : []));
    const full = await verify(ledger, expected, found, { tolerance });
    const drawn = await sample(expected, platform(found, null).destination, { ...ALL, tolerance });
    expect(drawn.differences).toEqual(full.differences);
    expect(drawn.document.verdict).toBe(full.document.verdict);
    expect(drawn.document.elsewhere).toBe(full.document.elsewhere);
    const numbers = (l: { locale: string; missing: number; unexpected: number; different: number; pending: number }) => [l.locale, l.missing, l.unexpected, l.different, l.pending];
    const nothing = (l: readonly (string | number)[]) => l.slice(1).some((value) => value !== 0);
    expect(drawn.document.locales.map(numbers).filter(nothing)).toEqual(full.document.locales.map(numbers).filter(nothing));
  }), { numRuns: 40 });
});
