import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { verifyAudience } from '../../src/verification/index.js';
import { batch, clear, createLedger, delivered, holds, inputFor, line, pages, rejected, verify, waiting, wants, type Ledger } from './support.js';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await createLedger();
});
afterAll(() => ledger?.close());
beforeEach(() => clear(ledger));

describe('the audience', () => {
  test('a connection of the pool that has staged pages before can be verified on', async () => {
    const idle = await Promise.all(Array.from({ length: ledger.pool.idleCount + 1 }, () => ledger.pool.connect()));
    for (const connection of idle) await connection.query('CREATE TEMP TABLE staged (key text); INSERT INTO staged VALUES (1)');
    for (const connection of idle) connection.release();
    expect((await verify(ledger, [wants('a')], [holds('a')])).document.verdict).toBe('pass');
  });

  test('contacts that are alike on both sides pass, by locale, none last', async () => {
    const { document, differences } = await verify(ledger,
      [wants('a'), wants('b', 'fr'), wants('c', null), wants('d', 'en', false)],
      [holds('a'), holds('b', 'fr'), holds('c', null), holds('d', 'en', false)]);
    expect(document).toMatchObject({ verdict: 'pass', method: 'full', against: 'source', foreign: 0 });
    expect(document.locales).toEqual([
      line('en', { expected: 1, found: 1 }), line('fr', { expected: 1, found: 1 }), line('none', { expected: 1, found: 1 }),
    ]);
    expect(document.at).toMatch(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}Z$/);
    expect(differences).toEqual([]);
  });

  test('an opted-in contact that is not there or not opted in there is missing', async () => {
    const { document, differences } = await verify(ledger, [wants('a'), wants('b')], [holds('b', 'en', false)]);
    expect(document.verdict).toBe('fail');
    expect(document.locales).toEqual([line('en', { expected: 2, missing: 2, pass: false })]);
    expect(differences).toEqual([
      { key: 'a', locale: 'en', kind: 'missing', why: 'not there', expected: { optedIn: true, locale: 'en' }, found: null },
      { key: 'b', locale: 'en', kind: 'missing', why: 'there, but not opted in', expected: { optedIn: true, locale: 'en' }, found: { optedIn: false, locale: 'en' } },
    ]);
  });

  test('a contact of ours that is opted in there but not at the source is unexpected, under the locale it stands in', async () => {
    await delivered(ledger, [{ key: 'a', sync: ledger.ours }, { key: 'b', sync: ledger.ours }]);
    const { document, differences } = await verify(ledger, [wants('a', 'en', false)], [holds('a', 'fr'), holds('b')]);
    expect(document.locales).toEqual([
      line('en', { found: 1, unexpected: 1, pass: false }), line('fr', { found: 1, unexpected: 1, pass: false }),
    ]);
    expect(differences.map(({ key, why }) => [key, why])).toEqual([['b', 'gone from the source, or held back by the filter'], ['a', 'opted in there, but not at the source']]);
  });

  test('a contact that is gone from the source and not opted in there is no difference', async () => {
    await delivered(ledger, [{ key: 'a', sync: ledger.ours }]);
    expect((await verify(ledger, [], [holds('a', 'en', false)])).document).toMatchObject({ verdict: 'pass', locales: [], foreign: 0 });
  });

  test('an opted-out contact that is not there is missing only where it was delivered', async () => {
    await delivered(ledger, [{ key: 'a', sync: ledger.ours }]);
    const { document, differences } = await verify(ledger, [wants('a', 'en', false), wants('b', 'en', false)], []);
    expect(document.locales).toEqual([line('en', { missing: 1, pass: false })]);
    expect(differences[0]).toMatchObject({ key: 'a', why: 'delivered before, no longer there' });
  });

  test('an erased contact is not missing when it is gone, and unexpected when it is still opted in', async () => {
    await delivered(ledger, [{ key: 'a', sync: ledger.ours }, { key: 'b', sync: ledger.ours }], 1);
    await batch(ledger, 'settled', [{ key: 'c', sync: ledger.ours }], { action: 1 });
    const { differences } = await verify(ledger, [wants('a', 'en', false)], [holds('b'), holds('c')]);
    expect(differences.map(({ key, kind, why }) => [key, kind, why])).toEqual([
      ['b', 'unexpected', 'erased, but still there'], ['c', 'unexpected', 'erased, but still there'],
    ]);
  });

  test('where consent is not mapped, the consent of the destination stands', async () => {
    const { document } = await verify(ledger,
      [wants('a', 'en', null), wants('b', 'en', null), wants('c', 'en', null), wants('d', 'en', null, '{"n":1}')],
      [holds('a'), holds('b', 'en', false), holds('d', 'en', false)]);
    expect(document.locales).toEqual([line('en', { expected: 2, found: 1, missing: 1, different: 1, pass: false })]);
  });
});

