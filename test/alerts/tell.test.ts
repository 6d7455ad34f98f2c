import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { againMs, tell, tellDue } from '../../src/alerts/tell.js';
import { look } from '../../src/alerts/look.js';
import { testMessage } from '../../src/alerts/message.js';
import type { AlertEvent, AlertsConfig, Config, EmailChannelConfig, WebhookChannelConfig } from '../../src/config/index.js';
import { closeRun, listAlerts, noteRestored, noteTroubles, setPaused, type Trouble } from '../../src/ledger/index.js';
import { createTestLedger, startRun, SYNCS, type TestLedger } from '../ledger/support.js';
import { mailReceiver, webhookReceiver } from './receivers.js';

let ledger: TestLedger;
let webhook: Awaited<ReturnType<typeof webhookReceiver>>;
let mail: Awaited<ReturnType<typeof mailReceiver>>;
let ops: WebhookChannelConfig;
let team: EmailChannelConfig;
const on: readonly AlertEvent[] = ['laneBlocked', 'runFailed'];
const never = new AbortController().signal;
beforeAll(async () => {
  [ledger, webhook, mail] = await Promise.all([createTestLedger(8), webhookReceiver(), mailReceiver()]);
  ops = { name: 'ops', type: 'webhook', url: webhook.url, headers: { 'X-Team': 'blue' }, secret: 'hush', format: 'json', on };
  team = { name: 'team', type: 'email', host: '127.0.0.1', port: mail.port, secure: false, from: 'Syncline <syncline@example.com>', to: ['ops@example.com'], on: ['laneBlocked'] };
});
afterAll(async () => { await Promise.all([ledger.close(), webhook.close(), mail.close()]); });
beforeEach(async () => {
  await ledger.pool.query('DELETE FROM alert');
  webhook.got.length = 0;
  mail.mails.length = 0;
  Object.assign(webhook.answers, { status: 200, body: 'ok' });
  mail.refuses.recipients = false;
});

const blocked: Trouble = { event: 'laneBlocked', subject: 'acme', reason: 'the key is not valid', command: 'syncline lane resume acme' };
const note = (troubles: readonly Trouble[], quietMs = 0): Promise<void> => noteTroubles(ledger.pool, troubles, on, [ops, team], quietMs);
const tellAll = (): Promise<void> => tellDue(ledger.pool, [ops, team], never, () => 0.5);
const dueNow = (): Promise<unknown> => ledger.pool.query('UPDATE alert_message SET next_at = clock_timestamp() WHERE told_at IS NULL');

describe('an alert', () => {
  it('is told once to each channel that wants it, also by two workers at once, and its end once', async () => {
    await note([blocked, { ...blocked, event: 'runFailed', subject: 'crm' }]);
    await note([blocked, { ...blocked, event: 'runFailed', subject: 'crm' }]);
    await Promise.all([tellAll(), tellAll(), tellAll()]);
    expect(webhook.got.map(({ body }) => [body['event'], body['state'], body['subject']]).sort()).toEqual([['laneBlocked', 'open', 'acme'], ['runFailed', 'open', 'crm']]);
    expect(mail.mails).toHaveLength(1);
    expect(mail.mails[0]).toMatch(/Subject: \[syncline\] the lane acme is blocked[^]*the key is not valid[^]*syncline lane resume acme/);
    await note([]);
    await note([]);
    await Promise.all([tellAll(), tellAll()]);
    expect(webhook.got.slice(2).map(({ body }) => [body['event'], body['state'], body['title']]).sort()).toEqual([
      ['laneBlocked', 'resolved', 'over: the lane acme is blocked'], ['runFailed', 'resolved', 'over: a run of crm failed']]);
    expect(mail.mails).toHaveLength(2);
    expect((await listAlerts(ledger.pool, 10)).every(({ resolvedAt, messages }) => resolvedAt !== null && messages.every(({ toldAt }) => toldAt !== null))).toBe(true);
  });

  it('that comes and goes is one: it is over only when it has been well for a while', async () => {
    for (let turn = 0; turn < 5; turn += 1) {
      await note([blocked], 60_000);
      await note([], 60_000);
      await tellAll();
    }
    expect(webhook.got).toHaveLength(1);
    // Not looked at: nothing is known of it.
    await noteTroubles(ledger.pool, [], ['runFailed'], [ops], 0);
    await tellAll();
    expect(webhook.got).toHaveLength(1);
    await ledger.pool.query(`UPDATE alert SET seen_at = seen_at - interval '2 minutes'`);
    await note([], 60_000);
    await tellAll();
    expect(webhook.got.map(({ body }) => body['state'])).toEqual(['open', 'resolved']);
  });

  it('a receiver that is down holds up no other, is told again under the same id, and of the end after the beginning', async () => {
    Object.assign(webhook.answers, { status: 503, body: 'down, ask somebody@example.com' });
    await note([blocked]);
    await tellAll();
    expect(mail.mails).toHaveLength(1);
    const [failed] = await listAlerts(ledger.pool, 1);
    expect(failed?.messages.find(({ channel }) => channel === 'ops')).toMatchObject({ toldAt: null, attempts: 1, error: '503: down, ask [e-mail]' });
    await note([]);
    await tellAll();
    expect(webhook.got).toHaveLength(1);
    Object.assign(webhook.answers, { status: 200, body: '' });
    await dueNow();
    await tellAll();
    await dueNow();
    await tellAll();
    expect(webhook.got.map(({ body }) => body['state'])).toEqual(['open', 'open', 'resolved']);
    expect(new Set(webhook.got.slice(0, 2).map(({ body }) => body['id'])).size).toBe(1);
    expect(webhook.got[0]?.headers['syncline-id']).toBe(webhook.got[0]?.body['id']);
  });

  it('one whose worker died while it told is told by another when its time is over', async () => {
    await note([blocked]);
    Object.assign(webhook.answers, { status: null });
    const dying = new AbortController();
    const told = tellDue(ledger.pool, [ops], dying.signal);
    while (webhook.got.length === 0) await new Promise((resolve) => { setTimeout(resolve, 10); });
    Object.assign(webhook.answers, { status: 200 });
    await tellDue(ledger.pool, [ops], never);
    expect(webhook.got).toHaveLength(1);
    dying.abort(new Error('killed'));
    await told;
    await dueNow();
    await tellDue(ledger.pool, [ops], never);
    expect(webhook.got).toHaveLength(2);
  });
});

