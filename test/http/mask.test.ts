import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskPersonal, maskValues } from '../../src/http/index.js';

describe('masking a platform’s words', () => {
  it.each([
    ['ann.o+x@example.co.uk is taken', '[e-mail] is taken'],
    ['bad <ann@example.com>, "bob@example.com"', 'bad <[e-mail]>, "[e-mail]"'],
    ['GET /suppressions/ann%40example.com', 'GET [e-mail]'],
    ['phone +1 (697) 555-0142 is wrong', 'phone [number] is wrong'],
    ['no more than 1000 contacts in 60 s', 'no more than 1000 contacts in 60 s'],
    ['Missing contacts:write scope', 'Missing contacts:write scope'],
  ])('%s', (text, masked) => {
    expect(maskPersonal(text)).toBe(masked);
  });

  it('no e-mail survives, and no message is longer than 300 characters', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 400 }), fc.emailAddress(), fc.string(), (before, email, after) => {
        const masked = maskPersonal(`${before} ${email} ${after}`);
        expect(masked).not.toContain(email);
        expect(masked.length).toBeLessThanOrEqual(300);
      }),
    );
  });

  it('values that were sent are hidden as whole words only', () => {
    expect(maskValues('email of Ema from (Paris) is invalid', ['Ema', '(Paris)', 'is'])).toBe('email of [value] from [value] is invalid');
  });

  it('any value can be hidden: its characters mean nothing by themselves', () => {
    expect(maskValues('Anne-Marie is invalid', ['Anne-Marie'])).toBe('[value] is invalid');
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (value) => {
      expect(maskValues(`a ${value} b`, [value]).length).toBeGreaterThan(0);
    }));
  });

  it('a megabyte of hostile text is no trouble', () => {
    const started = performance.now();
    for (const text of ['a'.repeat(1e6), '1'.repeat(1e6), 'a@'.repeat(5e5), '1 '.repeat(5e5)]) maskPersonal(text);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
