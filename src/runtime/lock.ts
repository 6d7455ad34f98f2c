import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, self, type ProcessId } from './processes.js';

/** Milliseconds a lock may be taken before that is worth a word: joining running services takes a moment. */
const PATIENCE_MS = 2_000;

/**
 * A lock between processes that a SIGKILL cannot leave behind.
 *
 * The folder holds numbered files; the highest one tells whether the lock is held and by whom. Whoever finds it
 * released, or its owner gone, creates the next number, which only one can (link(2) refuses an existing name).
 * A file is deleted only by the owner of a higher one, so whoever was slow and made a number that others have
 * passed sees the higher one afterwards and steps back. Nothing is ever stolen, so there is no race about stealing.
 *
 * `waiting` is called once, with the owner's pid, where the lock is not free within {@link PATIENCE_MS}.
 */
export async function withLock<T>(folder: string, work: () => Promise<T>, waiting?: (pid: number) => void): Promise<T> {
  mkdirSync(folder, { recursive: true });
  let told = false;
  const began = performance.now();
  for (;;) {
    const attempt = take(folder);
    if (typeof attempt === 'string') {
      try {
        return await work();
      } finally {
        release(folder, attempt);
      }
    }
    if (attempt.owner !== null && !told && performance.now() - began > PATIENCE_MS) {
      told = true;
      waiting?.(attempt.owner);
    }
    await delay(20 + Math.random() * 10);
  }
}

function take(folder: string): string | { owner: number | null } {
  const highest = numbers(folder).at(-1);
  if (highest !== undefined) {
    const owner = ownerOf(path.join(folder, highest));
    if (owner === 'unreadable') return { owner: null };
    if (owner !== null && isAlive(owner)) return { owner: owner.pid };
  }
  const mine = String(Number(highest ?? '0') + 1).padStart(12, '0');
  const draft = writeDraft(folder, JSON.stringify(self()));
  try {
    linkSync(draft, path.join(folder, mine));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return { owner: null };
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  const now = numbers(folder);
  if (now.at(-1) !== mine) {
    rmSync(path.join(folder, mine), { force: true });
    return { owner: null };
  }
  for (const old of now) if (old < mine) rmSync(path.join(folder, old), { force: true });
  return mine;
}

function release(folder: string, mine: string): void {
  try {
    renameSync(writeDraft(folder, 'null'), path.join(folder, mine));
  } catch (error) {
    // The whole folder was removed under us: there is nothing left to release.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function writeDraft(folder: string, text: string): string {
  const draft = path.join(folder, `.${process.pid}-${randomUUID()}`);
  writeFileSync(draft, text);
  return draft;
}

function numbers(folder: string): string[] {
  return readdirSync(folder).filter((name) => /^\d{12}$/.test(name)).sort();
}

function ownerOf(file: string): ProcessId | null | 'unreadable' {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessId | null;
  } catch (error) {
    // Gone: a higher number has just been made. Not JSON: a full disk cut it short, nobody holds it.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'unreadable' : null;
  }
}
