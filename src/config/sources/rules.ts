import { isMapping } from '../schema/helpers.js';
import type { BrokenRule } from '../schema/registry.js';

/** Touching a row would renew a consent nobody gave again. */
export function consentAtIsNoUpdateTime(raw: Readonly<Record<string, unknown>>): BrokenRule[] {
  const fields = raw['fields'];
  const consentAt = isMapping(fields) ? fields['consentAt'] : undefined;
  if (typeof consentAt !== 'string' || consentAt !== raw['updatedAt']) return [];
  return [
    {
      at: ['fields', 'consentAt'],
      found: 'the column of updatedAt',
      expected: 'the column that says when the person consented',
      hint: 'leave consentAt out where there is none',
    },
  ];
}
