import { writeFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunDocument, VerificationDocument } from '../../src/ledger/index.js';
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

test('a campaign of a platform that cannot be asked is wrong use, before anything starts', async () => {
  const file = join(world.folder, 'syncline.yaml');
  const text = readFileSync(file, 'utf8');
  writeFileSync(join(world.folder, 'other.yaml'), text
    .replace('destinations:', 'destinations:\n  app: {type: dengage, baseUrl: "http://127.0.0.1:1", userkey: a, password: b}')
    .replace('syncs:', 'syncs:\n  app: {source: export, destination: app}'));
  const ran = await world.cli('--config', 'other.yaml', 'verify', 'app', '--campaign', 'spring');
  expect(ran).toMatchObject({ code: 2, out: '' });
  expect(ran.err).toContain('dengage cannot be asked about a campaign');
});
