import { describe, expect, it } from 'vitest';
import type { HttpAnswer } from '../../../src/http/index.js';
import type { Paced } from '../../../src/destinations/index.js';
import { createTokens } from '../../../src/destinations/http/index.js';
import { logIn, refusalOf } from '../../../src/destinations/mainbrainer/login.js';
import { tokenOf } from '../../../src/destinations/mainbrainer/token.js';

const START = Date.parse('2026-01-15T12:00:00Z');
const login = { userName: 'ann@example.com', password: 'hush-password', privateToken: 'hush-token' };
const json = (status: number, body: unknown, headers: Record<string, string> = {}): HttpAnswer => ({ status, headers, body: JSON.stringify(body) });
const iso = (ms: number): string => new Date(ms).toISOString();
const granted = (life: number, at = START, more: object = {}): HttpAnswer =>
  json(200, { access_token: `t-${at}`, expires_in: 120, issued: iso(at), expires: iso(at + life), ...more });
const REFUSED = json(401, { message: 'Unauthorized hush-password' });
const never = new AbortController().signal;
const paced: Paced = (call) => call(never);

/** Tokens of which the test holds the clock and the platform. */
function world(post: (at: number) => HttpAnswer | Promise<HttpAnswer>) {
  const held = { now: START, logins: 0 };
  const answer = async (): Promise<HttpAnswer> => {
    held.logins += 1;
    return post(held.now);
  };
  const tokens = createTokens(() => logIn(login, 'mb.example', answer, () => held.now), () => held.now);
  return { held, tokens };
}

describe('how long a token lives', () => {
  const hour = 3_600_000;
  it.each<[string, HttpAnswer, number]>([
    ['by expires, not by expires_in', granted(2 * hour), 2 * hour],
    ['whatever our clock says', granted(hour, START + 7 * hour), hour],
    ['an old token given out again, by the Date of the answer', json(200, { access_token: 't', issued: iso(START - hour), expires: iso(START + hour) }, { date: new Date(START).toUTCString() }), hour],
    ['RFC 1123 dates', json(200, { access_token: 't', issued: new Date(START).toUTCString(), expires: new Date(START + hour).toUTCString() }), hour],
    ['unix seconds', json(200, { access_token: 't', issued: START / 1000, expires: START / 1000 + 3600 }), hour],
    ['times without a zone that do not go with Date', json(200, { access_token: 't', issued: '2026-01-15T05:00:00', expires: '2026-01-15T06:00:00' }, { date: new Date(START).toUTCString() }), hour],
    ['names in other case and an envelope', json(200, { data: { AccessToken: 't', Issued: iso(START), Expires: iso(START + hour) } }), hour],
    ['expires_in as seconds where nothing else is there', json(200, { access_token: 't', expires_in: 60 }), 60_000],
    ['a guess where nothing is', json(200, { access_token: 't' }), 300_000],
  ])('%s', (_name, answer, life) => {
    expect(tokenOf(answer, START)?.until).toBe(START + life);
  });

  it('it is renewed a minute ahead, or a fifth of a short life', () => {
    expect(tokenOf(granted(hour), START)?.renewAt).toBe(START + hour - 60_000);
    expect(tokenOf(granted(2000), START)?.renewAt).toBe(START + 1600);
  });
});

describe('authorise', () => {
  it('logs in once for all who ask at once, and again only ahead of the end', async () => {
    const { held, tokens } = world((at) => granted(100_000, at));
    expect(await Promise.all(Array.from({ length: 8 }, () => tokens.authorise(paced, never)))).toEqual(Array(8).fill(null));
    held.now += 79_000;
    await tokens.authorise(paced, never);
    expect(held.logins).toBe(1);
    held.now += 1000;
    await tokens.authorise(paced, never);
    expect(held.logins).toBe(2);
  });

  it('every log-in is paced', async () => {
    const { tokens } = world((at) => granted(1000, at));
    let places = 0;
    await tokens.authorise((call) => { places += 1; return call(never); }, never);
    expect(places).toBe(1);
  });

  it.each<[string, HttpAnswer | Error, object]>([
    ['wrong credentials', json(401, { message: 'wrong hush-password' }), { kind: 'unauthenticated', hint: expect.stringContaining('privateToken') as string }],
    ['wrong credentials as 400', json(400, { error: 'invalid_grant' }), { kind: 'unauthenticated' }],
    ['wrong credentials in a 200', json(200, { status: 'Error', message: 'Invalid credentials' }), { kind: 'unauthenticated' }],
    ['a wrong address', json(404, {}), { kind: 'misconfigured' }],
    ['too many', json(429, {}, { 'retry-after': '2' }), { kind: 'throttled', retryAfterMs: 2000 }],
    ['an outage', json(503, {}), { kind: 'unavailable' }],
    ['an answer without a token', json(200, {}), { kind: 'unavailable' }],
    ['a cut', Object.assign(new Error('x'), { code: 'ECONNRESET' }), { kind: 'unavailable' }],
  ])('%s is told, without secrets', async (_name, answer, expected) => {
    const { tokens } = world(() => (answer instanceof Error ? Promise.reject(answer) : answer));
    const outcome = await tokens.authorise(paced, never);
    expect(outcome).toMatchObject(expected);
    expect(JSON.stringify(outcome)).not.toMatch(/hush|ann@/);
  });

  it('a renewal that fails holds nobody up while the old token lives', async () => {
    const { held, tokens } = world((at) => (at === START ? granted(100_000, at) : json(503, {})));
    await tokens.authorise(paced, never);
    held.now += 90_000;
    expect(await tokens.authorise(paced, never)).toBeNull();
    held.now += 10_000;
    expect(await tokens.authorise(paced, never)).toMatchObject({ kind: 'unavailable' });
  });

  it('who gives up does not fail the others', async () => {
    const { held, tokens } = world((at) => granted(100_000, at));
    const giving = new AbortController();
    const stuck: Paced = () => new Promise((_resolve, reject) => giving.signal.addEventListener('abort', () => reject(new Error('given up'))));
    const first = tokens.authorise(stuck, giving.signal);
    const second = tokens.authorise(paced, never);
    giving.abort();
    expect(await first).toMatchObject({ kind: 'unavailable' });
    expect(await second).toBeNull();
    expect(held.logins).toBe(1);
  });
});

describe('a refused token', () => {
  async function next(tokens: ReturnType<typeof createTokens>) {
    await tokens.authorise(paced, never);
    const token = tokens.current();
    if (token === null) throw new Error('no token');
    return token;
  }

  it('is expired once, also for all calls that left with it; a second fresh one in a row is not authenticated', async () => {
    const { tokens } = world((at) => granted(100_000, at));
    const one = await next(tokens);
    for (let n = 0; n < 4; n++) expect(tokens.refused(one)).toBe(true);
    expect(tokens.current()).toBeNull();
    const two = await next(tokens);
    expect(tokens.refused(two)).toBe(false);
    expect(refusalOf(REFUSED, two, login)).toBe('Unauthorized [value]');
  });

  it('is forgotten when a call is taken in between', async () => {
    const { tokens } = world((at) => granted(100_000, at));
    for (let n = 0; n < 5; n++) {
      const token = await next(tokens);
      tokens.accepted(token);
      expect(tokens.refused(token)).toBe(true);
    }
  });

  it('that came to its end on the way is expired, however often', async () => {
    const { held, tokens } = world((at) => granted(2000, at));
    for (let n = 0; n < 5; n++) {
      const token = await next(tokens);
      held.now += 2000;
      expect(tokens.refused(token)).toBe(true);
    }
  });
});
