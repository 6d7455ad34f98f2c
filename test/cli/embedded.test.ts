import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findRunning } from '../../src/runtime/index.js';
import { startSandbox } from '../../src/sandbox/index.js';
import { run } from './support.js';
import { people } from './world.js';

test('with nothing configured a run brings Postgres, Temporal and a worker of its own, delivers, and leaves nothing running', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'syncline-cli-'));
  const sandbox = await startSandbox();
  try {
    writeFileSync(join(folder, 'contacts.csv'), ['id,email,locale,opt_in,updated_at', ...people(30), ''].join('\n'));
    writeFileSync(join(folder, 'syncline.yaml'), `version: 1
sources:
  export: {type: csv, path: ./contacts.csv, key: id, updatedAt: updated_at, fields: {email: email, locale: locale, emailConsent: opt_in}}
destinations:
  newsletter: {type: mailingcore, baseUrl: "${sandbox.mailingcore.baseUrl}", apiKey: mc_test_key, tenantId: tenant-1}
syncs:
  crm: {source: export, destination: newsletter, verify: {after: run}}
`);
    const env = Object.fromEntries(Object.entries({ ...process.env, TEMPORAL_ADDRESS: '' }).filter((entry): entry is [string, string] => entry[1] !== undefined));
    const ran = await run(['run', 'crm', '--json'], { cwd: folder, env });
    expect(ran.code, ran.err).toBe(0);
    expect(JSON.parse(ran.out)).toMatchObject({ status: 'completed', counts: { delivered: 30 }, verification: { verdict: 'pass' } });
    expect(sandbox.mailingcore.size()).toBe(30);
    expect(findRunning(folder)).toBeNull();
  } finally {
    await sandbox.close();
    rmSync(folder, { recursive: true, force: true });
  }
}, 240_000);
