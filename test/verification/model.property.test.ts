import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Difference, LocaleVerdict } from '../../src/ledger/index.js';
import { batch, clear, createLedger, delivered, holds, line, verify, waiting, wants, type Ledger } from './support.js';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await createLedger();
});
afterAll(() => ledger?.close());

type Owner = 'ours' | 'other' | 'retired';
interface Case {
  readonly expected: { locale: string | null; optedIn: boolean | null; city: number | null } | null;
  readonly found: { locale: string | null; optedIn: boolean; city: number; spaced: boolean } | null;
  readonly pending: { owner: Owner; locale: string | null; inFlight: boolean } | null;
  readonly delivered: { owner: Owner; erased: boolean } | null;
}

const locale = fc.constantFrom('en', 'fr', null);
const owner = fc.constantFrom<Owner>('ours', 'ours', 'ours', 'other', 'retired');
const city = fc.constantFrom(1, 1, 1, 2);
const cases: fc.Arbitrary<readonly Case[]> = fc.array(fc.record<Case>({
  expected: fc.option(fc.record({ locale, optedIn: fc.constantFrom(true, true, false, null), city: fc.constantFrom(1, 1, 2, null) }), { freq: 4 }),
  found: fc.option(fc.record({ locale, optedIn: fc.boolean(), city, spaced: fc.boolean() }), { freq: 2 }),
  pending: fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.record({ owner, locale, inFlight: fc.boolean() }) }),
  delivered: fc.option(fc.record({ owner, erased: fc.boolean() }), { freq: 3 }),
}), { maxLength: 40, size: 'max' });

const write = (city: number, spaced: boolean): string => (spaced ? `{ "city": ${city} }` : `{"city":${city}}`);

/** The same in a few words and plain memory, one contact after another. */
function model(contacts: readonly Case[], minimum: Readonly<Record<string, number>>, tolerance: number) {
  const sums = new Map<string, Record<'expected' | 'found' | Difference['kind'] | 'pending', number>>();
  const add = (place: string | null, what: 'expected' | 'found' | Difference['kind'] | 'pending'): void => {
    const name = place ?? 'none';
    const sum = sums.get(name) ?? { expected: 0, found: 0, missing: 0, unexpected: 0, different: 0, pending: 0 };
    sum[what] += 1;
    sums.set(name, sum);
  };
  const differing: string[] = [];
  let foreign = 0;
  let elsewhere = 0;
  contacts.forEach(({ expected, found, pending, delivered: known }, n) => {
    const belongsTo = pending?.owner ?? known?.owner ?? null;
    if (belongsTo === 'other' || (belongsTo === 'retired' && !expected)) {
      if (expected) elsewhere += 1;
      return;
    }
    if (found && !expected && belongsTo === null) {
      foreign += 1;
      return;
    }
    const differs = (kind: Difference['kind'], place: string | null): void => {
      add(place, kind);
      differing.push(`k${n} ${kind}`);
    };
    const wanted = expected !== null && (expected.optedIn ?? (found ? found.optedIn : true));
    if (expected && wanted) add(expected.locale, 'expected');
    if (found?.optedIn) add(found.locale, 'found');
    if (pending) add(expected ? expected.locale : pending.locale, 'pending');
    else if (wanted && !found?.optedIn) differs('missing', expected.locale);
    else if (!wanted && found?.optedIn) differs('unexpected', found.locale);
    else if (expected && found && expected.city !== found.city) differs('different', expected.locale);
    else if (expected && !found && known?.owner === 'ours' && !known.erased) differs('missing', expected.locale);
  });
  for (const name of Object.keys(minimum)) if (!sums.has(name)) sums.set(name, { expected: 0, found: 0, missing: 0, unexpected: 0, different: 0, pending: 0 });
  const locales: LocaleVerdict[] = ['en', 'fr', 'none'].filter((name) => sums.has(name)).map((name) => {
    const sum = sums.get(name)!;
    const least = minimum[name] ?? 0;
    return line(name, { ...sum, minimum: least, pass: sum.missing + sum.unexpected + sum.different <= tolerance && sum.found >= least });
  });
  return { locales, foreign, elsewhere, differing: differing.sort(), verdict: locales.every((l) => l.pass) ? 'pass' : 'fail' };
}

test('the numbers of a verification are those of a plain model, whatever both sides and the ledger hold', async () => {
  await fc.assert(fc.asyncProperty(cases, fc.record({ en: fc.nat(3), fr: fc.nat(1) }), fc.nat(4), async (contacts, minimum, tolerance) => {
    await clear(ledger);
    const rows = contacts.map((contact, n) => ({ ...contact, key: `k${n}` }));
    for (const erased of [false, true]) {
      await delivered(ledger, rows.flatMap(({ key, delivered: d }) => (d && d.erased === erased ? [{ key, sync: ledger[d.owner] }] : [])), erased ? 1 : 0);
    }
    const pending = (inFlight: boolean) => rows.flatMap(({ key, pending: p }) => (p && p.inFlight === inFlight ? [{ key, sync: ledger[p.owner], locale: p.locale }] : []));
    await waiting(ledger, pending(false));
    await batch(ledger, 'sending', pending(true));
    const { document, differences } = await verify(ledger,
      rows.flatMap(({ key, expected: e }) => (e ? [wants(key, e.locale, e.optedIn, e.city === null ? null : write(e.city, false))] : [])),
      rows.flatMap(({ key, found: f }) => (f ? [holds(key, f.locale, f.optedIn, write(f.city, f.spaced))] : [])),
      { locales: minimum, tolerance });
    expect({
      locales: document.locales, foreign: document.foreign, elsewhere: document.elsewhere ?? 0,
      differing: differences.map((d) => `${d.key} ${d.kind}`).sort(), verdict: document.verdict,
    }).toEqual(model(contacts, minimum, tolerance));
  }), { numRuns: 40 });
});
