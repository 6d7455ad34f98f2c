import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ForgetDocument, PlanDocument } from '../../src/control/index.js';
import { audit, type RunDocument, type StatusDocument, type StoryDocument, type SuppressionDocument } from '../../src/ledger/index.js';
import { run } from './support.js';
import { createCliWorld, people, type CliWorld } from './world.js';

let world: CliWorld;
beforeAll(async () => {
  world = await createCliWorld({ sync: '    onDelete: erase' });
  await world.work();
  expect((await world.json('run', 'crm')).document).toMatchObject({ status: 'completed', counts: { delivered: 25 } });
});
afterAll(async () => { await world.close(); });

const at = (key: string) => world.sandbox.mailingcore.contact(key) as { optIn: boolean } | undefined;
const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  const endsAt = Date.now() + 15_000;
  while (!(await holds())) {
    if (Date.now() > endsAt) throw new Error('it did not come to hold in time');
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
};
interface Added { readonly learned: number; readonly contacts: number; readonly queued: number; readonly accounts: readonly string[]; readonly at: string }
interface Listed { readonly suppressions: readonly SuppressionDocument[]; readonly total: number }
type Told = StoryDocument & { readonly source: { readonly emailConsent: string } };

describe('suppress', () => {
  test('an opt-out by hand leaves at once, holds against the source, is listed and told with the contact; removed, the consent of the source is sent again', async () => {
    const added = await world.json<Added>('suppress', 'add', 'crm', '7');
    expect(added).toMatchObject({ code: 0, document: { sync: 'crm', key: '7', channel: 'email', learned: 1, contacts: 1, queued: 1, accounts: [world.account] } });
    await until(() => at('7')?.optIn === false);
    expect((await world.cli('suppress', 'add', 'crm', '7', '--at', '2026-01-01')).out).toContain('held already, and since no later (it reaches 1 contact)');

    const { document: list } = await world.json<Listed>('suppress', 'list', 'crm');
    expect(list).toMatchObject({ total: 1, suppressions: [{ key: '7', channel: 'email', destination: 'newsletter', origin: 'hand', reason: 'opted out by hand', at: expect.stringMatching(/Z$/) as string }] });
    expect((await world.cli('suppress', 'list')).out).toContain('opted out by hand');
    expect((await world.json('run', 'crm', '--full', '--resend')).document).toMatchObject({
      status: 'completed', warnings: { 'emailConsent: withheld, as the person opted out (by hand)': 1 },
    });
    expect(at('7')?.optIn).toBe(false);
    const { document: story } = await world.json<Told>('contact', 'crm', '7');
    expect(story).toMatchObject({ delivered: { emailConsent: 'denied' }, source: { emailConsent: 'granted' }, consent: { suppressions: [{ key: '7', holds: true }] }, erased: null });
    expect((await world.cli('contact', 'crm', '7')).out).toContain('denied: the source says granted, withheld: the person opted out');

    const lifted = await world.cli('suppress', 'remove', 'crm', '7');
    expect(lifted.out).toContain('1 lifted. Nothing is sent by this alone: syncline run crm --only 7 sends the source\'s consent again');
    expect((await world.json('run', 'crm', '--only', '7')).document.counts.delivered).toBe(1);
    expect(at('7')?.optIn).toBe(true);
    expect(await world.json('suppress', 'remove', 'crm', '7')).toMatchObject({ code: 0, document: { lifted: 0, held: 0 } });
  });

  test('by address it holds everywhere, whatever the case, also for contacts that come later; a key that is an address is both', async () => {
    expect((await world.json<Added>('suppress', 'add', '--email', 'PERSON8@example.com')).document).toMatchObject({ key: null, learned: 1, contacts: 1, queued: 1 });
    await until(() => at('8')?.optIn === false);
    expect((await world.json<Added>('suppress', 'add', 'crm', 'later@example.com')).document).toMatchObject({ learned: 1, contacts: 0, queued: 0, accounts: [] });
    world.contacts([...people(25), '26,Later@example.com,en,true,2025-01-01T00:00:00Z']);
    await world.json('run', 'crm');
    expect(at('26')?.optIn).toBe(false);
    // By its key nothing is lifted, and it says what holds.
    expect((await world.cli('suppress', 'remove', 'crm', '8')).err).toContain('1 more holds by the contact\'s address: suppress remove --email ADDRESS');
    expect((await world.json<{ lifted: number }>('suppress', 'remove', '--email', 'person8@example.com')).document.lifted).toBe(1);
    expect((await world.json<{ lifted: number }>('suppress', 'remove', 'crm', 'later@example.com')).document.lifted).toBe(1);
    expect((await world.json<Listed>('suppress', 'list')).document).toEqual({ suppressions: [], total: 0 });
  });

  test.each([
    [['suppress', 'add', 'crm', '7', '--channel', 'sms'], 'the destination newsletter is not told of consent to SMS'],
    [['suppress', 'add', '--email', 'a@example.com', '--channel', 'sms'], 'no destination is told of consent to SMS'],
    [['suppress', 'add', 'crm', '7', '--channel', 'post'], 'email, sms'],
    [['suppress', 'add', 'crm', '7', '--at', 'yesterday'], '--at: found "yesterday"'],
    [['suppress', 'add', 'crm', '7', '--at', '2999-01-01'], 'is in the future'],
    [['suppress', 'add', 'crm'], 'nobody is named'],
    [['suppress', 'remove'], 'nobody is named'],
    [['suppress', 'remove', '--email', ''], 'no e-mail address'],
    [['suppress', 'remove', 'crm', '7', '--email', 'a@example.com'], 'not by both'],
    [['suppress', 'list', 'cmr'], 'did you mean "crm"?'],
    [['forget', 'crm', '7', '--timeout', 'soon'], '--timeout'],
  ])('%j is wrong use: exit 2, in words, and nothing is stored', async (argv, words) => {
    const ran = await world.cli(...argv);
    expect(ran.code).toBe(2);
    expect(ran.err).toContain(words);
    expect((await world.json<Listed>('suppress', 'list')).document.total).toBe(0);
  });
});

