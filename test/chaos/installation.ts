import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { findRunning, isAlive, ownProcess, placesOf, stopOrphans, type ProcessId } from '../../src/runtime/index.js';
import { identify, stopProcess } from '../../src/runtime/processes.js';

const PREFIX = 'syncline-chaos-';
const CRM = 'crm';

export interface Pace {
  readonly batchSize: number;
  readonly calls: number;
  readonly perMs: number;
  readonly concurrency: number;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with a configuration, and the real processes of the command line that work in it. */
export class Installation {
  readonly directory = mkdtempSync(path.join(os.tmpdir(), PREFIX));
  dev: ChildProcess | undefined;
  worker: ChildProcess | undefined;
  private readonly children = new Map<ChildProcess, ProcessId | null>();
  private logs = 0;
  private ending = false;

  constructor(
    private readonly cli: string,
    private readonly platform: string,
    private readonly pace: Pace,
  ) {
    this.note();
  }

  /** Starts `dev --no-worker` and waits until Temporal and Postgres can be used. */
  async startDev(): Promise<void> {
    // Postgres gives its port only once it runs; until then the source has an address nobody listens on.
    this.configure('postgres://nobody@127.0.0.1:9/none');
    const dev = (this.dev = this.start('dev', ['dev', '--no-worker']));
    await this.until('dev is ready', 90_000, async () => {
      if (dev.exitCode !== null) throw new Error(`dev ended with ${dev.exitCode}: ${this.tail('dev')}`);
      return (findRunning(this.directory)?.temporal ?? null) !== null && (await this.answers());
    });
    this.configure(this.databaseUrl(CRM));
  }

  startWorker(): void {
    this.configure(this.databaseUrl(CRM));
    this.worker = this.start('worker', ['worker']);
  }

