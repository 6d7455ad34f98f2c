import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { findRunning, placesOf } from '../../src/runtime/index.js';
import { configurationText } from './configuration.js';
import type { Platform } from './platforms/index.js';
import { PREFIX, Processes, type Ended } from './processes.js';

const CRM = 'crm';

/** A folder with a configuration, the real processes of the command line that work in it, and their Postgres. */
export class Installation {
  readonly directory = mkdtempSync(path.join(os.tmpdir(), PREFIX));
  readonly processes: Processes;
  dev: ChildProcess | undefined;
  worker: ChildProcess | undefined;
  private ended: Promise<void> | undefined;

  constructor(
    cli: string,
    private readonly witness: string,
    private readonly platforms: readonly Platform[],
    private readonly batchSize: number,
  ) {
    this.processes = new Processes(this.directory, cli);
  }

  /** Starts `dev --no-worker` and waits until Temporal and Postgres can be used. */
  async startDev(): Promise<void> {
    // Postgres gives its port only once it runs; until then the source has an address nobody listens on.
    if (!existsSync(this.file)) this.configure('postgres://nobody@127.0.0.1:9/none');
    const dev = (this.dev = this.processes.start('dev', ['dev', '--no-worker']));
    await this.until(() => 'dev is ready', 90_000, async () => {
      if (dev.exitCode !== null) throw new Error(`dev ended with ${dev.exitCode}: ${this.processes.tail('dev')}`);
      return (findRunning(this.directory)?.temporal ?? null) !== null && (await this.queryOnce('SELECT 1').then(() => true, () => false));
    });
  }

  startWorker(): void {
    this.worker = this.processes.start('worker', ['worker']);
  }

  /** Runs a command to its end. */
  command(...args: string[]): Promise<Ended> {
    return this.processes.command(args);
  }

  /** SIGKILL for the server's own process. */
  killPart(part: 'temporal' | 'postgres'): void {
    const running = findRunning(this.directory)?.[part];
    if (running) process.kill(running.pid, 'SIGKILL');
  }

  /** Makes the CRM's database beside the ledger's and tells the configuration where it is. */
  async createCrm(): Promise<void> {
    await this.query(`CREATE DATABASE ${CRM}`);
    this.configure(this.crmUrl());
  }

  crmUrl(): string {
    return this.databaseUrl(CRM);
  }

  /** One query of the ledger on a connection of its own; waits for a Postgres that is being started again. */
  async query<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    for (const end = performance.now() + 60_000; ; await sleep(100)) {
      try {
        return await this.queryOnce<Row>(sql, values);
      } catch (error) {
        // An error with a place in the statement is ours; anything else passes.
        if (this.processes.ending || performance.now() > end || (error as { position?: string }).position !== undefined) throw error;
      }
    }
  }

  /** Waits until `reached`, asking every 50 ms. @throws Error in the words of `what` after `ms` milliseconds */
  async until(what: () => string, ms: number, reached: () => Promise<boolean> | boolean): Promise<void> {
    for (const end = performance.now() + ms; ; await sleep(50)) {
      if (await reached()) return;
      if (this.processes.ending) throw new Error('interrupted');
      if (performance.now() > end) throw new Error(`not within ${ms / 1000} s: ${what()}`);
    }
  }

  /** Ends every process that was started, and removes the folder. May be called twice: Ctrl-C comes at any time. */
  end(keep: boolean): Promise<void> {
    return (this.ended ??= this.processes.end().then(() => {
      if (!keep) rmSync(this.directory, { recursive: true, force: true });
    }));
  }

  private async queryOnce<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.databaseUrl('syncline'), connectionTimeoutMillis: 2_000, options: '-c search_path=syncline' });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Row>(sql, [...values])).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /** Address in the embedded Postgres, which takes its old port again after a kill. @throws Error while it does not run */
  private databaseUrl(database: string): string {
    const port = findRunning(this.directory)?.postgres?.port;
    if (port === undefined) throw new Error('the embedded Postgres does not run');
    const password = readFileSync(placesOf(this.directory).postgresPassword, 'utf8').trim();
    return `postgresql://syncline:${password}@127.0.0.1:${port}/${database}`;
  }

  private get file(): string {
    return path.join(this.directory, 'syncline.yaml');
  }

  private configure(crmUrl: string): void {
    writeFileSync(this.file, configurationText(crmUrl, this.witness, this.platforms, this.batchSize), { mode: 0o600 });
  }
}
