import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseConfig, type Config } from '../../src/config/index.js';
import { Connectors, registerSync, verificationCost, verifySync } from '../../src/control/index.js';
import { createPool, migrate, readDifferences, type Pool } from '../../src/ledger/index.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/index.js';
import type { VerifyProgress } from '../../src/verification/index.js';
import { createDatabase, type TestDatabase } from '../support/runtime.js';

const PEOPLE = Array.from({ length: 30 }, (_, n) => ({ key: `c${n}`, email: `c${n}@example.com`, locale: n % 3 === 0 ? 'fr' : 'en', in: n % 5 !== 0, sms: n % 2 === 0 }));

let directory: string;
let database: TestDatabase;
let pool: Pool;
let sandbox: Sandbox;
let config: Config;
const connectors = new Connectors();

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'syncline-verify-'));
  database = await createDatabase();
  await migrate(database.url);
  pool = createPool(database.url, 4);
  sandbox = await startSandbox();
  writeFileSync(join(directory, 'people.csv'), ['key,email,locale,in,sms', ...PEOPLE.map((p) => [p.key, p.email, p.locale, p.in, p.sms].join(','))].join('\n'));
  const text = `version: 1
sources:
  people: {type: csv, path: people.csv, key: key, fields: {email: email, locale: locale, emailConsent: in, smsConsent: sms}}
destinations:
  app:
    type: dengage
    baseUrl: ${sandbox.dengage.baseUrl}
    userkey: sandbox
    password: sandbox
    columns: {language: locale}
    limits: {calls: 1, per: 60s, concurrency: 1, read: {calls: 1000, per: 1s}}
syncs:
  app: {source: people, destination: app}
`;
  config = parseConfig(text, { file: join(directory, 'syncline.yaml'), shown: 'syncline.yaml', env: {} });
});
afterAll(async () => {
  await connectors.close();
  await sandbox?.close();
  await pool?.end();
  await database?.drop();
  rmSync(directory, { recursive: true, force: true });
});

test('a platform that shows one contact at a time is verified by a sample, consent of both channels included', async () => {
  sandbox.dengage.plant(PEOPLE.map((p) => ({ contact_key: p.key, email: p.email, language: p.locale, email_permission: p.in, gsm_permission: p.sms })));
  const wired = connectors.wire(config, 'app');
  const ids = await registerSync(pool, config, 'app');
  expect(await verificationCost({ pool, wired, confidence: 0.99 })).toMatchObject({ contacts: 0, reads: 2, confidence: 0.99, maxError: 0.01, pace: { calls: 1000, per: 1_000 } });
  const told: VerifyProgress['sample'][] = [];
  const verify = (id: string) => verifySync({
    pool, wired, ids, against: 'source', runNo: null, id, confidence: 0.9999, signal: new AbortController().signal, onProgress: (progress) => told.push(progress?.sample),
  });

  const right = await verify('one');
  expect(right).toMatchObject({ verdict: 'pass', method: 'sample', sampleSize: 30, population: 30, atMost: 0, foreign: 30, total: { found: 30, known: 0 } });
  expect(right.locales.map(({ locale, expected, found }) => [locale, expected, found])).toEqual([['en', 16, 16], ['fr', 8, 8]]);
  expect(told).toContainEqual({ done: 30, total: 30 });

  sandbox.dengage.optOut('c1', 'email');
  sandbox.dengage.optOut('c2', 'gsm');
  expect((await verify('two')).verdict).toBe('fail');
  expect((await readDifferences(pool, 'two', null)).map(({ key, kind, why }) => [key, kind, why])).toEqual([
    ['c1', 'missing', 'there, but not opted in'], ['c2', 'different', 'differs in gsm_permission'],
  ]);
});
