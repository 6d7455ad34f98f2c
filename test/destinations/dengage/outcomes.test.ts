import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACTION } from '../../../src/destinations/index.js';
import type { OutgoingBatch } from '../../../src/destinations/index.js';
import { outcomeOfAnswer } from '../../../src/destinations/dengage/outcomes.js';
import { batch } from './batches.js';

const NOW = Date.parse('2026-01-15T12:00:00Z');
const outcome = (status: number, body: unknown, sent: OutgoingBatch = batch(4), insertIfNotExists = true, headers: Record<string, string> = {}) =>
  outcomeOfAnswer({ status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) }, sent, { insertIfNotExists }, NOW);
const success = (data: object) => ({ code: 0, message: 'SUCCESS', data });
const THREE = ['crm-0', 'crm-1', 'crm-3'];
const quiet = batch(4, { consent: false });

describe('a 200', () => {
  it.each<[string, unknown]>([
    ['an object', [{ contact_key: 'crm-2', error: 'email is not valid' }]],
    ['camel case', [{ contactKey: 'crm-2', errorMessage: 'Email is not valid' }]],
    ['capitals', [{ CONTACT_KEY: 'crm-2', Message: 'email is not valid' }]],
    ['a key and reasons', [{ key: 'crm-2', errors: ['email is not valid', { message: 'and more' }] }]],
    ['the record itself', [{ record: { contact_key: 'crm-2', email: 'p2@example.com' }, description: 'email p2@example.com is not valid' }]],
    ['one reason for several keys', [{ contactKeys: ['crm-2'], reason: 'email is not valid' }]],
    ['a text led by the key', ['crm-2: email is not valid']],
    ['a text with the key in quotes', ['"crm-2" - email is not valid']],
    ['a text that says contact_key', ['email is not valid (contact_key = crm-2)']],
    ['an object keyed by contact_key', { 'crm-2': 'email is not valid' }],
    ['an object keyed by contact_key, with lists', { 'crm-2': [{ error: 'email is not valid' }] }],
    ['a list inside', { count: 1, items: [{ contact_key: 'crm-2', error: 'email is not valid' }] }],
    ['a position, sure because the others were taken', [{ index: 2, message: 'email is not valid' }]],
    ['a position from 1', [{ row: 3, message: 'email is not valid' }]],
    ['the same record twice', [{ contact_key: 'crm-2', error: 'email is not valid' }, { index: 2, error: 'again' }]],
  ])('reads errors as %s', (_name, errors) => {
    const read = outcome(200, success({ inserted: THREE, updated: [], errors, warnings: [] }));
    expect(read).toMatchObject({ kind: 'answered', failed: [{ ord: 2, code: 'invalid_email' }] });
    expect(JSON.stringify(read)).not.toMatch(/p2@|Canary/);
  });

  it.each<[string, object]>([
    ['keys', { inserted: ['crm-0', 'crm-1'], updated: ['crm-2', 'crm-3'], errors: [] }],
    ['objects', { inserted: [{ contact_key: 'crm-0' }, { contactKey: 'crm-1' }], updated: [{ key: 'crm-2' }, { contact_key: 'crm-3' }] }],
    ['counts', { inserted: 2, updated: 2, errors: [], warnings: 0 }],
    ['other case', { Inserted: ['crm-0'], Updated: ['crm-1', 'crm-2', 'crm-3'], Errors: null }],
  ])('reads inserted and updated as %s', (_name, data) => {
    expect(outcome(200, success(data))).toEqual({ kind: 'answered', failed: [], httpStatus: 200 });
  });

  it.each<[string, object]>([
    ['a bare count of errors', { inserted: THREE, updated: [], errors: 1 }],
    ['an error of nobody', { inserted: THREE, updated: [], errors: [{ message: 'email is not valid' }] }],
    ['an error of somebody else', { inserted: THREE, updated: [], errors: [{ contact_key: 'stranger', error: 'x' }] }],
    ['counts that do not fit', { inserted: 1, updated: 1, errors: [] }],
    ['too many', { inserted: 3, updated: 3, errors: [] }],
    ['a record that nobody names, in a call that inserts', { inserted: THREE, updated: [], errors: [] }],
    ['a position that may count from 0 or 1', { inserted: 2, updated: 1, errors: [{ index: 2, message: 'x' }] }],
    ['inserted of no form', { inserted: 'many', updated: [] }],
  ])('%s is unclear: nobody is rejected on it', (_name, data) => {
    expect(outcome(200, success(data))).toMatchObject({ kind: 'unclear', httpStatus: 200 });
  });

  it('warnings stay with their record, without what it holds; one of nobody changes nothing', () => {
    const warnings = [{ contact_key: 'crm-1', message: 'gsm +16975550101 is not reachable for Canary1' }, 'something in general'];
    expect(outcome(200, success({ inserted: 4, updated: 0, warnings }))).toEqual({
      kind: 'answered', failed: [], warnings: [{ ord: 1, reason: 'gsm [value] is not reachable for [value]' }], httpStatus: 200,
    });
  });

  it.each<[string, unknown]>([
    ['named in errors', { inserted: [], updated: THREE, errors: [{ contact_key: 'crm-2', error: 'contact_key does not exist in master_contact' }] }],
    ['not found', { inserted: [], updated: THREE, errors: ['crm-2: Contact not found'] }],
    ['in no list', { inserted: [], updated: THREE, errors: [] }],
  ])('who is not there, %s, is sent again as new, or rejected where nobody may be made', (_name, data) => {
    expect(outcome(200, success(data as object), quiet)).toEqual({ kind: 'answered', failed: [], absent: [2], httpStatus: 200 });
    expect(outcome(200, success(data as object), quiet, false)).toEqual({
      kind: 'answered', failed: [{ ord: 2, code: 'not_in_master_contact', reason: 'not in master_contact (insertIfNotExists is false)' }], httpStatus: 200,
    });
  });

  it('a consent change that may not insert rejects who is not there too', () => {
    expect(outcome(200, success({ inserted: [], updated: THREE }), batch(4), false)).toMatchObject({ failed: [{ ord: 2, code: 'not_in_master_contact' }] });
  });

  it('none taken and none failed means that nobody is there', () => {
    expect(outcome(200, success({ inserted: 0, updated: 0 }), batch(1, { consent: false }))).toMatchObject({ absent: [0] });
  });

  it('a rename of who is not there is sent again as an ordinary row, whatever may be made; either key names the record', () => {
    const renames = batch(2, { consent: false, renames: true }, (n) => ({ previousKey: `old-${n}` }));
    for (const insert of [true, false]) {
      expect(outcome(200, success({ inserted: [], updated: ['old-0'], errors: [{ contact_key: 'old-1', error: 'not found' }] }), renames, insert)).toMatchObject({ failed: [], absent: [1] });
      expect(outcome(200, success({ inserted: [], updated: ['crm-0', 'old-1'] }), renames, insert)).toMatchObject({ failed: [] });
    }
    const taken = { inserted: [], updated: ['old-0'], errors: [{ contact_key: 'old-1', error: 'new_contact_key already exists' }] };
    expect(outcome(200, success(taken), renames)).toMatchObject({ failed: [{ ord: 1, code: 'key_taken' }] });
  });

  it('who is not there needs no erasing', () => {
    const erasing = batch(4, {}, () => ({ action: ACTION.erase }));
    expect(outcome(200, success({ inserted: [], updated: THREE, errors: ['crm-2: not found'] }), erasing)).toEqual({ kind: 'answered', failed: [], httpStatus: 200 });
  });

  it('a value that does not exist is the record\'s fault, not its absence', () => {
    const errors = [{ contact_key: 'crm-2', error: 'value of column city does not exist' }];
    expect(outcome(200, success({ inserted: [], updated: THREE, errors }), quiet)).toMatchObject({ failed: [{ ord: 2, code: 'refused' }] });
  });

  it('another code refuses the call; without a summary nothing is known', () => {
    expect(outcome(200, { code: 12, message: 'email is not valid', data: null })).toMatchObject({ kind: 'refused', message: 'email is not valid' });
    expect(outcome(200, { code: 12, message: 'Column x is not import-enabled' })).toMatchObject({ kind: 'misconfigured' });
    expect(outcome(200, { code: 9, message: 'too many concurrent requests' })).toMatchObject({ kind: 'throttled' });
    for (const body of [{ code: 0 }, 'ok', '<html>', '']) expect(outcome(200, body)).toMatchObject({ kind: 'unknown' });
  });
});

