import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { onShutdown } from '../../src/runtime/index.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/index.js';
import { command, cpuSeconds, peakMemory, type Command } from '../processes.js';
import { serversIn, type Servers } from './servers.js';

/** An installation as an operator has it: servers, workers and the platform, each a process of its own but the platform. */
export interface Place {
  readonly directory: string;
  readonly servers: Servers;
  readonly crm: pg.Client;
  /** In this process: it is asked what it holds many times a second. */
  readonly sandbox: Sandbox;
  readonly workers: Workers;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Runs a command to its end and gives back its document. @throws Error where it ends with another code than 0 */
  asked<T>(...args: readonly string[]): Promise<T>;
  /** One query of the ledger, on a connection of its own. */
  ledger<Row extends pg.QueryResultRow>(sql: string): Promise<readonly Row[]>;
  /** Waits until `reached`, looking every `lookMs` milliseconds. @throws Error in the words of `what` after `limitMs` */
  until(what: string, limitMs: number, reached: () => Promise<boolean> | boolean, lookMs?: number): Promise<void>;
}

/** Somebody asked it to end. */
export class Interrupted extends Error {
  constructor() {
    super('interrupted');
  }
}

/** The worker processes. */
export class Workers {
  /** Greatest resident memory of any of them, MiB. */
  peakMiB = 0;
  /** How workers ended that nobody had ended. */
  readonly died: string[] = [];
  private readonly running: Command[] = [];
  private readonly cpu = new Map<Command, number>();
  private readonly expected = new Set<Command>();

  constructor(private readonly begin: (args: readonly string[]) => Command) {}

  /** Starts one as number `index`; resolves when it takes up work. */
  async start(index: number): Promise<void> {
    const one = this.begin(['worker']);
    this.running[index] = one;
    void one.ended.then(({ code }) => { if (!this.expected.has(one)) this.died.push(`worker ${index + 1} ended by itself with ${code ?? 'a signal'}`); });
    await one.line(/worker ready/);
  }

  /** SIGKILL; the process is gone afterwards. */
  async kill(index: number): Promise<void> {
    await this.end(index, 'SIGKILL');
  }

  /** SIGTERM; the process is gone afterwards, and must have ended well. */
  async stop(index: number): Promise<void> {
    const code = await this.end(index, 'SIGTERM');
    if (code !== 0) this.died.push(`worker ${index + 1}, told to stop, ended with ${code ?? 'a signal'}`);
  }

  private async end(index: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    this.look();
    const one = this.running[index];
    if (one === undefined) return 0;
    this.expected.add(one);
    one.child.kill(signal);
    return (await one.ended).code;
  }

  /** Notes how much memory and CPU they have had so far. */
  look(): void {
    for (const one of this.running) {
      if (one.child.exitCode !== null || one.child.signalCode !== null) continue;
      this.peakMiB = Math.max(this.peakMiB, peakMemory(one.pid));
      this.cpu.set(one, cpuSeconds(one.pid));
    }
  }

  /** Of all of them, the killed ones too, when last looked at. */
  get cpuSeconds(): number {
    return [...this.cpu.values()].reduce((sum, one) => sum + one, 0);
  }

  /** From now on nothing that ends is a surprise. */
  dismiss(): void {
    for (const one of this.running) this.expected.add(one);
  }
}

/** Runs `work` with servers, a CRM's connection and a platform, in a folder of its own, and takes everything away afterwards. */
export async function withPlace<T>(work: (place: Place) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'syncline-bench-'));
  // Postgres may run as another user than this program.
  chmodSync(directory, 0o711);
  const stopping = new AbortController();
  const started = new Set<Command>();
  const begin = (args: readonly string[]): Command => {
    stopping.signal.throwIfAborted();
    const one = command(args, directory);
    started.add(one);
    void one.ended.then(() => started.delete(one));
    return one;
  };
  const servers = serversIn(directory);
  const workers = new Workers(begin);
  const unheard = onShutdown(() => {
    stopping.abort(new Interrupted());
    workers.dismiss();
    for (const one of started) one.child.kill('SIGINT');
  });
  const sandbox = await startSandbox();
  let crm: pg.Client | undefined;
  try {
    await servers.start();
    crm = new pg.Client({ connectionString: servers.crmUrl() });
    await crm.connect();
    return await work({
      directory, servers, crm, sandbox, workers, signal: stopping.signal,
      asked: async <D>(...args: readonly string[]) => {
        const { code, stdout } = await begin([...args, '--json', '--quiet']).ended;
        stopping.signal.throwIfAborted();
        if (code !== 0) throw new Error(`syncline ${args.join(' ')} ended with ${code}: ${stdout.slice(0, 2_000)}`);
        return JSON.parse(stdout) as D;
      },
      ledger: async <Row extends pg.QueryResultRow>(sql: string) => {
        const client = new pg.Client({ connectionString: servers.ledgerUrl(), options: '-c search_path=syncline' });
        await client.connect();
        try {
          return (await client.query<Row>(sql)).rows;
        } finally {
          await client.end();
        }
      },
      until: async (what, limitMs, reached, lookMs = 100) => {
        for (const end = performance.now() + limitMs; !(await reached()); await sleep(lookMs)) {
          stopping.signal.throwIfAborted();
          if (performance.now() > end) throw new Error(`not within ${limitMs / 1_000} s: ${what}`);
        }
      },
    });
  } catch (error) {
    // Whatever failed of it then.
    stopping.signal.throwIfAborted();
    throw error;
  } finally {
    workers.dismiss();
    const left = [...started];
    for (const one of left) one.child.kill('SIGINT');
    await Promise.all(left.map((one) => one.ended));
    await crm?.end().catch(() => undefined);
    await servers.stop();
    await sandbox.close();
    rmSync(directory, { recursive: true, force: true });
    unheard();
  }
}
