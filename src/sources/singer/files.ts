import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

/** The host's name is part of it: a process id says nothing about another machine's or container's process. */
const PREFIX = `syncline-tap-${os.hostname().replace(/[^A-Za-z0-9.-]/g, '_')}-`;
const YOUNG_MS = 60_000;

/** A folder only this user can read, for what a tap is given: its configuration holds passwords. */
export interface PrivateFolder {
  /** Writes a file (mode 0600); resolves to its path. */
  write(name: string, content: string): Promise<string>;
  remove(): Promise<void>;
}

export async function privateFolder(): Promise<PrivateFolder> {
  await sweep();
  const folder = await mkdtemp(path.join(os.tmpdir(), `${PREFIX}${process.pid}-`));
  return {
    write: async (name, content) => {
      const file = path.join(folder, name);
      await writeFile(file, content, { mode: 0o600, flag: 'wx' });
      return file;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Removes what a worker that was killed left behind. */
async function sweep(): Promise<void> {
  for (const name of await readdir(os.tmpdir())) {
    const pid = name.startsWith(PREFIX) ? Number(/^(\d+)-/.exec(name.slice(PREFIX.length))?.[1]) : NaN;
    if (Number.isNaN(pid) || isThere(pid)) continue;
    const folder = path.join(os.tmpdir(), name);
    const made = await stat(folder).catch(() => null);
    if (made !== null && Date.now() - made.mtimeMs > YOUNG_MS) await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