test('status tells how long opt-outs took and which of them waits longest', async () => {
  const { document } = await world.json<StatusDocument>('status');
  expect(document.lanes[0]?.optOuts).toMatchObject({ waiting: 0, oldestWaitingSeconds: null, fromStaging: { p50Seconds: expect.any(Number) as number, p95Seconds: expect.any(Number) as number } });
  expect(document.lanes[0]?.optOuts.effective).toBeGreaterThanOrEqual(2);
  await world.cli('lane', 'pause', world.account);
  await world.cli('suppress', 'add', 'crm', '9');
  expect((await world.json<StatusDocument>('status')).document.lanes[0]?.optOuts).toMatchObject({ waiting: 1, oldestWaitingSeconds: expect.any(Number) as number });
  expect((await world.cli('status')).out).toMatch(/opt-outs +waiting +oldest +arrived lately/);
  await world.cli('lane', 'resume', world.account);
  await until(() => at('9')?.optIn === false);
  await world.cli('suppress', 'remove', 'crm', '9');
});

describe('forget', () => {
  test('asks where somebody can answer, and does nothing without a yes', async () => {
    const stdin = Object.assign(new PassThrough(), { isTTY: true });
    stdin.write('n\n');
    const ran = await run(['forget', 'crm', '3'], { cwd: world.folder, stdin });
    expect(ran.code).toBe(1);
    expect(ran.err).toContain('This erases the contact 3 of export at newsletter and in the ledger. It cannot be undone. Go on? [y/N]');
    expect(at('3')?.optIn).toBe(true);
    expect((await world.json<Told>('contact', 'crm', '3')).document.erased).toBeNull();
  });

  test('erases the person there and here, says so again when asked again, and nothing brings them back but somebody who lets them in', async () => {
    const first = await world.json<ForgetDocument>('forget', 'crm', '3');
    expect(first).toMatchObject({ code: 0, document: { sync: 'crm', key: '3', known: true, clean: true, erasures: [{ sync: 'crm', destination: 'newsletter', status: 'completed', refusal: null }], notices: [] } });
    expect(at('3')).toBeUndefined();
    const again = await world.json<ForgetDocument>('forget', 'crm', '3', '--yes');
    expect(again).toMatchObject({ code: 0, document: { known: true, clean: true, erasures: first.document.erasures } });
    const { rows } = await world.pool.query<{ text: string }>('SELECT r::text AS text FROM batch_row r UNION ALL SELECT t::text FROM tombstone t');
    expect(rows.filter(({ text }) => text.includes('person3@'))).toEqual([]);

    // The source still has them.
    expect((await world.json('run', 'crm', '--full')).document).toMatchObject({ counts: { suppressed: 1 }, warnings: { 'erased on request: not sent again': 1 } });
    const { document: story } = await world.json<Told>('contact', 'crm', '3');
    expect(story).toMatchObject({ delivered: null, events: [], erased: { reason: 'forgotten on request', clean: true } });
    expect((await world.cli('contact', 'crm', '3')).out).toContain('only hashes are left. syncline suppress remove crm KEY lets the person back in');
    expect((await world.json<{ lifted: number }>('suppress', 'remove', 'crm', '3')).document.lifted).toBe(1);
    expect((await world.json('run', 'crm', '--only', '3')).document.counts.delivered).toBe(1);
    expect(at('3')?.optIn).toBe(true);
    expect((await audit(world.pool, null)).balanced).toBe(true);
  });

  test('of a key nobody knows it is noted all the same; a lane that is halted is left in words, and the erasure goes on later', async () => {
    expect(await world.json<ForgetDocument>('forget', 'crm', '4711')).toMatchObject({ code: 0, document: { known: false, clean: true, erasures: [] } });
    await world.cli('lane', 'pause', world.account);
    const left = await world.json<ForgetDocument>('forget', 'crm', '4');
    expect(left).toMatchObject({ code: 1, document: { clean: false, erasures: [{ status: 'delivering' }] } });
    expect(left.err).toContain('paused by hand');
    expect(at('4')?.optIn).toBe(true);
    await world.cli('lane', 'resume', world.account);
    expect(await world.json<ForgetDocument>('forget', 'crm', '4')).toMatchObject({ code: 0, document: { clean: true, erasures: [{ status: 'completed' }] } });
    expect(at('4')).toBeUndefined();
  });
});