describe('fields', () => {
  test('only what the destination itself calls different is, opted in or not', async () => {
    const { document, differences } = await verify(ledger,
      [wants('a', 'en', true, '{"city":"Rome","zip":1}'), wants('b', 'en', true, '{"city":"Rome"}'), wants('c', 'en', false, '{"city":"Rome"}')],
      [holds('a', 'en', true, '{"zip":1, "city":"Rome"}'), holds('b', 'en', true, '{"city":"Oslo"}'), holds('c', 'en', false, '{"city":"Oslo"}')]);
    expect(document.locales).toEqual([line('en', { expected: 2, found: 2, different: 2, pass: false })]);
    expect(differences[0]).toEqual({
      key: 'b', locale: 'en', kind: 'different', why: 'differs in city',
      expected: { optedIn: true, locale: 'en', city: 'Rome' }, found: { optedIn: true, locale: 'en', city: 'Oslo' },
    });
  });

  test('a contact that cannot be sent any more differs from the one that is still there', async () => {
    await rejected(ledger, 'a', 'invalid', 'email: not an address');
    const { differences } = await verify(ledger, [wants('a', 'en', true, null)], [holds('a')]);
    expect(differences).toMatchObject([{ key: 'a', kind: 'different', why: 'invalid: email: not an address' }]);
  });

  test('any text survives the way there and back', async () => {
    const odd = 'tab\tnew\nline\r back\\slash \\N \\. "quoted" 🙂';
    const fields = JSON.stringify({ odd });
    const { differences } = await verify(ledger, [wants(odd, odd, true, fields)], [holds(odd, odd, true, '{}'), holds('with\0nul')]);
    expect(differences).toMatchObject([{ key: odd, locale: odd, expected: { odd }, kind: 'different' }]);
  });
});

describe('what fails nothing', () => {
  test('a contact with a row waiting or under way is pending', async () => {
    await waiting(ledger, [{ key: 'a', sync: ledger.ours, locale: 'fr' }, { key: 'n', sync: ledger.ours }]);
    for (const [key, status] of [['b', 'sending'], ['c', 'accepted'], ['d', 'unknown']] as const) await batch(ledger, status, [{ key, sync: ledger.ours }]);
    const { document, differences } = await verify(ledger, [wants('a'), wants('b'), wants('c', 'en', false)], [holds('c'), holds('d')]);
    expect(document.verdict).toBe('pass');
    expect(document.locales).toEqual([line('en', { expected: 2, found: 2, pending: 3 }), line('none', { pending: 2 })]);
    expect(differences).toEqual([]);
  });

  test('a contact that was delivered while both sides were read is pending', async () => {
    async function* found() {
      yield [holds('a', 'en', false)];
      await batch(ledger, 'settled', [{ key: 'a', sync: ledger.ours }], { settledAgo: '0' });
    }
    const { document } = await verify(ledger, [wants('a')], [], { found: found() });
    expect(document.locales).toEqual([line('en', { expected: 1, pending: 1 })]);
  });

  test('a contact that was rejected while both sides were read is missing, with the reason', async () => {
    await waiting(ledger, [{ key: 'a', sync: ledger.ours }]);
    async function* found() {
      await ledger.pool.query('DELETE FROM outbox');
      await batch(ledger, 'settled', [{ key: 'a', sync: ledger.ours }], { settledAgo: '0', outcome: 2 });
      await rejected(ledger, 'a', 'invalid_email', 'invalid email');
      yield [];
    }
    const { differences } = await verify(ledger, [wants('a')], [], { found: found() });
    expect(differences).toMatchObject([{ key: 'a', kind: 'missing', why: 'rejected: invalid email' }]);
  });

  test('contacts that were never ours are foreign, also those without a key', async () => {
    await rejected(ledger, 'b', 'invalid_email', 'invalid email');
    const { document } = await verify(ledger, [], [holds('a'), holds('b'), holds(null), holds(''), holds('c', 'en', false)]);
    expect(document).toMatchObject({ verdict: 'pass', foreign: 5, locales: [] });
  });

  test('contacts of another sync are on neither side', async () => {
    await delivered(ledger, [{ key: 'a', sync: ledger.other }, { key: 'b', sync: ledger.other }]);
    await waiting(ledger, [{ key: 'c', sync: ledger.other }]);
    const { document } = await verify(ledger, [wants('a')], [holds('a'), holds('b'), holds('c')]);
    expect(document).toMatchObject({ verdict: 'pass', foreign: 0, elsewhere: 1, locales: [] });
  });

  test('a contact of a sync that is no longer configured passes to the one that expects it', async () => {
    await delivered(ledger, [{ key: 'a', sync: ledger.retired }, { key: 'b', sync: ledger.retired }]);
    const { document } = await verify(ledger, [wants('a', 'en', false)], [holds('a'), holds('b')]);
    expect(document).toMatchObject({ foreign: 0, locales: [line('en', { found: 1, unexpected: 1, pass: false })] });
    expect(document.elsewhere).toBeUndefined();
  });
});

