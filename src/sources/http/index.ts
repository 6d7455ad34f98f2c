import type { HttpSourceConfig } from '../../config/index.js';
import { EARLIEST, later, microTime, subtractMs, type Json } from '../../contacts/index.js';
import { compilePath } from '../api/index.js';
import { SourceError, type ReadPlan, type Source, type SourcePage } from '../contract.js';
import { createCaller, type CallOptions } from './call.js';
import { assertCanChoose, readChosen } from './only.js';
import { createPages } from './pages.js';
import { compileItems, compileRow } from './rows.js';

interface Notes {
  readonly total?: number;
  readonly keys?: readonly string[];
}

const notesOf = (notes: Json): Notes => (typeof notes === 'object' && notes !== null && !Array.isArray(notes) ? notes : {});

/**
 * A JSON API over HTTP as a source. Its bound is the server's clock when the run begins; rows that change while it is
 * read are handed over where the API shows them, and the cursor stays at the bound.
 * Without `updatedAt` the cursor is that bound itself; without `params.since`, too, every run reads everything.
 */
export function createHttpSource(config: HttpSourceConfig, columns: readonly string[], options: CallOptions = {}): Source {
  const now = options.now ?? Date.now;
  const caller = createCaller(config, options);
  const itemsOf = compileItems(config);
  const rowOf = compileRow(config, columns);
  const totalOf = config.total === undefined ? null : compilePath(config.total);
  const pages = createPages(config, caller, itemsOf, rowOf);
  const place = `${new URL(config.url).host}${new URL(config.url).pathname}`;

  return {
    check: async (signal) => {
      const { body } = await caller.call(pages.first(null, microTime(now())), signal);
      const items = itemsOf(body);
      const readable = items.filter((item) => rowOf(item, '', now()).key !== null).length;
      if (items.length > 0 && readable === 0) {
        throw new SourceError('misconfigured', `source ${config.name}: none of the ${items.length} records of the first page has a key at ${config.key}`, 'set key to the JSON path of the contact\'s id within a record');
      }
      return `${place}: the first page holds ${items.length} records, key ${config.key}, ${config.updatedAt === undefined ? 'no updatedAt' : `updatedAt ${config.updatedAt}`}`;
    },

    begin: async (request, signal): Promise<ReadPlan> => {
      const { kind } = request;
      if (kind === 'only') {
        assertCanChoose(config);
        return { kind, from: null, to: null, warnings: [], notes: { keys: [...(request.keys ?? [])] } };
      }
      if (kind === 'window' && config.updatedAt === undefined) {
        throw new SourceError('misconfigured', `source ${config.name}: a window of time needs updatedAt`, 'set updatedAt, or read without a window');
      }
      const cursor = request.state?.cursor ?? null;
      const from = kind === 'window' ? (request.from ?? null) : kind === 'full' || cursor === null ? null : subtractMs(cursor, config.overlap);
      const { body, at } = await caller.call(pages.first(from, microTime(now())), signal);
      // Fails at once where the records are elsewhere, rather than after the run's start was noted.
      itemsOf(body);
      const clock = microTime(at);
      const to = kind === 'window' && request.to !== undefined && request.to < clock ? request.to : clock;
      const total = totalOf === null ? Number.NaN : Number(totalOf(body));
      return { kind, from, to, warnings: [], notes: Number.isSafeInteger(total) ? { total } : {} };
    },

    async *pages(plan, position, signal): AsyncGenerator<SourcePage> {
      if (plan.kind === 'only') {
        yield* readChosen(config, caller, notesOf(plan.notes).keys ?? [], position, rowOf, signal);
        return;
      }
      const { from, to } = plan;
      for await (const page of pages.read(plan, position, signal)) {
        // An API without both bounds gives more than the window.
        if (plan.kind !== 'window') yield page;
        else yield { ...page, rows: page.rows.filter(({ time }) => time !== null && time >= (from ?? EARLIEST) && (to === null || time < to)) };
      }
    },

    finish: (plan, previous, maxTime) => {
      const before = previous?.cursor ?? null;
      if (plan.kind === 'window' || plan.kind === 'only') return Promise.resolve(previous ?? { cursor: null, notes: null });
      const read = config.updatedAt === undefined ? (asksSince(config) ? plan.to : null) : maxTime;
      const bounded = read !== null && plan.to !== null && read > plan.to ? plan.to : read;
      return Promise.resolve({ cursor: later(before, bounded), notes: null });
    },

    count: (plan) => {
      const { total, keys } = notesOf(plan.notes);
      return Promise.resolve(keys?.length ?? total ?? null);
    },

    close: () => {
      caller.close();
      return Promise.resolve();
    },
  };
}

function asksSince({ params, body }: HttpSourceConfig): boolean {
  return params.since !== undefined || JSON.stringify(body ?? null).includes('{since}');
}