  /** Runs a command to its end. */
  async command(...args: string[]): Promise<Ended> {
    const child = this.spawned(args, ['ignore', 'pipe', 'pipe']);
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (chunk: Buffer) => { stdout += chunk.toString(); });
    child.stderr?.on('data', (chunk: Buffer) => { stderr += chunk.toString(); });
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, stdout, stderr };
  }

  /** SIGKILL, and waits until it is gone. */
  async kill(child: ChildProcess | undefined): Promise<void> {
    if (child === undefined) return;
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once('exit', resolve));
  }

  /** SIGKILL for the server's own process. */
  killPart(part: 'temporal' | 'postgres'): void {
    const running = findRunning(this.directory)?.[part];
    if (running) process.kill(running.pid, 'SIGKILL');
  }

  /** Address of the embedded Postgres. @throws Error while it does not run */
  databaseUrl(database = 'syncline'): string {
    const port = findRunning(this.directory)?.postgres?.port;
    if (port === undefined) throw new Error('the embedded Postgres does not run');
    const password = readFileSync(placesOf(this.directory).postgresPassword, 'utf8').trim();
    return `postgresql://syncline:${password}@127.0.0.1:${port}/${database}`;
  }

  crmUrl(): string {
    return this.databaseUrl(CRM);
  }

  /** One query on a connection of its own; waits for a Postgres that is being started again. */
  async query<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = [], database?: string): Promise<Row[]> {
    for (const end = performance.now() + 60_000; ; await sleep(100)) {
      try {
        return await this.queryOnce<Row>(sql, values, database);
      } catch (error) {
        // An error with a place in the statement is ours; anything else passes.
        if (this.ending || performance.now() > end || (error as { position?: string }).position !== undefined) throw error;
      }
    }
  }

  async createCrm(): Promise<void> {
    await this.query(`CREATE DATABASE ${CRM}`);
    this.configure(this.crmUrl());
  }

  /** Waits until `reached`, asking every 50 ms. @throws Error naming `what` after `ms` milliseconds */
  async until(what: string, ms: number, reached: () => Promise<boolean> | boolean): Promise<void> {
    for (const end = performance.now() + ms; ; await sleep(50)) {
      if (await reached()) return;
      if (this.ending) throw new Error('interrupted');
      if (performance.now() > end) throw new Error(`not within ${ms / 1000} s: ${what}`);
    }
  }

  /** Ends every process that was started, and removes the folder. */
  async end(keep: boolean): Promise<void> {
    this.ending = true;
    await endProcesses([...this.children.values()].filter((id) => id !== null));
    await stopOrphans(placesOf(this.directory));
    if (!keep) rmSync(this.directory, { recursive: true, force: true });
  }

  /** The last lines a process wrote. */
  tail(name: string): string {
    const files = readdirSync(this.directory).filter((file) => file.endsWith(`-${name}.log`)).sort();
    const last = files.at(-1);
    return last === undefined ? '' : readFileSync(path.join(this.directory, last), 'utf8').trim().split('\n').slice(-5).join(' | ');
  }

  private async answers(): Promise<boolean> {
    return this.queryOnce('SELECT 1').then(() => true, () => false);
  }

  private async queryOnce<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = [], database?: string): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.databaseUrl(database), connectionTimeoutMillis: 2_000, options: '-c search_path=syncline' });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Row>(sql, [...values])).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  private start(name: string, args: string[]): ChildProcess {
    const log = createWriteStream(path.join(this.directory, `${String(++this.logs).padStart(4, '0')}-${name}.log`));
    const child = this.spawned(args, ['ignore', 'pipe', 'pipe']);
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    child.once('close', () => { log.end(); });
    return child;
  }

  private spawned(args: string[], stdio: ['ignore', 'pipe', 'pipe']): ChildProcess {
    if (this.ending) throw new Error('interrupted');
    // A group of its own: Ctrl-C at the terminal is for us, who then end it in order.
    const child = spawn(process.execPath, [this.cli, ...args], {
      cwd: this.directory, stdio, detached: true, env: { ...process.env, TEMPORAL_ADDRESS: '', SYNCLINE_CONFIG: '', NO_COLOR: '1' },
    });
    this.children.set(child, child.pid === undefined ? null : identify(child.pid));
    this.note();
    child.once('exit', () => {
      this.children.delete(child);
      this.note();
    });
    return child;
  }

  /** Who works here, for the next chaos to end what a killed one left. */
  private note(): void {
    if (this.ending) return;
    mkdirSync(this.directory, { recursive: true });
    writeFileSync(path.join(this.directory, 'chaos.json'), JSON.stringify({ owner: ownProcess(), children: [...this.children.values()].filter((id) => id !== null) }));
  }

  private configure(crmUrl: string): void {
    const file = path.join(this.directory, 'syncline.yaml');
    const { batchSize, calls, perMs, concurrency } = this.pace;
    const text = `version: 1
sources:
  crm:
    type: postgres
    url: "${crmUrl}"
    table: public.contacts
    key: external_id
    updatedAt: updated_at
    pageSize: 500
    fields: {email: email, phone: phone, locale: locale, emailConsent: opt_in, country: country, firstName: first_name, attributes: [city, rev]}
destinations:
  newsletter:
    type: mailingcore
    baseUrl: ${this.platform}/mailingcore
    apiKey: mc_test_key
    tenantId: tenant-1
    account: acme
    batchSize: ${batchSize}
    limits: {calls: ${calls}, per: ${perMs}ms, concurrency: ${concurrency}}
    timeout: 5s
    settleDelay: 1s
    linger: 300ms
syncs:
  crm-newsletter:
    source: crm
    destination: newsletter
`;
    try {
      if (readFileSync(file, 'utf8') === text) return;
    } catch {
      // The first time.
    }
    writeFileSync(file, text, { mode: 0o600 });
  }
}

async function endProcesses(ids: readonly ProcessId[]): Promise<void> {
  await Promise.all(ids.map((id) => stopProcess(id, 'SIGKILL', 5_000)));
}

/** Ends and removes what an earlier chaos left that was killed itself. */
export async function sweepKilled(): Promise<void> {
  for (const name of readdirSync(os.tmpdir())) {
    if (!name.startsWith(PREFIX)) continue;
    const directory = path.join(os.tmpdir(), name);
    let left: { owner: ProcessId; children: ProcessId[] };
    try {
      left = JSON.parse(readFileSync(path.join(directory, 'chaos.json'), 'utf8')) as typeof left;
    } catch {
      continue;
    }
    if (isAlive(left.owner)) continue;
    await endProcesses(left.children);
    if (await stopOrphans(placesOf(directory))) rmSync(directory, { recursive: true, force: true });
  }
}
