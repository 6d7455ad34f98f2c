import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAccount } from '../../../src/destinations/dengage/account.js';
import type { Account } from '../../../src/destinations/dengage/account.js';
import { tokenOf } from '../../../src/destinations/dengage/login.js';
import type { Paced } from '../../../src/destinations/index.js';
import { startSandbox } from '../../../src/sandbox/index.js';
import type { Sandbox } from '../../../src/sandbox/index.js';

let sandbox: Sandbox;
let account: Account;
let now = 0;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());
beforeEach(() => {
  sandbox.dengage.reset();
  account?.close();
  now = Date.now();
  account = createAccount({ baseUrl: sandbox.dengage.baseUrl, userkey: 'hush-user', password: 'hush-word', timeout: 2000 }, () => now);
});

const signal = new AbortController().signal;
const paced: Paced = (call) => call(signal);
const read = () => account.call('GET', '/rest/contacts/none', null, signal);
const logins = () => sandbox.dengage.stats().log.filter((call) => call.route === '/rest/login').length;

describe('the token', () => {
  it('is had once for all who ask at the same time, and kept', async () => {
    expect(await Promise.all([1, 2, 3].map(() => account.authorise(paced, signal)))).toEqual([null, null, null]);
    expect(await account.authorise(paced, signal)).toBeNull();
    expect(logins()).toBe(1);
    expect(await read()).toMatchObject({ status: 200 });
  });

  it('is renewed ahead of its end: a minute, or a fifth of a short life', async () => {
    await account.authorise(paced, signal);
    now += 3_600_000 - 61_000;
    await account.authorise(paced, signal);
    expect(logins()).toBe(1);
    now += 2000;
    sandbox.dengage.setFaults({ tokenLife: '10s' });
    await account.authorise(paced, signal);
    expect(logins()).toBe(2);
    now += 7000;
    await account.authorise(paced, signal);
    expect(logins()).toBe(2);
    now += 1500;
    await account.authorise(paced, signal);
    expect(logins()).toBe(3);
  });

  it('that is missing or over costs no call', async () => {
    expect(await read()).toMatchObject({ kind: 'expired' });
    expect(sandbox.dengage.stats().calls).toBe(0);
  });

  it.each([401, 403] as const)('refused with a %s is renewed once; a second in a row needs a person', async (tokenStatus) => {
    sandbox.dengage.setFaults({ tokenStatus, tokenRefused: { first: 1 } });
    await account.authorise(paced, signal);
    expect(await read()).toMatchObject({ kind: 'expired', httpStatus: tokenStatus });
    await account.authorise(paced, signal);
    expect(await read()).toMatchObject({ status: 200 });
    sandbox.dengage.setFaults({ tokenStatus, tokenRefused: true });
    expect(await read()).toMatchObject({ kind: 'expired' });
    await account.authorise(paced, signal);
    expect(await read()).toMatchObject({ kind: tokenStatus === 401 ? 'unauthenticated' : 'misconfigured', hint: expect.any(String) as string });
  });

  it('a log-in that is refused says what to do, without the credentials', async () => {
    sandbox.dengage.setFaults({ users: { 'hush-user': 'other' } });
    const refused = await account.authorise(paced, signal);
    expect(refused).toMatchObject({ kind: 'unauthenticated', httpStatus: 401 });
    expect(JSON.stringify(refused)).not.toContain('hush');
    sandbox.dengage.setFaults({ ipBlocked: true });
    expect(await account.authorise(paced, signal)).toMatchObject({ kind: 'misconfigured', message: expect.stringContaining('does not allow this address') as string });
  });

  it('a caller that gives up takes nobody with it', async () => {
    const gone = new AbortController();
    const waiting: Paced = (call) => new Promise((resolve, reject) => gone.signal.addEventListener('abort', () => call(gone.signal).then(resolve, reject)));
    const first = account.authorise(waiting, gone.signal);
    const second = account.authorise(paced, signal);
    gone.abort();
    expect(await first).toMatchObject({ kind: 'unavailable' });
    expect(await second).toBeNull();
  });

  it.each<[string, unknown, number | null]>([
    ['seconds', { access_token: 't', expires_in: 3600 }, 3_600_000],
    ['milliseconds', { access_token: 't', expires_in: 36_000_000 }, 36_000_000],
    ['text, under data', { data: { accessToken: 't', expiresIn: '60' } }, 60_000],
    ['nothing', { access_token: 't' }, 300_000],
    ['no token', { message: 'wrong' }, null],
  ])('its life is told in %s', (_name, body, life) => {
    expect(tokenOf({ status: 200, headers: {}, body: JSON.stringify(body) }, 1000)?.until ?? null).toBe(life === null ? null : 1000 + life);
  });
});