describe('other answers', () => {
  it.each<[number, unknown, object]>([
    [401, { message: 'Not-authenticated. Please re-login.' }, { kind: 'expired' }],
    [403, { message: 'Access token has expired' }, { kind: 'expired' }],
    [403, '', { kind: 'expired' }],
    [403, { message: 'Your IP address is not allowed' }, { kind: 'misconfigured', message: expect.stringContaining('D·engage does not allow this address') as string, hint: expect.stringContaining('allow-list') as string }],
    [403, { message: 'Your API user does not have the DataSpace.Manage role permission' }, { kind: 'misconfigured', hint: expect.stringContaining('DataSpace.Manage') as string }],
    [429, { message: 'too many concurrent requests' }, { kind: 'throttled', retryAfterMs: null }],
    [500, { message: 'too many concurrent requests' }, { kind: 'throttled' }],
    [500, { message: 'oops' }, { kind: 'unavailable' }],
    [503, '<html>', { kind: 'unavailable', message: 'D·engage answered 503: an HTML page' }],
    [504, '', { kind: 'unknown' }],
    [408, '', { kind: 'unknown' }],
    [404, '', { kind: 'misconfigured' }],
    [302, '', { kind: 'misconfigured' }],
    [400, { message: 'Column town does not exist or is not import-enabled' }, { kind: 'misconfigured', hint: expect.stringContaining('columns') as string }],
    [400, { message: 'Unknown column: town' }, { kind: 'misconfigured' }],
    [400, { message: 'Invalid record: email is not valid' }, { kind: 'refused' }],
    [422, { message: 'Invalid value for column birth_date' }, { kind: 'refused' }],
    [400, { message: 'Invalid column value' }, { kind: 'refused' }],
  ])('%s %j', (status, body, expected) => {
    expect(outcome(status, body)).toMatchObject({ ...expected, httpStatus: status });
  });

  it('Retry-After is obeyed, and what was sent is not repeated', () => {
    expect(outcome(429, '', batch(1), true, { 'retry-after': '60' })).toMatchObject({ retryAfterMs: 60_000 });
    expect(JSON.stringify(outcome(400, { message: 'Canary1 at p1@example.com or +16975550101' }))).not.toMatch(/Canary|p1@|0101/);
  });
});

