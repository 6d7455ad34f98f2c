import { expect, test } from 'vitest';
import type { CrmRow } from '../../src/demo/crm.js';
import { compareStates } from '../../src/demo/expected.js';
import { dengageForm, MAINBRAINER } from '../../src/demo/forms.js';

const row = (external_id: string, over: Partial<CrmRow> = {}): CrmRow => ({
  external_id, email: `P${external_id}@example.com`, phone: '697-555-0142', first_name: 'Ada', city: 'Renton', postal_code: null, state: null, country: 'US',
  locale: null, opt_in: true, ...over,
});
const none: ReadonlySet<string> = new Set();

const engaged = (key: string, over: object = {}): Record<string, unknown> => ({
  contact_key: key, email: `p${key}@example.com`, gsm: '+16975550142', name: 'Ada', surname: null, city: 'Renton', country: 'US', locale: null,
  email_permission: true, gsm_permission: false, contact_status: 'A', email_status: 'A', ...over,
});
const brained = (key: string, over: object = {}): Record<string, unknown> => ({
  contactId: 1, email: `p${key}@example.com`, mobileCountryCode: 1, mobileNumber: 6975550142, emailOptIn: true, mobileOptIn: null,
  properties: { firstname: 'Ada', city: 'Renton', country: 'US', locale: '' }, ...over,
});

test('what D·engage and MainBrainer should hold is told from the CRM alone', () => {
  const clean = { missing: [], unexpected: [], different: [] };
  expect(compareStates([row('1')], [engaged('1')], none, dengageForm(none))).toMatchObject(clean);
  expect(compareStates([row('1')], [brained('1')], none, MAINBRAINER)).toMatchObject(clean);
});

test.each([['gsm_permission', true], ['email_permission', false], ['email', 'P1@example.com'], ['contact_status', 'P'], ['locale', 'en']])('a different %s at D·engage is found', (column, value) => {
  expect(compareStates([row('1')], [engaged('1', { [column]: value })], none, dengageForm(none)).different).toEqual(['1']);
});

test('an opt-out made at D·engage is expected to stand', () => {
  expect(compareStates([row('1')], [engaged('1', { email_permission: false })], none, dengageForm(new Set(['1']))).different).toEqual([]);
  expect(compareStates([row('1')], [engaged('1')], none, dengageForm(new Set(['1']))).different).toEqual(['1']);
});

test.each([['emailOptIn', null], ['mobileOptIn', true], ['properties', { firstname: 'Ada' }]])('a different %s at MainBrainer is found', (name, value) => {
  expect(compareStates([row('1')], [brained('1', { [name]: value })], none, MAINBRAINER).different).toHaveLength(1);
});

test('a second contact with another address is a stranger at MainBrainer, and who has no address is not expected there', () => {
  expect(compareStates([row('1')], [brained('1'), brained('1', { email: 'other@example.com' })], none, MAINBRAINER).unexpected).toHaveLength(1);
  expect(compareStates([row('2', { email: 'p2.at.example.com', phone: null })], [], none, MAINBRAINER)).toMatchObject({ expected: 0, missing: [] });
});
