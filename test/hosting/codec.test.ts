import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { serveCodec } from '../../src/hosting/index.js';
import { Codec } from '../../src/runtime/index.js';

const key = (): string => randomBytes(32).toString('base64');
const payload = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{"reason":"a secret"}') };

test('what was encrypted is read by its key alone, also after another took its place, and not when a bit of it changed', async () => {
  const [before, now] = [key(), key()];
  const old = new Codec({ encryptionKey: before });
  await fc.assert(fc.asyncProperty(fc.uint8Array(), fc.nat(), async (data, at) => {
    const [sealed] = await old.encode([{ metadata: { encoding: Buffer.from('binary/plain') }, data }]);
    const bytes = Buffer.from(sealed?.data ?? []);
    const [read] = await new Codec({ encryptionKey: now, encryptionKeys: [before] }).decode([sealed!]);
    expect(Buffer.from(read?.data ?? [])).toEqual(Buffer.from(data));
    await expect(new Codec({ encryptionKey: now }).decode([sealed!])).rejects.toThrow('which this configuration does not have');
    const place = at % bytes.length;
    bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place);
    await expect(old.decode([{ ...sealed, data: bytes }])).rejects.toThrow('was changed since');
  }), { numRuns: 50 });
  // From before there was a key, or without one.
  expect(await old.decode([payload])).toEqual([payload]);
  expect(await new Codec({}).encode([payload])).toEqual([payload]);
});

test('the codec server decrypts for the Web UI\'s page, and for no other', async () => {
  const keys = { encryptionKey: key() };
  const origin = 'http://localhost:8233';
  const served = await serveCodec({ at: { port: 0, host: '127.0.0.1' }, origin, keys });
  const ask = (path: string, body: unknown, from = origin): Promise<Response> =>
    fetch(`${served.url}/${path}`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-namespace': 'default', origin: from }, body: JSON.stringify(body) });
  try {
    const [sealed] = await new Codec(keys).encode([payload]);
    const wire = { metadata: { encoding: Buffer.from(sealed!.metadata!['encoding']!).toString('base64'), 'encryption-key-id': Buffer.from(sealed!.metadata!['encryption-key-id']!).toString('base64') }, data: Buffer.from(sealed!.data!).toString('base64') };
    const answer = await ask('decode', { payloads: [wire] });
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
    const { payloads } = (await answer.json()) as { payloads: { data: string }[] };
    expect(Buffer.from(payloads[0]!.data, 'base64').toString()).toBe('{"reason":"a secret"}');
    expect((await ask('decode', { payloads: [wire] }, 'https://elsewhere.example')).status).toBe(403);
    expect((await ask('decode', {})).status).toBe(400);
    expect((await fetch(`${served.url}/decode`, { method: 'OPTIONS' })).status).toBe(204);
  } finally {
    await served.close();
  }
});
