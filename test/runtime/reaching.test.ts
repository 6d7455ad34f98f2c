import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { openRuntime } from '../../src/runtime/index.js';
import { accessOf } from '../../src/runtime/connect.js';
import { choosePort } from '../../src/runtime/ports.js';
import { createDatabase } from '../support/runtime.js';
import { Bench, optionsFor } from './support.js';

const bench = new Bench();
afterAll(() => bench.end());

const temporal = { address: null, namespace: 'default', taskQueue: 'syncline' };

describe('configured servers', () => {
  test('TEMPORAL_ADDRESS is used where the file names none, and nothing is started or written', async () => {
    const database = await createDatabase();
    const runtime = await openRuntime({
      ...optionsFor('/nonexistent'), database: { url: database.url }, env: { TEMPORAL_ADDRESS: inject('temporalAddress') },
    });
    try {
      expect(runtime).toMatchObject({ temporalAddress: inject('temporalAddress'), embeddedTemporal: false, embeddedPostgres: false, uiUrl: null, searchAttributes: true });
    } finally {
      await runtime.close();
      await database.drop();
    }
  });

  test('an address nobody listens on is unreachable after the time given', async () => {
    const port = await choosePort([]);
    const address = `127.0.0.1:${port}`;
    await expect(openRuntime(optionsFor('/nonexistent', { database: { url: `postgresql://u:hidden@${address}/x` }, need: { temporal: false }, reachTimeoutMs: 300 })))
      .rejects.toMatchObject({ fault: 'unreachable', message: expect.not.stringContaining('hidden') as string });
    await expect(openRuntime(optionsFor('/nonexistent', { temporal: { ...temporal, address }, need: { postgres: false }, reachTimeoutMs: 300 })))
      .rejects.toMatchObject({ fault: 'unreachable', message: expect.stringContaining(address) as string });
  });

  test('a wrong password and an unknown namespace are told at once, without the password', async () => {
    const url = new URL(inject('databaseUrl'));
    url.password = 'wrong-one';
    await expect(openRuntime(optionsFor('/nonexistent', { database: { url: url.href }, need: { temporal: false } })))
      .rejects.toMatchObject({ fault: 'misconfigured', message: expect.not.stringContaining('wrong-one') as string });
    await expect(openRuntime(optionsFor('/nonexistent', { temporal: { ...temporal, address: inject('temporalAddress'), namespace: 'elsewhere' }, need: { postgres: false } })))
      .rejects.toMatchObject({ fault: 'misconfigured', message: expect.stringContaining('elsewhere') as string });
  });
});

describe('encryption', () => {
  test('an API key alone means TLS, certificates come from their files, half a pair is refused', () => {
    const folder = bench.installation();
    for (const name of ['cert', 'key', 'ca']) writeFileSync(path.join(folder, name), name);
    const [certFile, keyFile, caFile] = ['cert', 'key', 'ca'].map((name) => path.join(folder, name));
    expect(accessOf('a:1', {})).toEqual({ address: 'a:1' });
    expect(accessOf('a:1', { apiKey: 'k' })).toEqual({ address: 'a:1', apiKey: 'k', tls: true });
    expect(accessOf('a:1', { tls: { certFile, keyFile, caFile } })).toEqual({
      address: 'a:1', tls: { serverRootCACertificate: Buffer.from('ca'), clientCertPair: { crt: Buffer.from('cert'), key: Buffer.from('key') } },
    });
    expect(() => accessOf('a:1', { tls: { certFile } })).toThrow('only one of certFile and keyFile');
    expect(() => accessOf('a:1', { tls: { caFile: path.join(folder, 'none') } })).toThrow('ENOENT');
  });
});
