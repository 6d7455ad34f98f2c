import { randomBytes } from 'node:crypto';
import type { SourceConfig } from '../../src/config/index.js';
import { openRun, type Pool, type SyncIds } from '../../src/ledger/index.js';
import type { Told } from '../chaos/reader-words.js';
import type { ReaderProcess, Readers } from './reader-process.js';
import { startRelay, type Relay } from '../support/relay.js';

/** Where a reader is killed: in the middle of an answer, with a page it has read, or while that is being staged. */
const WAYS = ['answer', 'read', 'staging'] as const;
export type KillPoint = (typeof WAYS)[number];

/** From one to so many pages are read before a kill, and at most so many bytes of the answer it is in the middle of. */
const MOST_PAGES = 3;
const MOST_BYTES = 4_000;

/** Kills by where they hit. */
export type Hits = Readonly<Record<KillPoint, number>>;

export interface KillPlan {
  readonly readers: Readers;
  readonly pool: Pool;
  readonly databaseUrl: string;
  readonly ids: SyncIds;
  readonly config: SourceConfig;
  readonly kills: number;
  /** A number from 0 to below 1. */
  readonly random: () => number;
  /** Called after each kill, while no reader lives. */
  readonly killed: (kill: number) => Promise<void>;
  /** Called when the run that was killed so often has ended. */
  readonly ended: () => Promise<void>;
}

/**
 * Reads a source by two runs, the second from where the first ended, in a process that is killed so often with SIGKILL
 * while it reads the first; each time another one goes on.
 * @throws Error where a reader fails
 */
export async function readThroughKills(plan: KillPlan): Promise<Hits> {
  const { readers, databaseUrl, random } = plan;
  const relayed = await relayFor(plan.config);
  const relay = relayed?.relay ?? null;
  const config = relayed?.config ?? plan.config;
  const hits = { answer: 0, read: 0, staging: 0 };
  let reader: ReaderProcess | null = null;
  try {
    const first = await openedRun(plan);
    for (let kill = 0; kill < plan.kills; kill++) {
      reader = await readers.take();
      reader.tell({ databaseUrl, run: first, config });
      hits[await untilKill(reader, relay, random)] += 1;
      await reader.kill();
      relay?.release();
      await plan.killed(kill);
    }
    reader = await readers.take();
    await toTheEnd(reader, { databaseUrl, run: first, config });
    await plan.ended();
    await toTheEnd(reader, { databaseUrl, run: await openedRun(plan), config });
    readers.give(reader);
    reader = null;
    return hits;
  } finally {
    await reader?.kill();
    await relay?.close();
  }
}

async function toTheEnd(reader: ReaderProcess, told: Told): Promise<void> {
  reader.tell(told);
  while ((await reader.next())?.at !== 'done') reader.tell('go');
}

/** Lets a reader read for some pages. @returns where it stands, to be killed */
async function untilKill(reader: ReaderProcess, relay: Relay | null, random: () => number): Promise<KillPoint> {
  const ways = relay === null ? WAYS.slice(1) : WAYS;
  const way = ways[Math.floor(random() * ways.length)] as KillPoint;
  const pages = 1 + Math.floor(random() * MOST_PAGES);
  let held = new Promise<void>(() => undefined);
  let armed = false;
  for (let read = 0; ; ) {
    const said = await reader.next(held);
    if (said === null) return 'answer';
    if (said.at === 'done') throw new Error('the run ended before its reader could be killed');
    if (said.at === 'read') read += 1;
    // What was read ahead, or past the relay, is no reason to go on.
    if (said.at === 'read' && (armed || said.last || (way === 'read' && read > pages))) return 'read';
    if (said.at === 'staging' && (way === 'staging' ? read > pages : armed)) return 'staging';
    if (way === 'answer' && read >= pages && !armed && relay !== null) {
      armed = true;
      held = new Promise((resolve) => { relay.hold(Math.floor(random() * MOST_BYTES), resolve); });
    }
    reader.tell('go');
  }
}

async function openedRun({ pool, ids }: KillPlan): Promise<string> {
  const id = randomBytes(8).toString('hex');
  await openRun(pool, { id, ids, options: { kind: 'incremental' }, workflowId: `sync/${id}`, config: {}, configHash: 'm' });
  return id;
}

/** A relay before the server a configuration names, and the configuration that names the relay; null without a server. */
async function relayFor(config: SourceConfig): Promise<{ readonly relay: Relay; readonly config: SourceConfig } | null> {
  const text = JSON.stringify(config);
  const [, host, port] = /(127\.0\.0\.1|localhost):(\d+)/.exec(text) ?? [];
  if (host === undefined || port === undefined) return null;
  const relay = await startRelay(Number(port));
  return { relay, config: JSON.parse(text.replaceAll(`${host}:${port}`, `127.0.0.1:${String(relay.port)}`)) as SourceConfig };
}