describe('a channel', () => {
  it('signs the bytes of its body with their time, and sends its own headers', async () => {
    expect(await tell(ops, testMessage('1', '2026-01-01T00:00:00Z'), never)).toEqual({ ok: true, words: '200: ok' });
    const [got] = webhook.got;
    const [, seconds, hex] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(got?.headers['syncline-signature'])) ?? [];
    expect(createHmac('sha256', 'hush').update(`${String(seconds)}.${String(got?.raw)}`).digest('hex')).toBe(hex);
    expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(60);
    expect(got?.headers['x-team']).toBe('blue');
  });

  it('in the form of chats sends a text alone, and says in words what went wrong', async () => {
    await tell({ ...ops, format: 'text' }, testMessage('1', '2026-01-01T00:00:00Z'), never);
    expect(Object.keys(webhook.got[0]?.body ?? {})).toEqual(['text']);
    expect(await tell({ ...ops, url: 'http://127.0.0.1:1/secret-path' }, testMessage('1', ''), never)).toEqual({ ok: false, words: '127.0.0.1:1: nobody listens there' });
    mail.refuses.recipients = true;
    const refused = await tell(team, testMessage('1', '2026-01-01T00:00:00Z'), never);
    expect(refused.ok).toBe(false);
    expect(refused.words).toContain('no such user');
    expect(refused.words).not.toContain('nobody@example.com');
    // Credentials leave only over TLS, unless the server is on this machine.
    const words = await tell({ ...team, host: 'localhost.invalid', user: 'u', password: 'p' }, testMessage('1', ''), AbortSignal.timeout(3_000));
    expect(words.ok).toBe(false);
  });

  it('is tried again at longer and longer intervals, a quarter of an hour at most', () => {
    expect([1, 2, 3, 7, 50].map((attempts) => againMs(attempts, () => 0.5))).toEqual([15_000, 30_000, 60_000, 900_000, 900_000]);
  });
});

describe('what is looked for', () => {
  const config = { syncs: { a: {}, b: {} }, destinations: { newsletter: { account: 'acme' } } } as unknown as Config;
  const alerts: AlertsConfig = { channels: [], late: 3, rejects: { above: 0.05, least: 20 }, optOuts: { older: 3_600_000 }, quiet: 0 };
  // Temporal does not answer.
  const found = async (): Promise<readonly Trouble[]> => (await look(ledger.pool, {} as Parameters<typeof look>[1], config, alerts)).troubles;

  it('has the last retry, until one does not fail', async () => {
    const { pool, a } = ledger;
    const failed = await startRun(pool, a, 'retry');
    await closeRun(pool, failed.no, 'failed', 'the platform is gone');
    expect(await found()).toEqual([{ event: 'runFailed', subject: 'a (retry)', reason: `retry run ${failed.id}: the platform is gone`, command: `syncline runs show ${failed.id}` }]);
    await closeRun(pool, (await startRun(pool, a, 'retry')).no, 'completed', null);
    expect(await found()).toEqual([]);
  });

  it('has the lane that a restored ledger holds, with what ends that; while it is paused too, with what ends the pause', async () => {
    const { pool } = ledger;
    await noteRestored(pool, { remembered: new Map(), windows: new Map(), configured: SYNCS, told: true });
    const held = { event: 'lanePaused', subject: 'acme', reason: expect.stringContaining('restored from a back-up') as string, command: 'syncline run a; syncline run b' };
    expect(await found()).toEqual([held]);
    await setPaused(pool, 'acme', true);
    expect(await found()).toEqual([{ ...held, reason: 'paused by hand', command: 'syncline lane resume acme' }]);
    await setPaused(pool, 'acme', false);
    expect(await found()).toEqual([held]);
  });
});