test('more than a fifth of the contacts is gone: plan says how many, the run stops and asks, --allow-deletes lets them go', async () => {
  world.contacts(people(25).slice(0, 15));
  expect((await world.json<PlanDocument>('plan', 'crm', '--full')).document).toMatchObject({ gone: { contacts: 11, held: 25, calls: 11, stops: true } });
  expect((await world.cli('plan', 'crm', '--full')).out).toContain('but not without being told so: syncline run crm --full --allow-deletes');
  const asked = await world.json<RunDocument>('run', 'crm', '--full');
  expect(asked).toMatchObject({ code: 1, document: { status: 'failed', error: expect.stringMatching(/are gone from the source: none of them was taken out .*--full --allow-deletes/) as string } });
  expect(at('20')?.optIn).toBe(true);
  const allowed = await world.json<RunDocument>('run', 'crm', '--full', '--allow-deletes');
  expect(allowed.document).toMatchObject({ status: 'completed', counts: { delivered: 11 } });
  expect(at('20')).toBeUndefined();
  expect((await audit(world.pool, null)).balanced).toBe(true);
});

test('an erasure the platform refuses is told in its words with exit 3, is tried again when asked again, and is never called clean', async () => {
  const byMail = await createCliWorld({ destination: '    matchBy: email' });
  try {
    await byMail.work();
    await byMail.json('run', 'crm');
    const refused = await byMail.json<ForgetDocument>('forget', 'crm', '3');
    expect(refused).toMatchObject({ code: 3, document: { known: true, clean: false, erasures: [{ destination: 'newsletter', status: 'completed_with_rejects', refusal: expect.stringContaining('erase it there by hand') as string }] } });
    expect(refused.err).toContain('newsletter did not erase the contact: MailingCore erases by externalId');
    const again = await byMail.json<ForgetDocument>('forget', 'crm', '3');
    expect(again).toMatchObject({ code: 3, document: { clean: false, erasures: [{ status: 'completed_with_rejects' }] } });
    expect(again.document.erasures[0]?.run).not.toBe(refused.document.erasures[0]?.run);
    expect((await audit(byMail.pool, null)).balanced).toBe(true);
  } finally {
    await byMail.close();
  }
});
