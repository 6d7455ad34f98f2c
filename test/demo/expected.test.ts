import { expect, test } from 'vitest';
import type { CrmRow } from '../../src/demo/crm.js';
import { alike, compareStates as compare, type StateDifferences } from '../../src/demo/expected.js';
import { MAILINGCORE } from '../../src/demo/forms.js';

const compareStates = (crm: readonly CrmRow[], held: readonly Record<string, unknown>[], refused: ReadonlySet<string>): StateDifferences => compare(crm, held, refused, MAILINGCORE);
const row = (external_id: string, over: Partial<CrmRow> = {}): CrmRow => ({
  external_id, email: `${external_id}@example.com`, phone: null, first_name: 'Ada', city: 'Paris', postal_code: null, state: null, country: 'FR',
  locale: 'fr', opt_in: true, ...over,
});
const contact = (externalId: string, over: object = {}): Record<string, unknown> => ({
  id: 'x', externalId, email: `${externalId}@example.com`, locale: 'fr', optIn: true, attributes: { firstName: 'Ada', city: 'Paris', country: 'FR' }, ...over,
});
const none: ReadonlySet<string> = new Set();

test('contacts that say the same are alike, whatever the order of their attributes', () => {
  const state = compareStates([row('1'), row('2')], [contact('2', { attributes: { country: 'FR', city: 'Paris', firstName: 'Ada' } }), contact('1')], none);
  expect(state).toEqual({ expected: 2, held: 2, missing: [], unexpected: [], different: [] });
  expect(alike(state)).toBe(true);
});

test.each([
  ['an e-mail', { email: 'other@example.com' }],
  ['a locale', { locale: null }],
  ['a consent', { optIn: false }],
  ['an attribute', { attributes: { firstName: 'Ada', city: 'Lyon', country: 'FR' } }],
  ['an attribute too many', { attributes: { firstName: 'Ada', city: 'Paris', country: 'FR', phone: '+33140205050' } }],
])('%s that differs is found', (_name, over) => {
  expect(compareStates([row('1')], [contact('1', over)], none).different).toEqual(['1']);
});

test('a contact that is missing, one too many and one held twice are found', () => {
  const state = compareStates([row('1'), row('2')], [contact('2'), contact('2'), contact('3')], none);
  expect(state).toMatchObject({ missing: ['1'], unexpected: ['2', '3'] });
  expect(alike(state)).toBe(false);
});

test('a contact the platform refuses must not be there', () => {
  expect(alike(compareStates([row('1'), row('2')], [contact('1')], new Set(['2'])))).toBe(true);
  expect(compareStates([row('1')], [contact('1')], new Set(['1'])).unexpected).toEqual(['1']);
});
