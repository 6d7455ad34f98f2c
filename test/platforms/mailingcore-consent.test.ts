import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { cancelRun, LiveConfig, startRun } from '../../src/control/index.js';
import { serve, type Served } from '../../src/hosting/index.js';
import { audit } from '../../src/ledger/index.js';
import { createWorld, plantContacts, type World } from '../support/world.js';

const SECRET = 'whsec_test';
/** How often the CRM touches its older opt-in. */
const TOUCHES = process.env['SYNCLINE_LONG'] === '1' ? 100 : 3;
const LONGEST = 15_000 + TOUCHES * 3_000;
const HOUR = 3_600_000;

let world: World;
let served: Served;
/** The opt-outs before a test are none of its business. */
let before = 0;
beforeAll(async () => {
  world = await createWorld({ fields: ', consentAt: consent_at', destination: `webhookSecret: ${SECRET}\nlinger: 50ms` });
  await plantContacts(world.crm, 20);
  await world.crm.query(`UPDATE contacts SET consent_at = '2025-01-01'`);
  served = await serve({
    at: { port: 0, host: '127.0.0.1' }, pool: world.pool, config: new LiveConfig(world.config), temporal: world.temporal, lives: () => true, temporalAnswers: () => Promise.resolve(true),
  });
  await world.run();
});
afterAll(async () => {
  await served.close();
  await world.close();
});
beforeEach(async () => {
  world.sandbox.mailingcore.setFaults({});
  world.sandbox.mailingcore.setWebhook({ url: `${served.url}/webhooks/newsletter`, secret: SECRET, gap: 50 });
  before = (await world.pool.query<{ last: number }>('SELECT COALESCE(max(id), 0) AS last FROM suppression')).rows[0]?.last ?? 0;
});

const held = (key: string): Record<string, unknown> | undefined => world.sandbox.mailingcore.contact(key);
/** The CRM touches a contact without asking the person anew. */
const touch = (key: string, city: string): Promise<unknown> => world.crm.query(`UPDATE contacts SET city = $2, opt_in = true, updated_at = now() WHERE external_id = $1`, [key, city]);
/** Opt-outs that were learned go out in their own time: a refused call would hold the pace of what is tested next. */
async function nothingWaits(): Promise<void> {
  const open = `SELECT EXISTS (SELECT 1 FROM outbox) OR EXISTS (SELECT 1 FROM batch WHERE status IN ('sending', 'accepted', 'unknown')) AS open`;
  while ((await world.pool.query<{ open: boolean }>(open)).rows[0]?.open === true) await new Promise((resolve) => setTimeout(resolve, 40));
}
/** How opt-outs were learned first, by key where one was told. */
const suppressions = async (): Promise<readonly string[]> =>
  (await world.pool.query<{ known: string }>(`SELECT origin || ' ' || COALESCE(key, 'by address') AS known FROM suppression WHERE lifted_at IS NULL AND id > $1 ORDER BY id`, [before])).rows.map(({ known }) => known);

test.each([['deliver', '1', ['webhook 1', 'read 1']], ['lost', '2', ['read by address']]] as const)('who unsubscribed at MailingCore (webhook: %s) is never opted in again by an older consent, while the rest of the contact flows', async (webhooks, key, first) => {
  const { mailingcore } = world.sandbox;
  mailingcore.setFaults({ webhooks });
  expect(held(key)).toMatchObject({ optIn: true });
  mailingcore.unsubscribe(key);
  await mailingcore.idle();
  for (let n = 1; n <= TOUCHES; n++) {
    await touch(key, `City ${n}`);
    expect(await world.run()).toMatchObject({ status: 'completed', counts: { queued: 1, delivered: 1 } });
    expect(held(key)).toMatchObject({ optIn: false, attributes: { city: `City ${n}` } });
  }
  // A run that reads meanwhile may be first.
  expect(first).toContain((await suppressions())[0]);
  expect(mailingcore.isSuppressed(`person${key}@example.com`)).toBe(true);
  expect(mailingcore.violations()).toBe(0);
  expect((await audit(world.pool, null)).balanced).toBe(true);
}, LONGEST);

