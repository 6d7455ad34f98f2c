import { afterEach, expect, test } from 'vitest';
import type { CampaignLocale } from '../../../src/destinations/index.js';
import { tenantThat, type Answering, type Tenant } from './tenant.js';

let tenant: Tenant | undefined;
afterEach(() => tenant?.close());

async function coverage(answer: Answering, campaign = 'spring'): Promise<readonly CampaignLocale[] | undefined> {
  tenant = await tenantThat(answer);
  const signal = AbortSignal.timeout(10_000);
  return tenant.destination.coverage?.(campaign, (call) => call(signal), signal);
}

const LIST = [{ locale: 'en', count: 1240, hasTemplate: true }, { locale: null, count: 12, hasTemplate: false }];

test('a campaign is read as the page has it, its id as one part of the address', async () => {
  expect(await coverage(() => [200, LIST], 'a/b c')).toEqual(LIST);
  expect(tenant?.calls).toEqual(['GET /campaigns/a%2Fb%20c/locale-coverage']);
});

test('a list in a body, a count in quotes and an empty locale are read; a template that is not told of is none', async () => {
  expect(await coverage(() => [200, { data: [{ locale: 'en', count: '7', hasTemplate: 'true' }, { locale: '', count: 0 }] }])).toEqual([
    { locale: 'en', count: 7, hasTemplate: true }, { locale: null, count: 0, hasTemplate: false },
  ]);
});

test.each<[string, number, unknown, string, string]>([
  ['an unknown campaign', 404, { statusCode: 404, message: 'Campaign not found' }, 'Campaign not found', 'check the id of the campaign'],
  ['a wrong address', 404, { statusCode: 404, message: 'Cannot GET /campaigns/spring/locale-coverage' }, 'Cannot GET', 'check baseUrl'],
  ['a missing scope', 403, { statusCode: 403, message: 'Missing campaigns:read scope' }, 'Missing campaigns:read scope', 'campaigns:read'],
  ['an id it does not take', 400, { statusCode: 400, message: 'id must be a cuid' }, 'id must be a cuid', 'check the id of the campaign'],
  ['a body without a list', 200, { ok: true }, 'without a list of locales', 'check baseUrl'],
  ['an entry without a count', 200, [{ locale: 'en', hasTemplate: true }], 'an entry without a count', 'report it'],
])('%s is somebody\'s to mend, with the platform\'s words and the way out', async (_what, status, body, words, hint) => {
  await expect(coverage(() => [status, body])).rejects.toMatchObject({ kind: 'misconfigured', message: expect.stringContaining(words), hint: expect.stringContaining(hint) });
});

test('what passes by itself is waited out, and told as such where it does not', async () => {
  let calls = 0;
  expect(await coverage(() => ((calls += 1) < 3 ? [503, { message: 'away' }] : [200, LIST]))).toEqual(LIST);
  await tenant?.close();
  await expect(coverage(() => [503, { message: 'away' }])).rejects.toMatchObject({ kind: 'unreachable' });
  await tenant?.close();
  await expect(coverage(() => [401, { message: 'no' }])).rejects.toMatchObject({ kind: 'unauthenticated' });
});
