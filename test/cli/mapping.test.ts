import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { countMapping } from '../../activities/count-mapping.js';
import { loadConfig } from '../../src/config/index.js';
import { Connectors, LiveConfig, type PlanDocument, type PreviewDocument } from '../../src/control/index.js';
import { audit } from '../../src/ledger/index.js';
import { createCliWorld, people, type CliWorld } from './world.js';

let world: CliWorld;
beforeAll(async () => {
  world = await createCliWorld();
  await world.work();
});
afterAll(async () => { await world.close(); });

/** The configuration with these lines under the sync; `swap` exchanges text above it. */
let written: string | undefined;
function configure(sync: string, swap: readonly [from: string, to: string] = ['', '']): void {
  const file = join(world.folder, 'syncline.yaml');
  written ??= readFileSync(file, 'utf8');
  writeFileSync(file, `${written.replace(...swap)}${sync}`);
}

const plan = async (...more: string[]) => (await world.json<PlanDocument>('plan', 'crm', ...more)).document;
const attributesOf = (key: string) => (world.sandbox.mailingcore.contact(key) as { attributes: unknown }).attributes;

test('a changed mapping sends nothing by itself; the next run and plan say what it touches, and a full run sends exactly that', async () => {
  const first = await world.json('run', 'crm');
  expect(first).toMatchObject({ code: 0, document: { mapping: null, counts: { delivered: 25 } } });
  expect(await plan()).toMatchObject({ mapping: null, notices: [] });

  // Every run reads a CSV whole: it is met again, and still not sent.
  configure('    mapping: {attributes: {tier: {const: gold}}}\n');
  const all = { changed: true, contacts: 25, calls: 3, seconds: 0 };
  expect(await plan()).toMatchObject({ kind: 'incremental', calls: 0, counts: { extracted: 25, unchanged: 25 }, mapping: all });
  expect(await plan('--full')).toMatchObject({ kind: 'full', calls: 3, counts: { updates: 25 }, mapping: all });
  const next = await world.json('run', 'crm');
  expect(next).toMatchObject({ code: 0, document: { status: 'completed', counts: { extracted: 25, unchanged: 25, queued: 0 }, mapping: all, notices: [] } });
  expect((await world.cli('runs', 'show', next.document.run)).out).toContain('25 contacts come out different (3 calls, 0 ms) and are not sent again by themselves: syncline run crm --full sends exactly those');

  // A contact that changes goes out as it is mapped now; so does an opt-out. Nothing else does, in this run or a later one.
  world.contacts(people(25).map((line, i) => (i === 1 ? line.replace('person2@', 'renamed2@').replace('2025-01-01', '2025-01-02') : i === 2 ? line.replace('true', 'false') : line)));
  expect((await world.json('run', 'crm')).document).toMatchObject({ mapping: null, counts: { unchanged: 23, queued: 2, delivered: 2 } });
  expect(attributesOf('2')).toEqual({ tier: 'gold' });
  expect(world.sandbox.mailingcore.contact('3')).toMatchObject({ optIn: false, attributes: { tier: 'gold' } });
  expect(attributesOf('4')).toEqual({});

  // Told once by a run; by plan for as long as it is so.
  expect((await world.json('run', 'crm')).document).toMatchObject({ mapping: null, counts: { queued: 0 } });
  expect(await plan()).toMatchObject({ calls: 0, mapping: { contacts: 23, calls: 3 } });
  const full = await world.json('run', 'crm', '--full');
  expect(full).toMatchObject({ code: 0, document: { mapping: null, counts: { extracted: 25, unchanged: 2, queued: 23, delivered: 23 }, calls: { total: 3 } } });
  expect(attributesOf('4')).toEqual({ tier: 'gold' });
  expect(await plan()).toMatchObject({ mapping: null });
});

test('a full run sends only those whose result changed, by a lookup that changes few', async () => {
  configure('    mapping: {attributes: {tier: {const: gold}}, locale: {from: key, map: {"5": fr, "4": en}, default: {from: locale}}}\n');
  expect((await world.json('run', 'crm')).document).toMatchObject({ counts: { queued: 0 }, mapping: { contacts: 1, calls: 1 } });
  expect((await world.cli('plan', 'crm')).out).toContain('1 contact comes out different (1 call, 0 ms) and is not sent again by itself: syncline run crm --full sends exactly that one');
  expect((await world.json('run', 'crm', '--full')).document).toMatchObject({ counts: { unchanged: 24, queued: 1, delivered: 1 } });
  expect(world.sandbox.mailingcore.contact('5')).toMatchObject({ locale: 'fr' });
  expect(world.sandbox.mailingcore.contact('1')).toMatchObject({ locale: null });
});

