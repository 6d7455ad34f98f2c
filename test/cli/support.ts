import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Register } from '../../src/cli/command.js';
import { COMMANDS } from '../../src/cli/commands/index.js';
import type { Source } from '../../src/cli/context.js';
import { runCli } from '../../src/cli/run-cli.js';
import type { Sink } from '../../src/cli/output/index.js';

/** Collects what is written. */
export class Collected implements Sink {
  text = '';
  constructor(
    readonly isTTY = false,
    readonly columns = 100,
  ) {}
  write(text: string): void {
    this.text += text;
  }
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly atOnce: readonly number[];
}

/** Runs a command line in this process. */
export async function run(
  argv: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; commands?: readonly Register[]; signals?: EventEmitter; tty?: boolean; controller?: AbortController; fatal?: Promise<never>; stdin?: Source } = {},
): Promise<Ran> {
  const stdout = new Collected(options.tty);
  const stderr = new Collected(options.tty);
  const atOnce: number[] = [];
  const code = await runCli({
    argv,
    stdout,
    stderr,
    env: options.env ?? {},
    cwd: options.cwd ?? tmpdir(),
    commands: options.commands ?? COMMANDS,
    signals: options.signals ?? new EventEmitter(),
    controller: options.controller,
    fatal: options.fatal,
    ...(options.stdin !== undefined && { stdin: options.stdin }),
    exitAtOnce: (now) => { atOnce.push(now); },
  });
  return { code, out: stdout.text, err: stderr.text, atOnce };
}

/** A folder with a syncline.yaml in it, for the time of `use`. */
export async function withConfig<T>(text: string, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'syncline-cli-'));
  try {
    writeFileSync(join(folder, 'syncline.yaml'), text);
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
