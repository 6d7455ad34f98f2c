import type { PostgresSourceConfig } from '../../config/index.js';
import { later } from '../../contacts/index.js';
import type { Json } from '../../contacts/index.js';
import { SourceError, type ReadPlan, type Source } from '../contract.js';
import { beginRun, clock } from './begin.js';
import { openSession, type Session } from './client.js';
import { databaseWords } from './errors.js';
import { positionOf, readPhases } from './pages.js';
import { phasesOf } from './phases.js';
import { describeRelation } from './relation.js';

/** Keys of an `only` plan. */
function keysOf(notes: Json): readonly string[] {
  const keys = notes !== null && typeof notes === 'object' && !Array.isArray(notes) ? notes.keys : undefined;
  return Array.isArray(keys) ? keys.map(String) : [];
}

/**
 * A Postgres table, view or query as a source. Opens one connection a call and keeps none between calls.
 * Without `updatedAt` every run reads everything, by key.
 */
export function createPostgresSource(config: PostgresSourceConfig, columns: readonly string[]): Source {
  const connected = async <T>(signal: AbortSignal, work: (session: Session) => Promise<T>): Promise<T> => {
    const session = await openSession(config.url, signal);
    try {
      return await work(session);
    } finally {
      await session.close();
    }
  };

  return {
    check: (signal) =>
      connected(signal, async (session) => {
        await session.begin();
        const relation = await describeRelation(session, config, columns);
        const time = config.updatedAt === undefined ? 'no updatedAt: every run reads everything' : `updatedAt ${config.updatedAt}`;
        return `${databaseWords(config.url)}: ${relation.words}, ${relation.columnCount} columns, key ${config.key} (${relation.key.type}), ${time}`;
      }),

    begin: (request, signal) =>
      connected(signal, async (session): Promise<ReadPlan> => {
        await session.begin();
        await describeRelation(session, config, columns);
        await session.rows('COMMIT');
        if (request.kind === 'only') {
          return { kind: 'only', from: null, to: await clock(session), warnings: [], notes: { keys: [...(request.keys ?? [])] } };
        }
        if (request.kind === 'window') {
          if (config.updatedAt === undefined) {
            throw new SourceError('misconfigured', `source ${config.name}: a window of time needs updatedAt`, 'set updatedAt, or read without a window');
          }
          const now = await clock(session);
          const to = request.to !== undefined && request.to < now ? request.to : now;
          return { kind: 'window', from: request.from ?? null, to, warnings: [], notes: {} };
        }
        if (config.updatedAt === undefined) return { kind: request.kind, whole: true, from: null, to: await clock(session), warnings: [], notes: { held: [] } };
        return beginRun(session, request.kind, request.state, config.overlap);
      }),

    async *pages(plan, position, signal) {
      const session = await openSession(config.url, signal);
      try {
        await session.begin();
        const relation = await describeRelation(session, config, columns);
        const now = await clock(session);
        const phases = phasesOf(plan, relation, keysOf(plan.notes), now);
        yield* readPhases(session, phases, positionOf(position), config.pageSize, now);
      } finally {
        await session.close();
      }
    },

    // Needs no question to the source: what is held was decided when the run began.
    finish: (plan, previous, maxTime) => {
      const before = previous?.cursor ?? null;
      if (plan.kind === 'window' || plan.kind === 'only') return Promise.resolve(previous ?? { cursor: null, notes: { held: [] } });
      const bounded = maxTime !== null && plan.to !== null && maxTime > plan.to ? plan.to : maxTime;
      return Promise.resolve({ cursor: later(before, bounded), notes: plan.notes });
    },

    count: (plan, signal) =>
      connected(signal, async (session) => {
        if (plan.kind === 'only') return keysOf(plan.notes).length;
        await session.begin();
        const relation = await describeRelation(session, config, columns);
        const [phase] = phasesOf(plan, relation, [], await clock(session));
        if (phase === undefined) return null;
        const { text, values } = phase.query(null);
        const [[explained]] = (await session.rows(`EXPLAIN (FORMAT JSON) ${text}`, values)) as [[{ Plan?: { 'Plan Rows'?: number } }[]]];
        return explained[0]?.Plan?.['Plan Rows'] ?? null;
      }),

    keyless: (signal) =>
      connected(signal, async (session) => {
        await session.begin();
        const { from, key } = await describeRelation(session, config, columns);
        const [[count]] = (await session.rows(`SELECT count(*)::text FROM ${from} WHERE ${key.sql} IS NULL OR btrim(${key.sql}::text) = ''`)) as [[string]];
        return Number(count);
      }),

    close: () => Promise.resolve(),
  };
}
