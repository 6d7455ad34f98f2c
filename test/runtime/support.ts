import { spawn, type ChildProcess } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import ts from 'typescript';
import { placesOf, stopOrphans, type RuntimeOptions } from '../../src/runtime/index.js';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Folders and processes of a test file, gone after {@link Bench.end}. */
export class Bench {
  readonly #folder = mkdtempSync(path.join(os.tmpdir(), 'syncline-test-'));
  readonly #children: ChildProcess[] = [];
  readonly #installations: string[] = [];
  #code: string | undefined;

  /** A new installation's folder. */
  installation(): string {
    const folder = mkdtempSync(path.join(this.#folder, 'at-'));
    this.#installations.push(folder);
    return folder;
  }

  /** The runtime compiled for other processes: one command's process is what is tested, not a module in ours. */
  #compiled(): string {
    if (this.#code !== undefined) return this.#code;
    const target = path.join(this.#folder, 'code');
    mkdirSync(path.join(target, 'runtime'), { recursive: true });
    writeFileSync(path.join(target, 'package.json'), '{"type":"module"}');
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(target, 'node_modules'));
    const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true };
    for (const name of readdirSync(path.join(ROOT, 'src', 'runtime'))) {
      const source = readFileSync(path.join(ROOT, 'src', 'runtime', name), 'utf8');
      writeFileSync(path.join(target, 'runtime', name.replace(/\.ts$/, '.js')), ts.transpileModule(source, { compilerOptions: options }).outputText);
    }
    // What the SDK loads by its path stands beside it.
    mkdirSync(path.join(this.#folder, 'workflows'));
    for (const name of readdirSync(path.join(ROOT, 'workflows'))) {
      if (name.endsWith('.cjs')) copyFileSync(path.join(ROOT, 'workflows', name), path.join(this.#folder, 'workflows', name));
    }
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(this.#folder, 'node_modules'));
    return (this.#code = target);
  }

  /** Runs a program that may import `./runtime/….js`; it talks in lines of JSON on stdout. */
  program(name: string, code: string, args: readonly string[]): Program {
    // A file of its own: one that is written anew while an earlier program starts from it may be read empty.
    const file = path.join(this.#compiled(), `${name}-${this.#children.length}.js`);
    writeFileSync(file, code);
    const child = spawn(process.execPath, [file, ...args], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, TEMPORAL_ADDRESS: '' } });
    this.#children.push(child);
    return new Program(child);
  }

  /** A command that opens the runtime, says where it is, and closes it when told. */
  command(directory: string): Program {
    return this.program('command', COMMAND, [directory]);
  }

  async end(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const child of this.#children) if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once('exit', resolve));
    for (const folder of this.#installations) await stopOrphans(placesOf(folder));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const COMMAND = `
import { findRunning, openRuntime } from './runtime/index.js';
const directory = process.argv[2];
const say = (value) => process.stdout.write(JSON.stringify(value) + '\\n');
const runtime = await openRuntime({
  directory, database: null, temporal: { address: null, namespace: 'default', taskQueue: 'syncline' },
  report: (line) => say({ report: line }),
});
const running = findRunning(directory);
say({ open: { databaseUrl: runtime.databaseUrl, temporalAddress: runtime.temporalAddress, postgres: running.postgres.pid, temporal: running.temporal.pid } });
process.stdin.once('data', async () => { await runtime.close(); process.exit(0); });
`;

export interface Opened {
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  readonly postgres: number;
  readonly temporal: number;
}

export class Program {
  readonly lines: Record<string, unknown>[] = [];
  readonly exited: Promise<number | null>;
  #wake: () => void = () => undefined;

  constructor(readonly child: ChildProcess) {
    this.exited = new Promise((resolve) => child.once('exit', (code) => {
      resolve(code);
      this.#wake();
    }));
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        this.lines.push(JSON.parse(line) as Record<string, unknown>);
        this.#wake();
      });
    }
  }

  /** The value of the first line with `key`. */
  async says<T>(key: string): Promise<T> {
    for (;;) {
      const line = this.lines.find((candidate) => key in candidate);
      if (line !== undefined) return line[key] as T;
      if (this.child.exitCode !== null || this.child.signalCode !== null) throw new Error(`the program ended without saying "${key}"`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  opened(): Promise<Opened> {
    return this.says<Opened>('open');
  }

  get reports(): string[] {
    return this.lines.filter((line) => 'report' in line).map((line) => String(line.report));
  }

  /** Lets the command end by itself. */
  async finish(): Promise<void> {
    this.child.stdin?.write('end\n');
    const code = await this.exited;
    if (code !== 0) throw new Error(`the command ended with ${code}`);
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }
}

export function optionsFor(directory: string, more: Partial<RuntimeOptions> = {}): RuntimeOptions {
  return {
    directory, database: null, temporal: { address: null, namespace: 'default', taskQueue: 'syncline' },
    report: () => undefined, env: { ...process.env, TEMPORAL_ADDRESS: '' }, ...more,
  };
}

/** Asks until the answer is not null; the test's own time limit bounds it. */
export async function eventually<T>(ask: () => Promise<T | null> | T | null): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    await delay(25);
  }
}
