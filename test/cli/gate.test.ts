import { writeFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunDocument, VerificationDocument } from '../../src/ledger/index.js';
import { parsed } from '../report/support.js';
import { createCliWorld, type CliWorld } from './world.js';

interface Verified extends VerificationDocument {
  readonly differences: readonly { readonly key: string }[];
  readonly repair?: { readonly run: string | null; readonly contacts: number };
}

let world: CliWorld;
beforeAll(async () => {
  world = await createCliWorld({ sync: '    verify: {after: run, campaign: welcome}' });
  await world.work();
});
afterAll(async () => { await world.close(); });

const verify = (...argv: readonly string[]) => world.json<Verified>('verify', 'crm', ...argv);
const ended = async (run: string | null | undefined): Promise<RunDocument> => {
  for (;;) {
    const { document } = await world.json('runs', 'show', run ?? '');
    if (document.endedAt !== null) return document;
  }
};

test('a run verifies the configured campaign, foreign contacts in its count', async () => {
  world.sandbox.mailingcore.plant([{ email: 'foreign@example.com', locale: 'fr', optIn: true }]);
  const { code, document } = await world.json('run', 'crm');
  expect(code).toBe(0);
  expect(document.verification).toMatchObject({
    verdict: 'pass', foreign: 1, campaign: {
      id: 'welcome', pass: true, locales: expect.arrayContaining([
        { locale: 'en', count: 20, found: 20, hasTemplate: true, pass: true },
        { locale: 'fr', count: 1, found: 1, hasTemplate: true, pass: true },
        { locale: 'none', count: 5, found: 5, hasTemplate: true, pass: true },
      ]),
    },
  });
});

test('--campaign takes the place of the configured one: a locale without a template fails with 4, by name, and no repair is offered', async () => {
  const { code, document, err } = await verify('--campaign', 'spring', '--repair');
  expect(code).toBe(4);
  expect(document.locales.every(({ pass }) => pass)).toBe(true);
  expect(document).toMatchObject({ verdict: 'fail', differences: [], faults: ['campaign spring has no template for contacts without a locale: 5 opted in'] });
  expect(document.repair).toBeUndefined();
  expect(err).toContain('the campaign spring is not ready');
  expect(err).toContain('make the templates');
});

