import fc from 'fast-check';
import { isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/min';
import { describe, expect, it } from 'vitest';
import { normaliseCountry, normaliseEmail, normaliseLocale, normalisePhone } from '../../src/contacts/index.js';

describe('e-mail', () => {
  it('is trimmed and lower-cased in its domain, and keeps its local part', () => {
    expect(normaliseEmail('  Ken.Sánchez+news@Adventure-Works.COM\n')).toBe('Ken.Sánchez+news@adventure-works.com');
    expect(normaliseEmail('a@bücher.example')).toBe('a@bücher.example');
  });

  it.each([
    '', 'a', '@b.co', 'a@', 'a@b', 'a@@b.co', 'a@b@c.co', 'a b@c.co', 'a@b .co', 'a@-b.co', 'a@b-.co', 'a@b..co', 'a@.co', 'a@b.co.',
    'a@b.c', 'a@1.2.3.4', 'a@b.123', '"a b"@c.co', '"a"@c.co', 'a\u0000@b.co', 'a\u0085@b.co', 'a\u200b@b.co', 'a\ud800@b.co', '.a@b.co',
    'a.@b.co', 'a..b@c.co', 'Ann <a@b.co>', 'mailto:a@b.co', 'a,b@c.co', 'a@b_c.co', `${'x'.repeat(65)}@b.co`, `${'é'.repeat(33)}@b.co`,
    `a@${'x'.repeat(64)}.co`, `a@${'x.'.repeat(126)}co`,
  ])('is refused where it is impossible: %j', (text) => {
    expect(normaliseEmail(text)).toBeNull();
  });

  it('is taken up to the limits of RFC 5321', () => {
    expect(normaliseEmail(`${'x'.repeat(64)}@b.co`)).not.toBeNull();
    expect(normaliseEmail(`a@${'x'.repeat(63)}.co`)).not.toBeNull();
  });
});

describe('phone', () => {
  it.each([
    ['697-555-0142', 'US', '+16975550142'],
    ['+33 1 23 45 67 89', null, '+33123456789'],
    ['+33 1 23 45 67 89', 'US', '+33123456789'],
    ['01 23 45 67 89', 'FR', '+33123456789'],
    ['020 7946 0958', 'GB', '+442079460958'],
    ['697-555-0142 ext. 12', 'US', '+16975550142'],
    ['1 (697) 555-0142', 'US', '+16975550142'],
    // Possible in Germany by its length alone: the contract asks for lengths, not for assigned ranges.
    ['1 (11) 500 555-0132', 'DE', '+491115005550132'],
  ])('%s in %s is %s', (text, country, expected) => {
    expect(normalisePhone(text, country)).toBe(expected);
  });

  it.each([
    ['1 (11) 500 555-0132', 'US'],
    ['1 (11) 500 555-0132', 'AU'],
    ['1 (11) 500 555-0132', 'GB'],
    ['1 (11) 500 555-0132', 'FR'],
    ['697-555-0142', null],
    ['697-555-0142', 'ZZ'],
    ['555-0142', 'US'],
    ['call 697-555-0142 or 697-555-0143', 'US'],
    ['+999 123', 'US'],
    ['none', 'US'],
  ])('%s in %s is not possible', (text, country) => {
    expect(normalisePhone(text, country)).toBeNull();
  });

  it('the quick way for North American numbers answers as the library does', () => {
    const digit = fc.constantFrom(...'0123456789');
    const separator = fc.constantFrom('', '', '-', ' ', '(', ') ', '.');
    const phone = fc.tuple(fc.constantFrom('', '+1', '+1 ', '1 ', '+', '0', '011'), fc.array(fc.tuple(digit, separator), { minLength: 6, maxLength: 13 }));
    fc.assert(
      fc.property(phone, fc.constantFrom('US', 'CA', null), ([prefix, parts], country) => {
        const text = prefix + parts.flat().join('');
        const number = parsePhoneNumberFromString(text.trim(), { defaultCountry: country ?? undefined, extract: false });
        expect(normalisePhone(text, country)).toBe(number?.isPossible() ? number.number : null);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('locale and country', () => {
  it.each([['en', 'en'], ['EN', 'en'], [' fr-CA ', 'fr'], ['de_DE.UTF-8', 'de'], ['zh-Hant-TW', 'zh'], ['fil', 'fil'], ['ca@valencia', 'ca']])('%s is the language %s', (text, language) => {
    expect(normaliseLocale(text)).toBe(language);
  });
  it.each(['English', 'e', '1', 'e1', 'en US', '-', 'fr/ca', ''])('%j is no language', (text) => {
    expect(normaliseLocale(text)).toBeNull();
  });
  it('a country is its two letters in upper case', () => {
    expect(normaliseCountry(' us ')).toBe('US');
    expect(['USA', 'U', 'France', '12', ''].map(normaliseCountry)).toEqual([null, null, null, null, null]);
  });
});

const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.emailAddress(), fc.stringMatching(/^[ +0-9().-]{0,20}$/));

describe('any text', () => {
  it('normalising never throws, and a second time changes nothing', () => {
    const country = fc.oneof(fc.constantFrom('US', 'GB', 'DE', 'FR', 'IT', 'AR', 'MX', 'BR', 'RU', 'AQ', 'SM'), fc.constant(null));
    fc.assert(
      fc.property(anything, country, (text, region) => {
        for (const normalise of [normaliseEmail, normaliseLocale, normaliseCountry]) {
          const once = normalise(text);
          if (once !== null) expect(normalise(once)).toBe(once);
        }
        const phone = normalisePhone(text, region);
        if (phone !== null) expect(normalisePhone(phone, region)).toBe(phone);
      }),
      { numRuns: 3000 },
    );
  });

  it('a normalised phone is E.164', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[+0-9 ()-]{3,18}$/), fc.constantFrom('US', 'GB', 'DE', 'FR', 'AU'), (text, country) => {
        expect(isSupportedCountry(country)).toBe(true);
        expect(normalisePhone(text, country) ?? '+10000').toMatch(/^\+[1-9]\d{3,16}$/);
      }),
    );
  });
});
