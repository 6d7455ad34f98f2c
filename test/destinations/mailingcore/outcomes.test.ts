import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { outcomeOfError } from '../../../src/destinations/http/index.js';
import { outcomeOfAnswer } from '../../../src/destinations/mailingcore/outcomes.js';
import { row, rowsOf } from '../rows.js';

const NOW = Date.parse('2026-01-15T12:00:00Z');
const answer = (status: number, body: unknown, headers: Record<string, string> = {}) => ({ status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
const outcome = (status: number, body: unknown, headers: Record<string, string> = {}, rows = rowsOf(4)) => outcomeOfAnswer(answer(status, body, headers), rows, NOW);

describe('a 200', () => {
  it.each<[string, unknown]>([
    ['index and e-mail', [{ index: 2, email: 'p2@example.com', message: 'invalid email' }]],
    ['an e-mail in other case', [{ email: 'P2@Example.com', error: 'invalid email' }]],
    ['externalId', [{ externalId: 'crm-2', reason: 'invalid email' }]],
    ['the contact itself', [{ contact: { externalId: 'crm-2' }, errors: [{ message: 'invalid email' }] }]],
    ['a key and a list of errors', [{ key: 'crm-2', errors: ['invalid email'] }]],
    ['texts', ['p2@example.com: invalid email']],
    ['an object keyed by e-mail', { 'p2@example.com': 'invalid email' }],
    ['an object keyed by key', { 'crm-2': { message: 'invalid email' } }],
    ['a count and rows inside', { count: 1, rows: [{ email: 'p2@example.com', message: 'invalid email' }] }],
    ['the same row twice', [{ email: 'p2@example.com', message: 'invalid email' }, { externalId: 'crm-2', message: 'and more' }]],
  ])('reads failed as %s', (_name, failed) => {
    const read = outcome(200, { created: 1, updated: 2, failed });
    expect(read).toMatchObject({ kind: 'answered', failed: [{ ord: 2, code: 'invalid_email' }] });
    expect(JSON.stringify(read)).not.toContain('p2@');
  });

  it.each<[string, unknown]>([
    ['under data', { data: { created: 3, updated: 0, failed: 1 }, errors: [{ externalId: 'crm-2', message: 'x' }] }],
    ['under summary, the rows beside it', { summary: { created: 3, updated: 0, failed: 1 }, errors: [{ externalId: 'crm-2', message: 'x' }] }],
    ['under result', { result: { created: [1, 2], updated: [3], failed: [{ externalId: 'crm-2' }] } }],
    ['a count with the rows as errors', { created: 3, failed: 1, errors: [{ externalId: 'crm-2' }] }],
  ])('reads the summary %s', (_name, body) => {
    expect(outcome(200, body)).toMatchObject({ kind: 'answered', failed: [{ ord: 2 }] });
  });

  it('an index alone is believed only where it is sure from what it counts', () => {
    const failedAt = (...indexes: number[]) => outcome(200, { created: 4 - indexes.length, failed: indexes.map((index) => ({ index, message: 'x' })) });
    expect(failedAt(0, 2)).toMatchObject({ kind: 'answered', failed: [{ ord: 0 }, { ord: 2 }] });
    expect(failedAt(1, 4)).toMatchObject({ kind: 'answered', failed: [{ ord: 0 }, { ord: 3 }] });
    expect(failedAt(2)).toMatchObject({ kind: 'unclear', accepted: 3 });
    expect(failedAt(0, 4)).toMatchObject({ kind: 'unclear' });
  });

  it.each<[string, unknown]>([
    ['a bare count', { created: 3, updated: 0, failed: 1 }],
    ['a sum that is too small', { created: 1, updated: 1, failed: [] }],
    ['a sum that is too large', { created: 4, updated: 1, failed: [] }],
    ['a row that was not sent', { created: 3, failed: [{ email: 'stranger@example.com', index: 0 }] }],
    ['key and e-mail of two rows', { created: 3, failed: [{ externalId: 'crm-1', email: 'p2@example.com' }] }],
    ['a count that differs from its rows', { created: 3, failed: 2, errors: [{ externalId: 'crm-1' }] }],
    ['errors though nothing failed', { created: 4, failed: [], errors: ['something'] }],
    ['failed as a text', { created: 3, failed: 'one' }],
    ['created as a text', { created: '4', failed: 0 }],
  ])('%s is unclear', (_name, body) => {
    expect(outcome(200, body).kind).toBe('unclear');
  });

  it('two rows with one e-mail are told apart by index only where that is sure', () => {
    const twins = [row(0), row(1, { fields: '{"email":"p0@example.com"}' }), row(2)];
    expect(outcome(200, { created: 2, failed: [{ email: 'p0@example.com' }] }, {}, twins).kind).toBe('unclear');
    expect(outcome(200, { created: 2, failed: [{ email: 'p0@example.com', index: 0 }] }, {}, twins)).toMatchObject({ failed: [{ ord: 0 }] });
    expect(outcome(200, { created: 2, failed: [{ email: 'p0@example.com', index: 1 }] }, {}, twins).kind).toBe('unclear');
  });

  it.each(['', '{"created": 3, "upd', '[]', 'null', '{}', '"ok"', '<html>'])('a body that says nothing is unknown: %j', (body) => {
    expect(outcome(200, body)).toMatchObject({ kind: 'unknown', httpStatus: 200 });
  });

  it('whatever the body, it never throws, and answered means that the sum fits', () => {
    const entry = fc.oneof(fc.integer({ min: -1, max: 5 }), fc.constantFrom('crm-0', 'p1@example.com', '', 'x'), fc.record({ index: fc.integer({ min: -1, max: 5 }), email: fc.constantFrom('p0@example.com', 'p3@example.com', 'q@x.y'), externalId: fc.constantFrom('crm-1', 'crm-3', 'zzz') }, { requiredKeys: [] }), fc.jsonValue());
    const count = fc.oneof(fc.integer({ min: -1, max: 6 }), fc.array(fc.integer(), { maxLength: 5 }), fc.jsonValue());
    const failed = fc.oneof(fc.array(entry, { maxLength: 5 }), fc.dictionary(fc.constantFrom('0', '4', 'crm-1', 'p2@example.com', 'x'), entry), count);
    const summary = fc.record({ created: count, updated: count, failed, errors: failed }, { requiredKeys: [] });
    const bodies = fc.oneof(summary, fc.record({ data: summary }), fc.record({ summary, errors: failed }), fc.jsonValue()).map((body) => JSON.stringify(body) ?? '');
    fc.assert(
      fc.property(fc.oneof({ weight: 8, arbitrary: bodies }, fc.string()), fc.constantFrom(200, 201, 202, 207), (body, status) => {
        const read = outcomeOfAnswer({ status, headers: {}, body }, rowsOf(4), NOW);
        if (read.kind === 'unclear') expect(read.accepted).toBeGreaterThanOrEqual(0);
        if (read.kind !== 'answered') return;
        expect(new Set(read.failed.map((one) => one.ord)).size).toBe(read.failed.length);
        const parsed = JSON.parse(body) as Record<string, never>;
        const inner = [parsed, parsed['data'], parsed['summary']].find((one) => one !== null && typeof one === 'object' && ['created', 'updated', 'failed'].some((name) => one[name] !== undefined)) ?? {};
        const size = (value: unknown): number => (Array.isArray(value) ? value.length : typeof value === 'number' ? value : 0);
        expect(size(inner['created']) + size(inner['updated']) + read.failed.length).toBe(4);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('other answers', () => {
  it.each([
    [400, 'refused'], [409, 'refused'], [413, 'refused'], [422, 'refused'],
    [401, 'unauthenticated'], [403, 'misconfigured'], [404, 'misconfigured'], [405, 'misconfigured'], [301, 'misconfigured'],
    [500, 'unavailable'], [502, 'unavailable'], [503, 'unavailable'], [425, 'unavailable'],
    [504, 'unknown'], [408, 'unknown'], [524, 'unknown'], [429, 'throttled'],
  ])('%d is %s', (status, kind) => {
    expect(outcome(status, { statusCode: status, message: 'words' })).toMatchObject({ kind, httpStatus: status });
    expect(outcome(status, '').kind).toBe(kind);
    expect(outcome(status, '<html>').kind).toBe(kind);
  });

  it('a missing scope is told in the platform’s words, with the way out', () => {
    expect(outcome(403, { statusCode: 403, message: 'Missing contacts:write scope' })).toMatchObject({
      message: 'Missing contacts:write scope',
      hint: expect.stringContaining('contacts:write') as string,
    });
  });

  it('RFC 7807 problems are read too', () => {
    expect(outcome(400, { type: 'about:blank', title: 'Bad Request', detail: 'empty array', status: 400 })).toMatchObject({ message: 'empty array' });
  });

  it('what was sent is not repeated', () => {
    const { message } = outcome(400, { message: ['Canary2 with p1@example.com is wrong'] }) as { message: string };
    expect(message).toBe('[value] with [value] is wrong');
  });

  it.each<[string, Record<string, string>, number | null]>([
    ['seconds', { 'retry-after': '7' }, 7000],
    ['a date, by the platform’s own clock', { 'retry-after': 'Thu, 15 Jan 2026 12:10:10 GMT', date: 'Thu, 15 Jan 2026 12:10:00 GMT' }, 10_000],
    ['X-RateLimit-Reset', { 'x-ratelimit-reset': String(NOW / 1000 + 20) }, 20_000],
    ['X-RateLimit-Reset by the platform’s clock', { 'x-ratelimit-reset': String(NOW / 1000 + 20), date: new Date(NOW + 15_000).toUTCString() }, 5000],
    ['Retry-After before X-RateLimit-Reset', { 'retry-after': '3', 'x-ratelimit-reset': String(NOW / 1000 + 20) }, 3000],
    ['a time that has passed', { 'x-ratelimit-reset': String(NOW / 1000 - 20) }, 0],
    ['nonsense', { 'retry-after': 'soon', 'x-ratelimit-reset': 'later' }, null],
    ['a wait of years', { 'retry-after': '99999999' }, null],
    ['nothing', {}, null],
  ])('a 429 tells how long: %s', (_name, headers, retryAfterMs) => {
    expect(outcome(429, { message: 'Too many requests' }, headers)).toMatchObject({ kind: 'throttled', retryAfterMs });
  });

  it('a 429 with a quota pauses, until a time only where one is told', () => {
    const quota = { limit: 1000, used: 1000, percentage: 100 };
    expect(outcome(429, { message: 'quota', quota }, { 'x-ratelimit-reset': '1' })).toMatchObject({ kind: 'quota', until: null });
    expect(outcome(429, { message: 'quota', quota }, { 'retry-after': '3600' })).toMatchObject({ kind: 'quota', until: '2026-01-15T13:00:00.000Z' });
    expect(outcome(429, { quota: { ...quota, resetsAt: '2026-02-01' } })).toMatchObject({ until: '2026-02-01T00:00:00.000Z' });
  });

  it('whatever comes, it never throws', () => {
    const headers = fc.dictionary(fc.constantFrom('retry-after', 'x-ratelimit-reset', 'date'), fc.oneof(fc.string(), fc.double().map(String)));
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), headers, fc.oneof(fc.string(), fc.json(), fc.record({ quota: fc.jsonValue(), message: fc.jsonValue() }).map((one) => JSON.stringify(one))), (status, told, body) => {
        const read = outcomeOfAnswer({ status, headers: told, body }, rowsOf(2), NOW);
        expect(read.httpStatus).toBe(status);
        if (read.kind === 'throttled' && read.retryAfterMs !== null) expect(read.retryAfterMs).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe('calls without an answer', () => {
  const coded = (code: string, more: object = {}) => Object.assign(new Error('to ann@example.com'), { code, ...more });
  it.each(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'CERT_HAS_EXPIRED', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'ERR_TLS_CERT_ALTNAME_INVALID'])('%s never left: unavailable', (code) => {
    expect(outcomeOfError(coded(code), 'MailingCore', 'api.mailingcore.com').kind).toBe('unavailable');
    expect(outcomeOfError(coded('ERR_NETWORK', { cause: coded(code) }), 'MailingCore', 'api.mailingcore.com').kind).toBe('unavailable');
  });
  it.each(['ECONNRESET', 'EPIPE', 'ERR_CANCELED', 'ECONNABORTED', 'ERR_BAD_RESPONSE', 'HPE_INVALID_CONSTANT', 'ETIMEDOUT', 'EPROTO'])('%s may have been processed: unknown', (code) => {
    expect(outcomeOfError(coded(code), 'MailingCore', 'api.mailingcore.com').kind).toBe('unknown');
  });
  it('a time-out of every connection attempt never left', () => {
    expect(outcomeOfError(coded('ETIMEDOUT', { syscall: 'connect' }), 'MailingCore', 'api.mailingcore.com').kind).toBe('unavailable');
    expect(outcomeOfError(coded('ETIMEDOUT', { errors: [{ syscall: 'connect' }, { syscall: 'connect' }] }), 'MailingCore', 'api.mailingcore.com').kind).toBe('unavailable');
  });
  it('what was called is named', () => {
    expect(outcomeOfError(coded('ECONNREFUSED'), 'MailingCore', '127.0.0.1:9')).toMatchObject({ message: 'MailingCore at 127.0.0.1:9 was not reached: nobody listens there' });
  });
  it('anything thrown is unknown, and its text is not repeated', () => {
    fc.assert(fc.property(fc.anything(), (thrown) => {
      expect(['unknown', 'unavailable']).toContain(outcomeOfError(thrown, 'MailingCore', 'api.mailingcore.com').kind);
    }));
    expect(JSON.stringify(outcomeOfError(coded('EWHATEVER'), 'MailingCore', 'api.mailingcore.com'))).not.toContain('ann');
  });
});