it('whatever is answered: every row is settled at most once, and none counts as taken that a list leaves out', () => {
  const key = fc.constantFrom('crm-0', 'crm-1', 'crm-2', 'crm-3', 'stranger');
  const list = fc.oneof(fc.array(key), fc.nat(5), fc.constant(null), fc.array(fc.record({ contact_key: key })));
  const errors = fc.oneof(fc.array(fc.record({ contact_key: key, error: fc.constantFrom('email', 'not found', '') })), fc.array(fc.record({ index: fc.nat(5), message: fc.string() })), fc.array(fc.string()), fc.nat(5), fc.jsonValue());
  fc.assert(fc.property(fc.record({ inserted: list, updated: list, errors, warnings: errors }, { requiredKeys: [] }), fc.boolean(), fc.boolean(), (data, consent, insert) => {
    const read = outcome(200, success(data), batch(4, { consent }), insert);
    if (read.kind !== 'answered') return;
    const settled = [...read.failed.map((one) => one.ord), ...(read.absent ?? [])];
    expect(new Set(settled).size).toBe(settled.length);
    const { inserted, updated } = data;
    if (!Array.isArray(inserted) || !Array.isArray(updated)) return;
    const named = new Set([...inserted, ...updated].map((one) => (typeof one === 'string' ? one : one.contact_key)));
    if (named.has('stranger')) return;
    for (let ord = 0; ord < 4; ord++) if (!settled.includes(ord)) expect(named).toContain(`crm-${ord}`);
  }), { numRuns: 500 });
});