test('a consent newer than the unsubscription is granted again, off the platform\'s suppression list, and stands', async () => {
  const { mailingcore } = world.sandbox;
  mailingcore.unsubscribe('3', Date.now() - HOUR);
  await mailingcore.idle();
  await touch('3', 'Away');
  await world.run();
  expect(held('3')).toMatchObject({ optIn: false, attributes: { city: 'Away' } });
  await world.crm.query(`UPDATE contacts SET consent_at = now() - interval '10 minutes', updated_at = now() WHERE external_id = '3'`);
  await world.run();
  expect(held('3')).toMatchObject({ optIn: true });
  expect(mailingcore.isSuppressed('person3@example.com')).toBe(false);
  await touch('3', 'Home');
  await world.run();
  expect(held('3')).toMatchObject({ optIn: true, attributes: { city: 'Home' } });
  expect(mailingcore.violations()).toBe(0);
});

test('a contact that was taken out by hand there, without any suppression, stays out as well', async () => {
  const { mailingcore } = world.sandbox;
  const headers = { authorization: 'Bearer mc_test_key', 'x-tenant-id': 'tenant-1', 'content-type': 'application/json' };
  await fetch(`${mailingcore.baseUrl}/contacts/4`, { method: 'PATCH', headers, body: '{"optIn": false}' });
  await touch('4', 'Elsewhere');
  await world.run();
  expect(held('4')).toMatchObject({ optIn: false, attributes: { city: 'Elsewhere' } });
  expect(await suppressions()).toEqual(['read 4']);
});

test('a webhook that comes twice, or again and again while nobody takes it, is one opt-out, and a stranger\'s is none', async () => {
  const { mailingcore } = world.sandbox;
  mailingcore.setFaults({ webhooks: 'double' });
  mailingcore.unsubscribe('14');
  await mailingcore.idle();
  expect(await suppressions()).toEqual(['webhook 14']);
  mailingcore.setWebhook({ url: `${served.url}/webhooks/newsletter`, secret: 'another', gap: 1 });
  mailingcore.unsubscribe('16');
  await mailingcore.idle();
  expect(await suppressions()).toHaveLength(1);
});

test('a key that may not read the suppressions sends nobody anything, and the run says what to do', async () => {
  world.sandbox.mailingcore.setFaults({ keys: { mc_test_key: ['contacts:read', 'contacts:write'] } });
  await touch('17', 'Elsewhere');
  const run = await world.run();
  expect(run.status).toBe('failed');
  expect(run.error).toContain('grant the key the suppressions:read scope');
  expect(held('17')).toMatchObject({ attributes: { city: 'Oslo' } });
  world.sandbox.mailingcore.setFaults({ suppressions: 'absent' });
  expect((await world.run()).counts).toMatchObject({ delivered: 1 });
});

// The last one: what is refused here for an hour holds the account's pace.
test('a run that waits for the platform to say who opted out ends when somebody cancels it', async () => {
  await nothingWaits();
  world.sandbox.mailingcore.setFaults({ limit: { calls: 1, per: '1h' } });
  const { run } = await startRun(world.pool, world.temporal, world.config, 'crm-newsletter', { kind: 'incremental' });
  const waiting = await world.until(run, ({ trouble }) => trouble !== null);
  expect(waiting).toMatchObject({ status: 'running', trouble: { reason: expect.stringContaining('Too many requests') as string }, counts: { extracted: 0 } });
  expect(await cancelRun(world.temporal, `sync/crm-newsletter/${run}`)).toBe(true);
  expect(await world.until(run, ({ endedAt }) => endedAt !== null)).toMatchObject({ status: 'cancelled', counts: { extracted: 0 } });
});
