import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PlanDocument } from '../../src/control/index.js';
import { audit, type AlertDocument, type RunDocument, type StatusDocument } from '../../src/ledger/index.js';
import { mailReceiver, webhookReceiver, type Got } from '../alerts/receivers.js';
import { createCliWorld, people, type CliWorld } from './world.js';

let world: CliWorld;
let webhook: Awaited<ReturnType<typeof webhookReceiver>>;
let mail: Awaited<ReturnType<typeof mailReceiver>>;
beforeAll(async () => {
  [webhook, mail] = await Promise.all([webhookReceiver(), mailReceiver()]);
  world = await createCliWorld({
    destination: '    suppressions: {read: never}',
    sync: '    guard: {optIns: {above: 20%, least: 3}, changes: {above: 50%, least: 5}}\n    verify: {after: never, locales: {fr: 1}}',
    alerts: `alerts:
  quiet: 0s
  rejects: {above: 10%, least: 2}
  channels:
    ops: {type: webhook, url: "${webhook.url}", secret: hush}
    team: {type: email, host: 127.0.0.1, port: ${String(mail.port)}, from: syncline@example.com, to: ops@example.com, on: [runHeld]}
`,
  });
  await world.work();
  expect((await world.json('run', 'crm')).document).toMatchObject({ status: 'completed', counts: { delivered: 25 } });
});
afterAll(async () => { await Promise.all([world.close(), webhook.close(), mail.close()]); });

