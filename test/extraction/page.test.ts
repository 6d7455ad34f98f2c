import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Contact, ContactReader } from '../../src/contacts/index.js';
import { buildPage, type Rules } from '../../src/extraction/index.js';
import type { SourcePage, SourceRow } from '../../src/sources/index.js';

/** A reader and a destination that do as the row's value says. */
interface Told extends Partial<Contact> {
  readonly fault?: string;
  readonly unsendable?: string;
  readonly keyOnly?: boolean;
}

const reader = {
  columns: [],
  read: (row: SourceRow) => {
    const { fault, ...told } = row.values[0] as Told;
    return fault === undefined ? { contact: { key: row.key, ...told } as Contact, warnings: [] } : { invalid: fault };
  },
} as unknown as ContactReader;

const rules = (more: Partial<Rules> = {}): Rules => ({
  reader, onDelete: 'optOut', wanted: (contact) => contact.locale !== 'es',
  destination: {
    capabilities: { maxBatchSize: 1000, maxBodyBytes: null, results: 'immediate', readBack: 'full', locales: null },
    prepare: (contact) => {
      const told = contact as unknown as Told;
      if (told.unsendable !== undefined) return { invalid: told.unsendable };
      const code = { denied: 1, granted: 2, unknown: 0 } as const;
      return {
        fields: JSON.stringify(contact.firstName ?? null), emailConsent: code[contact.emailConsent ?? 'unknown'], smsConsent: 3, locale: contact.locale ?? null, warnings: [],
        ...(told.keyOnly === true ? { onlyIfKnown: true } : {}),
      };
    },
  },
  ...more,
});

const at = (second: number): string => `2025-01-01T00:00:${String(second).padStart(2, '0')}.000000Z`;
const row = (key: string | null, time: number | null, told: Told = {}, more: Partial<SourceRow> = {}): SourceRow =>
  ({ key, time: time === null ? null : at(time), values: [told], ...more });
const page = (...rows: readonly SourceRow[]): SourcePage => ({ rows, position: null, last: true });

describe('a page', () => {
  it('keeps of a contact met twice the newest row, of equal ones the later, and counts the others', () => {
    const built = buildPage(page(row('k', 2, { firstName: 'new' }), row('k', 1, { firstName: 'old' }), row('l', 1, { firstName: 'a' }), row('l', 1, { firstName: 'b' })), rules());
    expect(built.rows.map((one) => [one.key, one.fields])).toEqual([['k', '"new"'], ['l', '"b"']]);
    expect(built).toMatchObject({ extracted: 4, superseded: 2 });
  });

  it('holds back what the filter does not want, but never an opt-out of a contact the destination may hold', () => {
    const built = buildPage(page(row('k', 1, { locale: 'es', emailConsent: 'granted' }), row('l', 1, { locale: 'es', emailConsent: 'denied' })), rules());
    expect(built.filtered).toBe(1);
    expect(built.rows).toMatchObject([{ key: 'l', emailConsent: 1, onlyIfKnown: 'filtered' }]);
  });

  it('a deleted contact loses its consent where it is held, and is made nowhere', () => {
    const deleted = row('k', 1, { emailConsent: 'granted', deletedAt: at(1) });
    expect(buildPage(page(deleted), rules()).rows).toMatchObject([{ emailConsent: 1, onlyIfKnown: 'filtered' }]);
    const ignored = buildPage(page(deleted), rules({ onDelete: 'ignore' })).rows[0]!;
    expect(ignored.emailConsent).toBe(2);
    expect(ignored).not.toHaveProperty('onlyIfKnown');
  });

  it('names why a row cannot be sent, and where it stands', () => {
    const built = buildPage(page(row(null, 1, { fault: 'no key' }, { place: 'line 7' }), row('k', 1, { unsendable: 'no e-mail', locale: 'en', emailConsent: 'granted' }), row('l', 1, { unsendable: 'no e-mail', locale: 'es', emailConsent: 'denied' })), rules());
    expect(built.invalid).toEqual([{ key: null, place: 'line 7', reason: 'no key' }, { key: 'k', place: null, reason: 'no e-mail', optedIn: true, locale: 'en' }]);
    expect(built.filtered).toBe(1);
  });

  it('a row that has only its key left goes to known contacts only', () => {
    expect(buildPage(page(row('k', 1, { keyOnly: true, emailConsent: 'denied' })), rules()).rows[0]!.onlyIfKnown).toContain('does not hold it');
  });

  it('warns of odd times and does not let them move the cursor', () => {
    const built = buildPage(page(row('k', 9, {}, { oddTime: true }), row('l', 3), row('m', 2), row('n', null)), rules());
    expect(built.maxTime).toBe(at(3));
    expect(Object.values(built.warnings)).toEqual([1]);
  });

  it('accounts for every row it was given', () => {
    const told = fc.record({ fault: fc.option(fc.constant('x'), { nil: undefined }), unsendable: fc.option(fc.constant('y'), { nil: undefined }), locale: fc.constantFrom('en', 'es'), emailConsent: fc.constantFrom('granted', 'denied', 'unknown') }, { requiredKeys: [] });
    fc.assert(fc.property(fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.option(fc.nat({ max: 5 })), told)), (rows) => {
      const built = buildPage(page(...rows.map(([key, time, what]) => row(key, time, what as Told))), rules());
      expect(built.rows.length + built.invalid.length + built.filtered + built.superseded).toBe(built.extracted);
      expect(built.extracted).toBe(rows.length);
      expect(new Set(built.rows.map((one) => one.key)).size).toBe(built.rows.length);
    }));
  });
});
