import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { VerificationDocument } from '../../src/ledger/index.js';
import { asJunit, asMarkdown } from '../../src/report/index.js';
import { parsed, VERDICT } from './support.js';

/** Any text a locale, a campaign or a platform's words may be, impossible characters among it. */
const anyText = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 });
/** What a reader gets of it. */
const readable = (text: string): string => text.replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');
const named = (locale: string, campaign: string, fault: string): VerificationDocument => ({
  ...VERDICT, faults: [fault], locales: VERDICT.locales.map((one) => ({ ...one, locale })), campaign: { id: campaign, pass: false, locales: [], fault: `${campaign}: ${fault}` },
});

describe('JUnit', () => {
  const cases = (document: VerificationDocument) => parsed(asJunit('crm', document)).filter(({ name }) => name === 'testcase').map(({ attributes }) => attributes['name']);
  const failures = (document: VerificationDocument) => parsed(asJunit('crm', document)).filter(({ name }) => name === 'failure').map(({ attributes }) => attributes['message']);

  test('is a suite a sync, with a case for each locale and each locale of the campaign; counts only', () => {
    expect(cases(VERDICT)).toEqual(['locale en', 'locale fr', 'campaign spring: locale en', 'campaign spring: locale fr']);
    expect(failures(VERDICT)).toEqual(['1 below the minimum, 7 differ: 10 expected, 4 found, 6 missing, 1 different, 2 pending; minimum 5', 'campaign spring has no template for fr: 4 opted in']);
    const [suites, suite] = parsed(asJunit('crm', VERDICT));
    for (const one of [suites, suite]) expect(one?.attributes).toMatchObject({ tests: '4', failures: '2', errors: '0' });
    expect(suite?.attributes).toMatchObject({ name: 'crm', timestamp: '2026-03-01T10:01:00' });
  });

  test('has a case for a fault that is of no locale, for a campaign that cannot be read, and never none at all', () => {
    expect(failures({ ...VERDICT, campaign: undefined, locales: [], faults: ['3 of 4 batches'] })).toEqual(['3 of 4 batches']);
    expect(failures({ ...VERDICT, locales: [], faults: ['not found'], campaign: { id: 'x', pass: false, locales: [], fault: 'not found' } })).toEqual(['not found']);
    expect(cases({ ...VERDICT, verdict: 'pass', locales: [], faults: [], campaign: undefined })).toEqual(['audience']);
  });

  test('is well-formed and tells every text as it is, whatever it holds', () => {
    fc.assert(fc.property(anyText, anyText, anyText, (locale, campaign, fault) => {
      expect(cases(named(locale, campaign, fault))).toEqual([
        `locale ${readable(locale)}`, `locale ${readable(locale)}`, `campaign ${readable(campaign)}`, ...(fault === `${campaign}: ${fault}` ? [] : [readable(fault)]),
      ]);
    }));
  });
});

describe('Markdown', () => {
  test('is a table by locale, one of the campaign, and what fails', () => {
    expect(asMarkdown('crm', VERDICT)).toBe(`### crm: ✗ fail

full verification against the source, 2026-03-01 10:01:00 UTC; 3 foreign contacts

| locale | expected | found | missing | unexpected | different | pending | minimum | verdict |
| :-- | --: | --: | --: | --: | --: | --: | --: | :-- |
| en | 12,000 | 12,000 | 0 | 0 | 0 | 0 | 0 | ✓ pass |
| fr | 10 | 4 | 6 | 0 | 1 | 2 | 5 | ✗ **fail**, 1 below the minimum, 7 differ |

**Campaign spring: ✗ fail**

| locale | counted | found | template | verdict |
| :-- | --: | --: | --: | :-- |
| en | 12,000 | 12,000 | yes | ✓ pass |
| fr | 4 | 4 | no | ✗ **fail** |

- ✗ campaign spring has no template for fr: 4 opted in
`);
  });

  test('a sample says how sure it is, and what it estimates', () => {
    const text = asMarkdown('app', {
      ...VERDICT, method: 'sample', campaign: undefined, faults: [], notices: ['so it is'], sampleSize: 450, population: 19_972, confidence: 0.99, atMost: 190,
      locales: [{ ...VERDICT.locales[1]!, sampled: 45, estimated: true, atMost: 12 }],
    });
    expect(text).toContain('| fr | 45 | 10 | ~4 | ~6 | 0 | ~1 | 12 | 2 | 5 | ✗ **fail**');
    expect(text).toContain('- sample: 450 of 19,972 contacts were read; with 99 % confidence');
    expect(text).toContain('- so it is');
  });

  test('no text leaves its cell or its line, or becomes markup', () => {
    fc.assert(fc.property(anyText, anyText, anyText, (locale, campaign, fault) => {
      const lines = asMarkdown('crm', named(locale, campaign, fault)).split('\n');
      const rows = lines.filter((line) => line.startsWith('| '));
      expect(rows.map((row) => row.replace(/\\./g, '').split('|').length)).toEqual([11, 11, 11, 11]);
      expect(lines.length).toBe(15);
      expect(lines.join('\n')).not.toMatch(/[<@]/);
    }));
  });
});