test('a change that changes no contact says so, and one that decides nothing about contacts is none', async () => {
  const mapping = '    mapping: {attributes: {tier: {const: gold}}, locale: {from: key, map: {"5": fr, "4": en, "7": en}, default: {from: locale}}}\n';
  configure(mapping);
  expect((await world.json('run', 'crm')).document).toMatchObject({ mapping: { contacts: 0, calls: 0 } });
  expect((await world.cli('plan', 'crm')).out).toContain('no contact comes out different');
  await world.json('run', 'crm', '--full');
  configure(`${mapping}    schedule: {every: 5m}\n    verify: {after: never}\n`, ['batchSize: 10', 'batchSize: 5']);
  expect((await world.json('run', 'crm')).document).toMatchObject({ mapping: null });
  expect(await plan()).toMatchObject({ mapping: null });
  expect((await audit(world.pool, null)).balanced).toBe(true);
});

test('what cannot be counted, or not in time, leaves the run as it is, and plan is named as the way to count it', async () => {
  configure('    mapping: {attributes: {tier: {const: silver}}}\n');
  const { run } = (await world.json('run', 'crm')).document;
  await world.pool.query(`UPDATE run SET mapping = '{"changed":true,"contacts":null,"calls":null,"seconds":null}' WHERE id = $1`, [run]);
  const connectors = new Connectors();
  const parts = { pool: world.pool, config: new LiveConfig(loadConfig({ cwd: world.folder, env: {} })), connectors, stopping: new AbortController().signal };
  const count = (withinMs: number) => new MockActivityEnvironment().run(countMapping(parts, withinMs), { run });
  const csv = join(world.folder, 'contacts.csv');
  expect(await count(0)).toEqual({ contacts: null });
  renameSync(csv, `${csv}.away`);
  expect(await count(10_000)).toEqual({ contacts: null });
  expect((await world.cli('runs', 'show', run)).out).toContain('syncline plan crm counts the contacts that come out different, run crm --full sends them');
  renameSync(`${csv}.away`, csv);
  expect(await count(10_000)).toEqual({ contacts: 25 });
  expect((await world.json('runs', 'show', run)).document).toMatchObject({ status: 'completed', mapping: { changed: true, contacts: 25, calls: 3 } });
  await connectors.close();
});

test('consentVersion goes to MailingCore and is read back from it; a preview tells what a field was made of', async () => {
  const list = `  list: {type: mailingcore, baseUrl: ${world.sandbox.mailingcore.baseUrl}, apiKey: mc_test_key, tenantId: tenant-1, fields: {consentVersion: consentVersion}}`;
  const expressions = 'emailConsent: opt_in, consentVersion: {const: 2025-05}, lastName: {template: "{id} of {locale}"}, country: {from: locale, map: {en: GB}}';
  configure('', ['emailConsent: opt_in}}', `${expressions}}}\n${list}`]);
  expect((await world.json('run', 'crm', '--full')).document).toMatchObject({ status: 'completed', counts: { queued: 25, delivered: 25 } });
  expect(world.sandbox.mailingcore.contact('2')).toMatchObject({ consentVersion: '2025-05', attributes: { lastName: '2 of en' } });

  const { document } = await world.json<PreviewDocument>('source', 'preview', 'export', '--limit', '1');
  expect(document.records[0]).toMatchObject({
    contact: { consentVersion: '2025-05', lastName: '1 of', country: null },
    from: { consentVersion: { column: 'a constant', value: '2025-05' }, lastName: { column: '{id} of {locale}', value: { id: '1', locale: '' } }, country: { column: 'locale', value: '' } },
  });
  const back = await world.json<PreviewDocument>('source', 'preview', 'list', '--limit', '25');
  expect(back.document.records.map((record) => record.contact?.consentVersion)).toEqual(Array.from({ length: 25 }, () => '2025-05'));
});
