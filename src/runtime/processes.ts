import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, readdirSync, readlinkSync, statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A process that cannot be mistaken for a later one with the same id. */
export interface ProcessId {
  readonly pid: number;
  /** When it started, in the system's own words: clock ticks since boot on Linux, a date elsewhere. */
  readonly start: string;
}

const linux = process.platform === 'linux';

/** When the process `pid` started; null where there is none, or only its zombie. */
export function startOf(pid: number): string | null {
  if (linux) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The second field is the command in parentheses and may hold blanks and parentheses itself (proc(5)).
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
    } catch {
      return null;
    }
  }
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return null;
  }
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } }).trim();
    return line === '' || line.startsWith('Z') ? null : line.replace(/^\S+\s+/, '');
  } catch {
    return null;
  }
}

export function identify(pid: number): ProcessId | null {
  const start = startOf(pid);
  return start === null ? null : { pid, start };
}

let own: ProcessId | undefined;
/** This process. */
export function self(): ProcessId {
  own ??= { pid: process.pid, start: startOf(process.pid) ?? 'unknown' };
  return own;
}

/** Whether exactly that process is still running. */
export function isAlive(id: ProcessId): boolean {
  return startOf(id.pid) === id.start;
}

/** Sends a signal, unless the process is gone. */
export function signalProcess(id: ProcessId, signal: NodeJS.Signals): void {
  if (!isAlive(id)) return;
  try {
    process.kill(id.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Waits until the process is gone; false after `ms` milliseconds. */
export async function waitForExit(id: ProcessId, ms: number): Promise<boolean> {
  for (const end = Date.now() + ms; isAlive(id); await delay(15)) if (Date.now() > end) return false;
  return true;
}

/** Asks with `first`, insists with SIGKILL after `ms` milliseconds. Returns when the process is gone. */
export async function stopProcess(id: ProcessId, first: NodeJS.Signals, ms: number): Promise<void> {
  signalProcess(id, first);
  if (await waitForExit(id, ms)) return;
  signalProcess(id, 'SIGKILL');
  await waitForExit(id, 5_000);
}

export interface OtherProcess extends ProcessId {
  readonly command: readonly string[];
  /** Working folder; null where it may not be seen. */
  readonly cwd: string | null;
}

/** The processes `wanted` picks. Linux only: elsewhere an empty list (callers only tidy up with it). */
export function findProcesses(wanted: (candidate: OtherProcess) => boolean): OtherProcess[] {
  if (!linux) return [];
  const found: OtherProcess[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      const id = identify(Number(name));
      if (id === null) continue;
      const candidate = { ...id, command, cwd: folderOf(name) };
      if (wanted(candidate)) found.push(candidate);
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

function folderOf(pid: string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return null;
  }
}

export interface Server {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly log: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
}

/** Above this many bytes a server's log is emptied before its next start. */
const LOG_LIMIT = 10_000_000;

/**
 * Starts a server in a process group of its own, so that neither Ctrl-C at the terminal nor the end of this
 * process reaches it. It gets next to nothing of our environment: secrets in it are not the server's business.
 * Returns its process and from where in the log its own lines start.
 */
export function startServer(server: Server): { id: ProcessId | null; logFrom: number; failed: Promise<Error> } {
  mkdirSync(path.dirname(server.log), { recursive: true });
  const log = openSync(server.log, 'a', 0o600);
  try {
    if (statSync(server.log).size > LOG_LIMIT) truncateSync(server.log);
    const logFrom = statSync(server.log).size;
    const child = spawn(server.command, server.args, {
      cwd: server.cwd,
      detached: true,
      stdio: ['ignore', log, log],
      env: { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: process.env.HOME ?? '/', LC_ALL: 'C', TZ: 'UTC', ...server.env },
      ...(server.uid === undefined ? {} : { uid: server.uid, gid: server.gid }),
    });
    const failed = new Promise<Error>((resolve) => child.once('error', resolve));
    child.unref();
    return { id: child.pid === undefined ? null : identify(child.pid), logFrom, failed };
  } finally {
    closeSync(log);
  }
}

/** What a server wrote since `from` bytes, at most its last `limit` characters. */
export function logSince(file: string, from: number, limit = 100_000): string {
  try {
    return readFileSync(file).subarray(from).toString('utf8').slice(-limit);
  } catch {
    return '';
  }
}
