import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError, loadConfig } from '../../src/config/index.js';
import { ENV, EXAMPLE, SMALL, load, mistakesOf } from './support.js';

describe('a configuration without mistakes', () => {
  test('the example of the documentation loads, completed with the defaults', () => {
    const config = load(EXAMPLE, ENV);
    expect(config.directory).toBe('/etc/app');
    expect(config.database).toEqual({ url: ENV.SYNCLINE_DATABASE_URL });
    expect(config.temporal).toEqual({ address: 'temporal.internal:7233', namespace: 'default', taskQueue: 'syncline', apiKey: 'temporal-hush' });
    expect(config.retention).toEqual({ rejected: 90 * 86_400_000 });
    expect(load(`${EXAMPLE}\nretention: {rejected: 30d}\n`, ENV).retention).toEqual({ rejected: 30 * 86_400_000 });
    expect(config.sources['crm']).toMatchObject({
      name: 'crm',
      overlap: 120_000,
      pageSize: 2000,
      fields: {
        emailConsent: { column: 'opt_in' },
        smsConsent: { column: 'sms_opt_in', granted: ['yes', 1], denied: ['no'] },
        attributes: { city: 'city', country: 'country' },
      },
    });
    expect(config.sources['export']).toMatchObject({ path: '/etc/app/contacts.csv', delimiter: ',', fields: { attributes: { town: 'city' } } });
    expect(config.destinations['newsletter']).toEqual({
      name: 'newsletter',
      type: 'mailingcore',
      baseUrl: 'https://api.mailingcore.com',
      apiKey: 'mc_live_hush',
      tenantId: 'tenant-1',
      matchBy: 'externalId',
      suppressions: { read: 'beforeRun' },
      batchSize: 1000,
      limits: { calls: 300, per: 60_000, concurrency: 4 },
      timeout: 30_000,
      account: expect.stringMatching(/^mailingcore:api\.mailingcore\.com:[0-9a-f]{6}$/) as string,
      settleDelay: 10_000,
      linger: 2_000,
    });
    expect(config.syncs['crm-newsletter']).toEqual({
      name: 'crm-newsletter',
      source: 'crm',
      destination: 'newsletter',
      schedule: { every: 300_000 },
      settleWithin: 300_000,
      full: { every: 604_800_000 },
      filter: { locale: ['en', 'fr', 'de'], country: ['US'] },
      onDelete: 'optOut',
      verify: { after: 'run', locales: { en: 1, fr: 1 }, tolerance: 0, confidence: 0.95, maxError: 0.01 },
    });
  });

  test('the example of docs/configuration.md loads', () => {
    const folder = mkdtempSync(join(tmpdir(), 'syncline-docs-'));
    try {
      const secret = join(folder, 'temporal');
      writeFileSync(secret, 'temporal-hush\n');
      const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
      const example = /```yaml\n([^]*?)```/.exec(page)?.[1] ?? '';
      expect(load(example.replace('/run/secrets/temporal', secret), ENV).syncs).toHaveProperty('crm-newsletter');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('what is left out has its default', () => {
    const config = load(SMALL);
    expect(config.database).toBeNull();
    expect(config.temporal).toEqual({ address: null, namespace: 'default', taskQueue: 'syncline' });
    expect(config.syncs['s']).toEqual({ name: 's', source: 'crm', destination: 'news', onDelete: 'ignore' });
    expect(config.destinations['news']).toMatchObject({ baseUrl: 'https://api.mailingcore.com', matchBy: 'externalId' });
  });

  test('keys without a value count as left out', () => {
    const config = load(`database:\ntemporal:\n  address:\n${SMALL}    schedule:\n    verify: {}\n`);
    expect(config.database).toBeNull();
    expect(config.temporal.address).toBeNull();
    expect(config.syncs['s']?.schedule).toBeUndefined();
    expect(config.syncs['s']?.verify).toEqual({ after: 'run', locales: {}, tolerance: 0, confidence: 0.95, maxError: 0.01 });
  });

  test('given limits keep the platform\'s for the parts they leave out', () => {
    const config = load(SMALL.replace('tenantId: t1', 'tenantId: t1\n    limits: {calls: 5, read: {calls: 1, per: 1s}}'));
    expect(config.destinations['news']?.limits).toEqual({ calls: 5, per: 60_000, concurrency: 4, read: { calls: 1, per: 1000 } });
  });

  test('names of an object\'s own methods are names like any other', () => {
    const config = load(SMALL.replaceAll('crm:\n', 'constructor:\n').replace('source: crm', 'source: constructor'));
    expect(config.sources['constructor']?.name).toBe('constructor');
    expect(mistakesOf(SMALL.replace('source: crm', 'source: toString'))).toHaveLength(1);
  });

  test('paths of TLS files start at the configuration file', () => {
    const config = load(`temporal: {tls: {certFile: tls/c.pem, keyFile: /k.pem}}\n${SMALL}`);
    expect(config.temporal.tls).toEqual({ certFile: '/etc/app/tls/c.pem', keyFile: '/k.pem' });
    expect(mistakesOf(`temporal: {tls: {certFile: c}}\n${SMALL}`)).toMatchObject([{ key: 'temporal.tls', expected: 'both or neither' }]);
  });
});

describe('finding the file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'syncline-config-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  test('--config goes before SYNCLINE_CONFIG, which goes before syncline.yaml', () => {
    for (const name of ['syncline.yaml', 'env.yaml', 'flag.yaml']) {
      writeFileSync(join(folder, name), SMALL.replace('  s:', `  from-${name}:`));
    }
    const syncOf = (path: string | undefined, env: Record<string, string>): string[] => Object.keys(loadConfig({ path, cwd: folder, env }).syncs);
    expect(syncOf(undefined, {})).toEqual(['from-syncline.yaml']);
    expect(syncOf(undefined, { SYNCLINE_CONFIG: '' })).toEqual(['from-syncline.yaml']);
    expect(syncOf(undefined, { SYNCLINE_CONFIG: 'env.yaml' })).toEqual(['from-env.yaml']);
    expect(syncOf('flag.yaml', { SYNCLINE_CONFIG: 'env.yaml' })).toEqual(['from-flag.yaml']);
  });

  test('a missing file is an error that says where it was looked for and how to get one', () => {
    expect(() => loadConfig({ cwd: folder, env: {} })).toThrow(ConfigError);
    expect(() => loadConfig({ cwd: folder, env: {} })).toThrow(join(folder, 'syncline.yaml'));
    expect(() => loadConfig({ cwd: folder, env: {} })).toThrow('syncline init');
    expect(() => loadConfig({ cwd: folder, env: { SYNCLINE_CONFIG: 'nope.yaml' } })).toThrow('named by SYNCLINE_CONFIG');
    expect(() => loadConfig({ path: '.', cwd: folder, env: {} })).toThrow('EISDIR');
  });

  test('files of secrets are read from beside the configuration file, without their last newline', () => {
    writeFileSync(join(folder, 'syncline.yaml'), SMALL.replace('mc_test_1', '${file:key.txt}'));
    writeFileSync(join(folder, 'key.txt'), 'mc_from_file\n');
    expect(loadConfig({ cwd: folder, env: {} }).destinations['news']).toMatchObject({ apiKey: 'mc_from_file' });
  });
});
