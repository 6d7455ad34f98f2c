import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blameOf } from '../../../src/destinations/mainbrainer/blame.js';
import { outcomeOfBatch } from '../../../src/destinations/mainbrainer/outcomes.js';
import { row, rowsOf } from './rows.js';

const NOW = Date.parse('2026-01-15T12:00:00Z');
const LIST = '3fa85f64-5717-4562-b3fc-2c963f66afa6';
const BATCH = 'ce2c2e48-47e4-4aa0-b4e7-c9deebe29852';
const CONFIGURED = { listId: LIST, webhookUrl: 'https://sync.example/hook', properties: ['city', LIST] };
const answer = (status: number, body: unknown, headers: Record<string, string> = {}) => ({ status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
const outcome = (status: number, body: unknown, headers: Record<string, string> = {}, rows = rowsOf(4)) => outcomeOfBatch(answer(status, body, headers), rows, CONFIGURED, NOW);
const error = (message: string) => ({ status: 'Error', message, data: null });

describe('a 202', () => {
  it.each<[string, unknown]>([
    ['as on its page', { status: 'Success', data: { BatchId: BATCH, Processed: null, InvalidProperties: [], InvalidContactIds: [] } }],
    ['as on the other pages', { data: { batchId: BATCH, invalidPropertiesList: null, invalidContactIdList: [] } }],
    ['without the envelope', { batchid: BATCH }],
    ['with the id alone', { data: BATCH }],
  ])('is accepted, never delivered: %s', (_name, body) => {
    expect(outcome(202, body)).toEqual({ kind: 'accepted', reference: BATCH, httpStatus: 202 });
  });

  it.each<[string, unknown]>([['an empty body', ''], ['no id', { status: 'Success', data: { BatchId: null } }], ['a page', '<html>'], ['a list', []]])('with %s is unknown', (_name, body) => {
    expect(outcome(202, body)).toMatchObject({ kind: 'unknown' });
  });

  it('unknown properties become one note of names, without values', () => {
    const names = outcome(202, { data: { BatchId: BATCH, InvalidProperties: ['town', 'age', 'town'] } });
    expect(names).toMatchObject({ notes: ['properties MainBrainer does not know: age, town'] });
    const objects = outcome(202, { data: { batchId: BATCH, invalidPropertiesList: [{ propertyName: 'town', propertyValue: 'Oslo' }, { propertyId: LIST }] } });
    expect(objects).toMatchObject({ notes: [`properties MainBrainer does not know: ${LIST}, town`] });
    expect(JSON.stringify(objects)).not.toContain('Oslo');
  });

  it.each<[string, unknown]>([
    ['numbers', { InvalidContactIds: [12, 99] }],
    ['texts', { invalidContactIdList: ['12'] }],
    ['objects', { InvalidContactIds: [{ contactId: 12 }] }],
  ])('an id it does not know is that row\'s: %s', (_name, data) => {
    const rows = [row(0, { platformId: '11' }), row(1, { platformId: '12' }), row(2)];
    expect(outcome(202, { data: { BatchId: BATCH, ...(data as object) } }, {}, rows)).toMatchObject({ unknownIds: [1] });
  });
});

describe('a refusal', () => {
  it.each([
    'email is not valid', 'p2@example.com: email is not valid', 'createUpdateContacts[2]: mobileNumber is invalid', 'Contact is on the suppression list',
    'email is on the mailing list: invalid', 'The contact list is invalid', 'Contacts list contains an invalid e-mail', 'invalid e-mail in the list of contacts',
    'Invalid property value for city', 'property city is invalid', 'list of errors: email is invalid', 'The list contains an invalid mobile number',
    'batch size should not exceed 100', 'listen to the user: opt-in missing', 'One or more contacts have an error',
  ])('is the rows\' where it can be: %s', (message) => {
    for (const status of [400, 422]) {
      const read = outcome(status, error(message));
      expect(read).toMatchObject({ kind: 'refused', httpStatus: status });
      expect(JSON.stringify(read)).not.toContain('p2@');
    }
  });

  it.each([
    ['List with the specified listId does not exist', 'listId'], ['Invalid ListID', 'listId'], ['list id not found', 'listId'], ['Unknown list.', 'listId'],
    ['The list does not exist', 'listId'], ["The list couldn't be found", 'listId'], ['List not found', 'listId'], [`Could not find ${LIST}`, 'listId'],
    ['webhookUrl must be https', 'webhookUrl'], ['Invalid web hook', 'webhookUrl'],
    ["Property 'city' does not exist", 'properties'], ['unknown property city', 'properties'], ['Property not found: city', 'properties'], ["propertyname \"city\" doesn't exist", 'properties'],
  ])('is the configuration\'s where no row can be at fault: %s', (message, key) => {
    expect(outcome(422, error(message))).toMatchObject({ kind: 'misconfigured', message: expect.any(String) as string, hint: expect.stringContaining(`check ${key}`) as string });
  });

  it('blames nothing that is not configured', () => {
    for (const words of ['Unknown list', 'webhookUrl is wrong', 'unknown property city']) expect(blameOf(words, { properties: [] })).toBeNull();
  });

  it('is read in the form of the framework, field by field', () => {
    const body = { title: 'One or more validation errors occurred.', errors: { listId: ['could not be converted'] } };
    expect(outcome(400, body)).toMatchObject({ kind: 'misconfigured', message: expect.stringContaining('listId: could not be converted') as string });
  });
});

describe('other answers', () => {
  it.each<[number, unknown, Record<string, string>, object]>([
    [429, error('Too many requests'), { 'retry-after': '3' }, { kind: 'throttled', retryAfterMs: 3000 }],
    [429, '', {}, { kind: 'throttled', retryAfterMs: null }],
    [429, error('The daily number of requests is used up'), {}, { kind: 'quota', until: null }],
    [403, error('not allowed'), {}, { kind: 'misconfigured' }],
    [404, '<html>', {}, { kind: 'misconfigured', hint: expect.stringContaining('baseUrl') as string }],
    [301, '', {}, { kind: 'misconfigured' }],
    [413, '', {}, { kind: 'refused' }],
    [409, error('conflict'), {}, { kind: 'refused' }],
    [500, '', {}, { kind: 'unavailable' }],
    [503, '', {}, { kind: 'unavailable' }],
    [504, '', {}, { kind: 'unknown' }],
    [418, '', {}, { kind: 'unknown' }],
  ])('%i %j', (status, body, headers, expected) => {
    expect(outcome(status, body, headers)).toMatchObject({ ...expected, httpStatus: status });
  });

  it('no words name anybody, and nothing throws', () => {
    const rows = [row(0, { fields: '{"email":"zaph@example.com","mobileCountryCode":47,"mobileNumber":90812501,"propertyfields":[{"propertyname":"firstname","propertyvalue":"Zaphirina"}]}' })];
    fc.assert(fc.property(fc.integer({ min: 200, max: 599 }), fc.constantFrom('message', 'errors', 'title', 'x'), fc.jsonValue(), (status, name, more) => {
      const words = `Zaphirina zaph@example.com 47 90812501 90812501 ${JSON.stringify(more)}`;
      const text = JSON.stringify(outcome(status, { [name]: [words], data: more }, {}, rows));
      for (const personal of ['Zaphirina', 'zaph@', '90812501']) expect(text).not.toContain(personal);
    }));
  });
});
