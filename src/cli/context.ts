import { resolve } from 'node:path';
import type { Config } from '../config/index.js';
import type { Runtime, RuntimeOptions } from '../runtime/index.js';
import { CliError, EXIT } from './exit.js';
import { Progress } from './output/index.js';
import type { Output } from './output/index.js';

/** What is needed of stdin. */
export type Source = NodeJS.ReadableStream & { readonly isTTY?: boolean };

export interface ContextOptions {
  readonly output: Output;
  readonly stdin: Source;
  /** Aborted by the first Ctrl-C; its reason is an `Interrupted`. */
  readonly signal: AbortSignal;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** From `--config`. */
  readonly configPath: string | undefined;
}

/** What a command works with. Heavy parts are loaded when they are asked for, so that `--help` stays quick. */
export class Context {
  readonly output: Output;
  readonly signal: AbortSignal;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly #stdin: Source;
  readonly #configPath: string | undefined;
  readonly #hooks: (() => unknown)[] = [];
  #config: Promise<Config> | undefined;
  #runtime: Promise<Runtime> | undefined;
  #store: Promise<Runtime> | undefined;
  #answers: Promise<() => Promise<string>> | undefined;

  constructor({ output, stdin, signal, cwd, env, configPath }: ContextOptions) {
    this.output = output;
    this.#stdin = stdin;
    this.signal = signal;
    this.cwd = cwd;
    this.env = env;
    this.#configPath = configPath;
  }

  /** Where the configuration is, or would be, absolute. */
  get configFile(): string {
    const fromEnv = this.env['SYNCLINE_CONFIG'] === '' ? undefined : this.env['SYNCLINE_CONFIG'];
    return resolve(this.cwd, this.#configPath ?? fromEnv ?? 'syncline.yaml');
  }

  /**
   * The configuration, read once.
   * @throws ConfigError with all its mistakes; left alone it ends the command with exit code 2
   */
  config(): Promise<Config> {
    this.#config ??= import('../config/index.js').then(({ loadConfig }) =>
      loadConfig({ path: this.#configPath, cwd: this.cwd, env: this.env }),
    );
    return this.#config;
  }

  /**
   * Temporal and Postgres, found or started once, left when the command ends; without Temporal, where that is not needed.
   * @param reachTimeoutMs how long configured servers are waited for; counts at the first call only
   * @throws RuntimeError; left alone it ends the command with exit code 5 where a server was not reached
   */
  runtime(need: RuntimeOptions['need'] = {}, reachTimeoutMs?: number): Promise<Runtime> {
    if (need.temporal === false) return this.#runtime ?? (this.#store ??= this.#open(need, reachTimeoutMs));
    return (this.#runtime ??= this.#open(need, reachTimeoutMs));
  }

  /**
   * Asks the person at the terminal; anything but yes is a no. Where stdin is no terminal nobody is asked, and it is a yes.
   * @throws the signal's reason after a Ctrl-C
   */
  async confirm(question: string): Promise<boolean> {
    if (this.#stdin.isTTY !== true) return true;
    const { createInterface } = await import('node:readline/promises');
    // Written by us: what is piped away on stdout is the command's result.
    this.output.stderr.write(`${question} [y/N] `);
    const lines = createInterface({ input: this.#stdin });
    try {
      return /^y(es)?$/i.test((await lines.question('', { signal: this.signal })).trim());
    } finally {
      lines.close();
    }
  }

  /** Whether somebody sits at stdin. */
  get asks(): boolean {
    return this.#stdin.isTTY === true;
  }

  /**
   * Asks the person at the terminal for a line; an empty one is `fallback`, and so is every one where nobody is there.
   * @throws the signal's reason after a Ctrl-C
   */
  async ask(question: string, fallback: string): Promise<string> {
    if (!this.asks) return fallback;
    this.output.stderr.write(`${question}${fallback === '' ? '' : ` [${fallback}]`}: `);
    const line = await (await (this.#answers ??= this.#openAnswers()))();
    return line.trim() === '' ? fallback : line.trim();
  }

  /** One reader for all questions of a command: lines typed ahead are kept for the next one. */
  async #openAnswers(): Promise<() => Promise<string>> {
    const { createInterface } = await import('node:readline/promises');
    const lines = createInterface({ input: this.#stdin });
    this.onClose(() => { lines.close(); });
    const typed = lines[Symbol.asyncIterator]();
    const interrupted = new Promise<never>((_, reject) => {
      this.signal.addEventListener('abort', () => { reject(this.signal.reason as Error); }, { once: true });
    });
    interrupted.catch(() => undefined);
    return async () => {
      this.signal.throwIfAborted();
      const { done, value } = await Promise.race([typed.next(), interrupted]);
      if (done === true) throw new CliError('the questions were not answered: stdin ended', EXIT.misused, '--yes asks nothing');
      return value;
    };
  }

  /** Called when the command has ended, well or not: the last one registered first. */
  onClose(hook: () => unknown): void {
    this.#hooks.push(hook);
  }

  /** A progress display that is taken away when the command ends. */
  progress(): Progress {
    const { stderr, quiet, errorColors } = this.output;
    const progress = new Progress({ stream: stderr, quiet, colors: errorColors });
    this.onClose(() => { progress.stop(); });
    return progress;
  }

  /** Runs every hook, also after one that fails; gives back what they threw. */
  async close(): Promise<unknown[]> {
    const errors: unknown[] = [];
    for (let hook = this.#hooks.pop(); hook !== undefined; hook = this.#hooks.pop()) {
      try {
        await hook();
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  }

  #open(need: RuntimeOptions['need'], reachTimeoutMs: number | undefined): Promise<Runtime> {
    const opening = this.#openRuntime(need, reachTimeoutMs);
    // Also where the command ends before the runtime is open: what is being started must not be left behind.
    this.onClose(async () => {
      const runtime = await opening.catch(() => undefined);
      await runtime?.close();
    });
    return opening;
  }

  async #openRuntime(need: RuntimeOptions['need'], reachTimeoutMs: number | undefined): Promise<Runtime> {
    const { directory, database, temporal } = await this.config();
    const { openRuntime } = await import('../runtime/index.js');
    return openRuntime({
      directory,
      database,
      temporal,
      env: this.env,
      report: (line) => { this.output.progress(line); },
      ...(need === undefined ? {} : { need }),
      ...(reachTimeoutMs === undefined ? {} : { reachTimeoutMs }),
    });
  }
}