const told = async (event: string, state: string, subject?: string): Promise<Got['body']> => {
  for (const endsAt = Date.now() + 15_000; ;) {
    const got = webhook.got.find(({ body }) => body['event'] === event && body['state'] === state && (subject === undefined || body['subject'] === subject));
    if (got !== undefined) return got.body;
    if (Date.now() > endsAt) throw new Error(`${event} ${state} was not told: ${webhook.got.map(({ raw }) => raw).join('\n')}`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
};
const optIn = (key: string): boolean => (world.sandbox.mailingcore.contact(key) as { optIn: boolean }).optIn;
/** `people`, with what some say of their consent, later. */
const saying = (words: Readonly<Record<string, string>>, at: string): string[] =>
  people(25).map((line) => line.split(',')).map(([id, email, locale, consent, time]) => [id, email, locale, words[id!] ?? consent, words[id!] === undefined ? time : at].join(','));

test('alerts test tries every channel and says what the receiver said, exit 1 where one could not be told', async () => {
  const tried = await world.json<{ channels: readonly { channel: string; ok: boolean; words: string }[] }>('alerts', 'test');
  expect(tried).toMatchObject({ code: 0, document: { channels: [{ channel: 'ops', ok: true, words: '200: ok' }, { channel: 'team', ok: true, words: '250 queued as 1' }] } });
  mail.refuses.recipients = true;
  const failed = await world.json<{ channels: readonly { words: string }[] }>('alerts', 'test');
  mail.refuses.recipients = false;
  expect(failed).toMatchObject({ code: 1, err: expect.stringContaining('team could not be told') as string });
  expect(failed.document.channels[1]?.words).toContain('<[e-mail]>: no such user');
});

test('a run that would opt in unusually many stops and asks: plan says so, its opt-outs go, somebody is told, --allow-mass-change lets it through', async () => {
  const denied = Object.fromEntries(['1', '2', '3', '4', '5', '6', '7'].map((key) => [key, 'false']));
  world.contacts(saying(denied, '2025-01-02T00:00:00Z'));
  expect((await world.json('run', 'crm')).document).toMatchObject({ status: 'completed', counts: { delivered: 7 } });
  world.contacts(saying({ ...Object.fromEntries(Object.keys(denied).map((key) => [key, 'true'])), 20: 'false' }, '2025-01-03T00:00:00Z'));
  const { document: planned } = await world.json<PlanDocument>('plan', 'crm');
  expect(planned.guard).toEqual({ known: 25, optIns: 7, changes: 7, stops: true });
  expect((await world.cli('plan', 'crm')).out).toContain('a run stops and asks; if it is meant: syncline run crm --allow-mass-change');
  for (let turn = 0; turn < 2; turn += 1) {
    const held = await world.json<RunDocument>('run', 'crm');
    expect(held).toMatchObject({ code: 1, document: { status: 'failed', error: expect.stringMatching(/^held: this run would opt in 7 of 25 known contacts \(28 %; up to 20 % go without asking\).*syncline run crm --allow-mass-change/) as string } });
  }
  expect([optIn('1'), optIn('7'), optIn('20')]).toEqual([false, false, false]);
  expect(await told('runHeld', 'open')).toMatchObject({ subject: 'crm', title: 'a run of crm stopped and asks', reason: expect.stringContaining('opt in 7 of 25 known contacts') as string });
  expect((await audit(world.pool, null)).balanced).toBe(true);
  expect((await world.json<RunDocument>('run', 'crm', '--allow-mass-change')).document).toMatchObject({ status: 'completed', counts: { delivered: 7 } });
  expect([optIn('1'), optIn('7'), optIn('20')]).toEqual([true, true, false]);
  await told('runHeld', 'resolved');
  expect(webhook.got.filter(({ body }) => body['event'] === 'runHeld')).toHaveLength(2);
  expect(mail.mails.filter((text) => text.includes('stopped and asks'))).not.toHaveLength(0);
  // A run that is done is balanced, and the last one moved the cursor.
  expect((await audit(world.pool, null)).balanced).toBe(true);
  expect((await world.json<RunDocument>('run', 'crm')).document).toMatchObject({ status: 'completed', counts: { delivered: 0 } });
});

test('a blocked lane, a failed gate and many refused rows are told, listed, and told when they are over; no contact is in any message', async () => {
  world.sandbox.mailingcore.setFaults({ unauthorized: true });
  world.contacts(saying({ 3: 'false' }, '2025-01-04T00:00:00Z'));
  expect(await world.json('run', 'crm')).toMatchObject({ code: 1 });
  expect(await told('laneBlocked', 'open')).toMatchObject({ subject: world.account, command: `syncline lane resume ${world.account}` });
  world.sandbox.mailingcore.setFaults({});
  await world.cli('lane', 'resume', world.account);
  await told('laneBlocked', 'resolved');

  expect(await world.json('verify', 'crm')).toMatchObject({ code: 4 });
  expect(await told('gateFailed', 'open')).toMatchObject({ subject: 'crm', command: 'syncline verify crm' });

  world.contacts([...saying({ 3: 'false' }, '2025-01-04T00:00:00Z').slice(0, 20), ...['a', 'b', 'c', 'd', 'e'].map((key) => `${key},,en,true,2025-01-05T00:00:00Z`)]);
  expect(await world.json('run', 'crm')).toMatchObject({ code: 3 });
  expect(await told('rejects', 'open')).toMatchObject({ reason: expect.stringMatching(/^5 of 25 rows of run \S+ were invalid or rejected$/) as string });

  const { document } = await world.json<{ alerts: readonly AlertDocument[]; open: number }>('alerts');
  expect(document.open).toBe(2);
  expect(document.alerts.map(({ event, resolvedAt }) => [event, resolvedAt === null]).sort()).toEqual([['gateFailed', true], ['laneBlocked', false], ['rejects', true], ['runHeld', false]]);
  expect((await world.cli('alerts')).out).toContain('5 of 25 rows');
  expect(webhook.got.map(({ raw }) => raw).join('\n')).not.toMatch(/person\d+|@example\.com|mc_test_key|hush/);
});

test('outside the delivery window rows wait, and status and plan say until when', async () => {
  const now = new Date();
  const at = (hours: number): string => `${String((now.getUTCHours() + hours) % 24).padStart(2, '0')}:00`;
  const file = join(world.folder, 'syncline.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('    batchSize: 10\n', `    batchSize: 10\n    window: {from: ${at(3)}, to: ${at(4)}, timeZone: UTC}\n`));
  world.contacts([...people(25), '26,new@example.com,en,true,2025-01-06T00:00:00Z']);
  const { document } = await world.json<PlanDocument>('plan', 'crm');
  expect(document.seconds).toBeGreaterThan(2 * 3600 - 60);
  expect(document.notices.join()).toContain(`the delivery window of newsletter opens at ${at(3)} UTC`);
  const calls = world.sandbox.mailingcore.stats().bulkCalls;
  await world.json<RunDocument>('run', 'crm', '--timeout', '4s');
  const { document: status } = await world.json<StatusDocument>('status');
  expect(status.lanes[0]).toMatchObject({ state: 'waiting', reason: `outside the delivery window of newsletter until ${at(3)} UTC` });
  expect(status.lanes[0]?.waiting).toBeGreaterThan(0);
  expect(world.sandbox.mailingcore.stats().bulkCalls).toBe(calls);
});
