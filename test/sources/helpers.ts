import type { PostgresSourceConfig } from '../../src/config/index.js';
import type { Json } from '../../src/contacts/index.js';
import { later } from '../../src/contacts/index.js';
import type { ReadPlan, ReadRequest, Source, SourcePage, SourceRow, SourceState } from '../../src/sources/index.js';

export const signal = new AbortController().signal;

export interface Reading {
  readonly plan: ReadPlan;
  readonly pages: readonly SourcePage[];
  readonly rows: readonly SourceRow[];
  readonly state: SourceState;
  readonly keys: readonly (string | null)[];
}

export async function collect(source: Source, plan: ReadPlan, position: Json | null = null): Promise<SourcePage[]> {
  const pages: SourcePage[] = [];
  for await (const page of source.pages(plan, position, signal)) pages.push(page);
  return pages;
}

/** One whole run as whoever drives a source makes it. */
export async function readRun(source: Source, state: SourceState | null = null, request: Partial<ReadRequest> = {}): Promise<Reading> {
  const plan = await source.begin({ kind: 'incremental', state, ...request }, signal);
  return { plan, ...(await readPlan(source, plan, state)) };
}

export async function readPlan(source: Source, plan: ReadPlan, state: SourceState | null = null): Promise<Omit<Reading, 'plan'>> {
  const pages = await collect(source, plan);
  const rows = pages.flatMap((page) => page.rows);
  const maxTime = rows.reduce<string | null>((greatest, row) => later(greatest, row.time), null);
  return { pages, rows, state: await source.finish(plan, state, maxTime, signal, pages.at(-1)?.position), keys: rows.map((row) => row.key) };
}

/**
 * Stops after each page in turn and goes on from its position with a new reading, as after a crash;
 * the position goes through JSON, as it does when it is stored.
 */
export async function readInPieces(source: Source, plan: ReadPlan): Promise<SourceRow[]> {
  const rows: SourceRow[] = [];
  let position: Json | null = null;
  for (;;) {
    let page: SourcePage | null = null;
    for await (const read of source.pages(plan, position, signal)) {
      page = read;
      break;
    }
    if (page === null) throw new Error('a reading without a last page');
    rows.push(...page.rows);
    position = JSON.parse(JSON.stringify(page.position)) as Json;
    if (page.last) return rows;
  }
}

export function postgresConfig(url: string, more: Partial<PostgresSourceConfig> = {}): PostgresSourceConfig {
  const config: PostgresSourceConfig = {
    type: 'postgres', name: 'crm', url, table: 'public.contacts', key: 'id', updatedAt: 'updated_at', overlap: 120_000, pageSize: 100, fields: {},
  };
  return { ...config, ...more };
}