test('counts that do not agree, an unknown campaign and a missing scope fail with 4 in words', async () => {
  world.sandbox.mailingcore.setFaults({ campaigns: { spring: { templates: ['en', 'fr', 'none'], counts: { en: 7 } } }, keys: { mc_test_key: ['contacts:read', 'contacts:write', 'suppressions:read'] } });
  const scope = await verify('--campaign', 'spring');
  expect(scope).toMatchObject({ code: 4, document: { campaign: { pass: false, locales: [] } } });
  expect(scope.document.faults?.[0]).toMatch(/^campaign spring: Missing campaigns:read scope \(grant the key the campaigns:read scope/);
  world.sandbox.mailingcore.setFaults({ campaigns: { spring: { templates: ['en', 'fr', 'none'], counts: { en: 7 } } } });
  const counts = await verify('--campaign', 'spring');
  expect(counts).toMatchObject({ code: 4, document: { faults: ['campaign spring counts 7 opted in for en, 20 were found at the platform'] } });
  const unknown = await verify('--campaign', 'sprig');
  expect(unknown).toMatchObject({ code: 4, document: { faults: [expect.stringMatching(/^campaign sprig: Campaign not found \(check the id of the campaign/)] } });
  world.sandbox.mailingcore.setFaults({});
});

test('what a repair sends again verifies, and so does the campaign then', async () => {
  world.sandbox.mailingcore.plant([{ externalId: '7', email: 'other7@example.com', locale: 'de', optIn: true }]);
  const failed = await verify('--repair');
  expect(failed).toMatchObject({ code: 4, document: { verdict: 'fail', campaign: { pass: true }, repair: { contacts: 1 } } });
  expect((await ended(failed.document.repair?.run)).counts).toMatchObject({ delivered: 1 });
  expect(await verify()).toMatchObject({ code: 0, document: { verdict: 'pass', campaign: { id: 'welcome', pass: true }, differences: [] } });
});

const file = (name: string): string => readFileSync(join(world.folder, name), 'utf8');

test('a verdict that fails is written for pipelines and people all the same, and names nobody', async () => {
  const { code, document } = await verify('--campaign', 'spring', '--junit', 'gate.xml', '--markdown', 'gate.md', '--report', 'gate.html');
  expect(code).toBe(4);
  expect(document.verdict).toBe('fail');
  expect(parsed(file('gate.xml')).filter(({ name }) => name === 'failure').map(({ attributes }) => attributes['message'])).toEqual(['campaign spring has no template for contacts without a locale: 5 opted in']);
  expect(file('gate.md')).toContain('| none | 5 | 5 | no | ✗ **fail** |');
  expect(parsed(file('gate.html')).find(({ name }) => name === 'h1')?.text).toBe('crm ✗ fail');
  for (const name of ['gate.xml', 'gate.md', 'gate.html']) expect(file(name)).not.toMatch(/person|example\.com/);
  const { code: four, out } = await world.cli('verify', 'crm', '--campaign', 'spring', '--markdown', '-');
  expect([four, out]).toEqual([4, expect.stringMatching(/^### crm: ✗ fail\n/)]);
});

test('a file that cannot be written is named before anything is read; two things on stdout are wrong use', async () => {
  const nowhere = await verify('--junit', 'nowhere/gate.xml');
  expect(nowhere.code).toBe(1);
  expect(nowhere.err).toContain(`${join(world.folder, 'nowhere/gate.xml')} cannot be written (ENOENT)`);
  for (const argv of [['--junit', '-'], ['--report', '-'], ['--junit', 'a', '--markdown', './a']]) expect(await verify(...argv)).toMatchObject({ code: 2, document: { error: { code: 'misused' } } });
  expect((await world.cli('verify', 'crm', '--junit', '-', '--markdown', '-')).code).toBe(2);
  expect((await world.cli('run', 'crm', '--report', 'run.html', '--detach')).code).toBe(2);
  expect((await world.cli('runs', 'show', 'x', '--report', '.')).err).toContain('EISDIR');
});

test('verdicts are kept: newest first, by hand or with their run, what failed by name', async () => {
  const { code, document } = await world.json<{ verifications: readonly (VerificationDocument & { run: string | null; sync: string })[] }>('verifications', 'crm', '--limit', '3');
  expect(code).toBe(0);
  expect(document.verifications.map(({ sync, run, verdict, campaign }) => [sync, run, verdict, campaign?.id])).toEqual([['crm', null, 'fail', 'spring'], ['crm', null, 'fail', 'spring'], ['crm', null, 'pass', 'welcome']]);
  const { out } = await world.cli('verifications', 'crm');
  expect(out).toMatch(/by hand +spring +campaign: none/);
  expect(out).toMatch(/pass +full +source +01[0-9A-Z]{24} +welcome/);
  expect(await world.cli('verifications', 'crn')).toMatchObject({ code: 2 });
});

test('a run leaves a page of its books, calls and pace, also afterwards', async () => {
  const ran = await world.json('run', 'crm', '--full', '--resend', '--report', 'run.html');
  expect(ran).toMatchObject({ code: 0, document: { counts: { delivered: 25 } } });
  expect((await world.cli('runs', 'show', ran.document.run, '--report', 'again.html')).code).toBe(0);
  for (const name of ['run.html', 'again.html']) {
    const text = parsed(file(name)).find(({ name: one }) => one === 'body')?.text ?? '';
    expect(text).toContain(`run ${ran.document.run}, full`);
    expect(text).toContain('25delivered');
    expect(text).toContain('3 taken in full');
    expect(text).toContain('limit: 100,000');
    expect(text).toContain('Campaign welcome: pass');
    expect(file(name)).not.toMatch(/person|example\.com/);
  }
});

test('a campaign of a platform that cannot be asked is wrong use, before anything starts', async () => {
  writeFileSync(join(world.folder, 'other.yaml'), file('syncline.yaml')
    .replace('destinations:', 'destinations:\n  app: {type: dengage, baseUrl: "http://127.0.0.1:1", userkey: a, password: b}')
    .replace('syncs:', 'syncs:\n  app: {source: export, destination: app}'));
  const ran = await world.cli('--config', 'other.yaml', 'verify', 'app', '--campaign', 'spring');
  expect(ran).toMatchObject({ code: 2, out: '' });
  expect(ran.err).toContain('dengage cannot be asked about a campaign');
});
