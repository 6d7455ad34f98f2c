import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CampaignLocale } from '../../src/destinations/index.js';
import type { VerificationDocument } from '../../src/ledger/index.js';
import { judgeCampaign, withCampaign, type CampaignCounts } from '../../src/verification/index.js';
import { line } from './support.js';

const told = (locale: string | null, count: number, hasTemplate = true): CampaignLocale => ({ locale, count, hasTemplate });
const counted = (after: readonly CampaignLocale[], found: Record<string, number>, more: Partial<CampaignCounts> = {}) =>
  judgeCampaign('spring', { before: after, after, found: new Map(Object.entries(found)), expected: new Map(), tolerance: 0, ...more });

describe('a campaign', () => {
  test('passes where each locale with contacts has a template and the counts agree', () => {
    expect(counted([told('fr', 2), told('en', 3), told(null, 1)], { en: 3, fr: 2, none: 1 })).toEqual({
      id: 'spring', pass: true, locales: [
        { locale: 'en', count: 3, found: 3, hasTemplate: true, pass: true },
        { locale: 'fr', count: 2, found: 2, hasTemplate: true, pass: true },
        { locale: 'none', count: 1, found: 1, hasTemplate: true, pass: true },
      ],
    });
  });

  test('fails by name where contacts have no template, those without a locale too; nobody needs one for nobody', () => {
    const { pass, locales } = counted([told('en', 3), told('fr', 2, false), told('de', 0, false), told(null, 1, false)], { en: 3, fr: 2, none: 1 });
    expect(pass).toBe(false);
    expect(locales.filter((one) => !one.pass).map(({ locale, faults }) => [locale, faults])).toEqual([
      ['fr', ['campaign spring has no template for fr: 2 opted in']],
      ['none', ['campaign spring has no template for contacts without a locale: 1 opted in']],
    ]);
  });

  test('has no template where it does not list a locale; contacts that are still to come need one as well', () => {
    const { locales } = counted([told('en', 3)], { en: 3 }, { expected: new Map([['it', 4]]) });
    expect(locales.find(({ locale }) => locale === 'it')).toEqual({
      locale: 'it', count: 0, found: 0, hasTemplate: false, pass: false, faults: ['campaign spring has no template for it: 4 opted in'],
    });
  });

  test('fails with both numbers where its count is another than what was found, beyond the tolerance', () => {
    expect(counted([told('en', 5)], { en: 3 }).locales[0]?.faults).toEqual(['campaign spring counts 5 opted in for en, 3 were found at the platform']);
    expect(counted([told('en', 5)], { en: 3 }, { tolerance: 2 }).pass).toBe(true);
    expect(counted([told('en', 3)], { en: 5 }, { tolerance: 1 }).pass).toBe(false);
  });

  test('lets contacts come and go while they are read: what was found may lie between its two counts', () => {
    fc.assert(fc.property(fc.nat(50), fc.nat(50), fc.nat(100), fc.nat(5), (before, after, found, tolerance) => {
      const { pass } = counted([told('en', after)], { en: found }, { before: [told('en', before)], tolerance });
      expect(pass).toBe(found >= Math.min(before, after) - tolerance && found <= Math.max(before, after) + tolerance);
    }));
  });

  test('is judged without regard to letter case, a locale that is told twice as one', () => {
    expect(counted([told('EN', 2), told('en', 1)], { en: 3 }, { expected: new Map([['En', 3]]) })).toMatchObject({ pass: true, locales: [{ locale: 'en', count: 3 }] });
  });
});

test('what fails at the campaign fails the verification and stands among its faults, beside what was there', () => {
  const document: VerificationDocument = { verdict: 'pass', method: 'full', against: 'source', foreign: 0, at: '2024-01-01T00:00:00.000000Z', locales: [line('en', {})], faults: ['before'] };
  const good = counted([told('en', 1)], { en: 1 });
  expect(withCampaign(document, good)).toEqual({ ...document, campaign: good });
  const bad = counted([told('en', 1, false)], { en: 1 });
  expect(withCampaign(document, bad)).toMatchObject({ verdict: 'fail', campaign: bad, faults: ['before', 'campaign spring has no template for en: 1 opted in'] });
  const fault = { id: 'x', pass: false, locales: [], fault: 'campaign x: Campaign not found' };
  expect(withCampaign(document, fault)).toMatchObject({ verdict: 'fail', faults: ['before', fault.fault] });
  expect(withCampaign({ ...document, verdict: 'fail' }, good).verdict).toBe('fail');
});