describe('the verdict', () => {
  test('a locale with fewer opted-in contacts than its minimum fails, also with none at all', async () => {
    const { document } = await verify(ledger, [wants('a')], [holds('a')], { locales: { en: 1, fr: 1, de: 0, none: 0 } });
    expect(document.verdict).toBe('fail');
    expect(document.locales).toEqual([
      line('de', {}), line('en', { expected: 1, found: 1, minimum: 1 }), line('fr', { minimum: 1, pass: false }), line('none', {}),
    ]);
  });

  test('as many differences as tolerated pass, one more does not', async () => {
    const expected = [wants('a'), wants('b'), wants('c')];
    expect((await verify(ledger, expected, [holds('a')], { tolerance: 2 })).document.verdict).toBe('pass');
    expect((await verify(ledger, expected, [holds('a')], { tolerance: 1 })).document.verdict).toBe('fail');
  });
});

describe('reading', () => {
  test('a key that a source shows twice counts once, in its newest version', async () => {
    const at = (version: string | null, fields: string) => ({ ...wants('a', 'en', true, fields), version });
    const newest = '{"v":"newest"}';
    for (const order of [
      [at('2024-01-02T00:00:00.000001Z', newest), at('2024-01-02T00:00:00.000000Z', '{}')],
      [at('2024-01-01T00:00:00Z', '{}'), at('2024-01-01T00:00:00Z', newest)],
      [at(null, newest), at('2024-01-01T00:00:00Z', '{}')],
      [at('9999-01-01T00:00:00Z', '{}'), at(null, newest)],
    ]) {
      const { document } = await verify(ledger, order, [holds('a', 'en', true, newest)]);
      expect(document).toMatchObject({ verdict: 'pass', locales: [line('en', { expected: 1, found: 1 })] });
    }
  });

  test('a contact that the pages of a destination repeat counts once, as last read', async () => {
    const { document } = await verify(ledger, [wants('a')], [holds('a', 'fr', false), holds('a'), holds('a')]);
    expect(document.locales).toEqual([line('en', { expected: 1, found: 1 })]);
  });

  test('differences are cut by locale and kind, can be read again, and end with close', async () => {
    const keys = Array.from({ length: 1200 }, (_, n) => `k${String(n).padStart(5, '0')}`);
    const verification = await verifyAudience(inputFor(ledger, [...keys.map((key) => wants(key)), wants('x', 'fr')], [], { expected: pages([...keys.map((key) => wants(key)), wants('x', 'fr')], 500) }));
    const read = async (limit: number | null) => {
      const seen: string[] = [];
      for await (const { key } of verification.differences(limit)) seen.push(key);
      return seen;
    };
    const [cut, all] = await Promise.all([read(2), read(null)]);
    expect(cut).toEqual([keys[0], keys[1], 'x']);
    expect(all).toEqual([...keys, 'x']);
    await verification.close();
    await verification.close();
    await expect(read(1)).rejects.toThrow();
    expect(ledger.pool.totalCount - ledger.pool.idleCount).toBe(0);
  });

  test('progress is told for every page and step', async () => {
    const seen: string[] = [];
    await verify(ledger, [wants('a'), wants('b'), wants('c'), wants('d')], [holds('a')], {
      onProgress: (p) => seen.push(`${p.phase} ${p.expectedRead}/${p.foundRead}`),
    });
    expect(seen.slice(0, 4)).toEqual(['reading 3/0', 'reading 4/0', 'reading 4/1', 'comparing 4/1']);
  });

  test('a side that fails or an abort leaves no connection behind', async () => {
    async function* broken(): AsyncGenerator<never> {
      throw new Error('the platform is down');
    }
    await expect(verifyAudience(inputFor(ledger, [wants('a')], [], { found: broken() }))).rejects.toThrow('the platform is down');
    const abort = new AbortController();
    async function* endless() {
      for (let n = 0; ; n += 1) {
        if (n === 3) abort.abort(new Error('cancelled'));
        yield [holds(`k${n}`)];
      }
    }
    await expect(verifyAudience(inputFor(ledger, [], [], { found: endless(), signal: abort.signal }))).rejects.toThrow('cancelled');
    expect(ledger.pool.totalCount - ledger.pool.idleCount).toBe(0);
  });
});
