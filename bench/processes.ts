import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const CLI = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../src/cli/main.js');
/** Linux counts a process's time in hundredths of a second. */
const TICKS = 100;

/** A command of Syncline's as a process of its own. */
export interface Command {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Resolves with a line of its output that matches. */
  line(pattern: RegExp): Promise<string>;
  /** Resolves with its exit code and output. */
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly ms: number }>;
}

/** Starts `syncline ARGS` in `cwd`. */
export function command(args: readonly string[], cwd: string): Command {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [CLI, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TEMPORAL_ADDRESS: '' } });
  let stdout = '';
  let seen = '';
  const waiting = new Set<() => void>();
  const hear = (text: string): void => {
    seen += text;
    for (const look of waiting) look();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout += text; hear(text); });
  child.stderr.setEncoding('utf8').on('data', hear);
  const ended = new Promise<{ code: number | null; stdout: string; ms: number }>((resolve) => {
    child.on('close', (code) => { resolve({ code, stdout, ms: performance.now() - startedAt }); });
  });
  const line = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(seen);
        if (!found) return;
        waiting.delete(look);
        resolve(found[0]);
      };
      waiting.add(look);
      look();
      void ended.then(({ code }) => { reject(new Error(`syncline ${args[0] ?? ''} ended with ${code}:\n${seen.slice(-2_000)}`)); });
    });
  return { child, pid: child.pid ?? 0, line, ended };
}

/** The process that started this one. */
export function parentOf(pid: number): number {
  return Number((readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1] ?? '').split(' ')[1]);
}

/** CPU seconds a process has used. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Greatest resident memory a process has had, in MiB; 0 for one that is ending. */
export function peakMemory(pid: number): number {
  const kib = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kib ?? 0) / 1024);
}

/** CPU seconds of a process and all it started, by walking /proc. */
export function cpuOfTree(root: number): number {
  const text = (pid: number, file: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8');
    } catch {
      return '';
    }
  };
  const walk = (pid: number): number => {
    let own = 0;
    try {
      own = cpuSeconds(pid);
    } catch {
      return 0;
    }
    return text(pid, `task/${pid}/children`).split(' ').filter(Boolean).reduce((sum, child) => sum + walk(Number(child)), own);
  };
  return walk(root);
}
