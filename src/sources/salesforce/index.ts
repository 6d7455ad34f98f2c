import type { SalesforceSourceConfig } from '../../config/index.js';
import { subtractMs } from '../../contacts/index.js';
import { boundedCursor, boundOf, chosenKeys, type ApiAnswer, type Wait } from '../api/index.js';
import { SourceError, type Source } from '../contract.js';
import { fieldsOf, readsDeleted, rowReader } from './fields.js';
import { readPages, START, type Position } from './pages.js';
import { usageOf } from './refusals.js';
import { createSession } from './session.js';
import { countQuery, oneQuery, queryPath } from './soql.js';

/** doc: no limit of calls a second, but of long ones at once; one source makes one at a time. Milliseconds. */
const GAP = 20;
/** Share of the day's calls from which on a person should know. */
const NEARLY = 0.9;

/**
 * The records of a Salesforce object as a source: by SOQL, from the SystemModstamp of the last run to the second in
 * which this one begins. doc: what a transaction writes shows when it ends, at most ten minutes later: hence the overlap.
 * @param options.gap milliseconds between calls. @default 20
 * @throws SourceError from its methods
 */
export function createSalesforceSource(config: SalesforceSourceConfig, columns: readonly string[], options: { readonly gap?: number; readonly wait?: Wait } = {}): Source {
  const { key, object } = config;
  const selection = { object, fields: fieldsOf(key, columns) };
  const row = rowReader(key, columns);
  const session = createSession(config, { gap: options.gap ?? GAP, ...(options.wait !== undefined && { wait: options.wait }) });
  // doc: queryAll also gives what is in the recycle bin.
  const base = `/services/data/v${config.apiVersion}/${readsDeleted(columns) ? 'queryAll' : 'query'}`;

  const ask = async (soql: string, signal: AbortSignal): Promise<ApiAnswer> => (await session.api(signal)).call('GET', queryPath(base, soql), null, signal);
  const countOf = async (soql: string, signal: AbortSignal): Promise<number | null> => {
    const { totalSize } = (await ask(soql, signal)).body;
    return typeof totalSize === 'number' ? totalSize : null;
  };

  return {
    async check(signal) {
      const { headers } = await ask(oneQuery(selection), signal);
      const total = await countOf(countQuery(selection, null), signal);
      const usage = usageOf(headers);
      const { place } = await session.api(signal);
      return [`${place}: ${total ?? 'some'} records of ${object}, key ${key}`, ...(usage === null ? [] : [`${usage.used} of ${usage.allowed} API calls of the last 24 hours used`])].join('; ');
    },

    async begin(request, signal) {
      // Fields that are not there are refused before the run's start is noted.
      const { at, headers } = await ask(oneQuery(selection), signal);
      const usage = usageOf(headers);
      const warnings = usage !== null && usage.used >= usage.allowed * NEARLY
        ? [`${usage.used} of the org's ${usage.allowed} API calls of 24 hours are used: reading stops when none is left, until some are free again`]
        : [];
      if (request.kind === 'only') return { kind: 'only', from: null, to: null, warnings, notes: { keys: [...(request.keys ?? [])] } };
      if (request.kind === 'window') return { kind: 'window', from: request.from ?? null, to: request.to ?? null, warnings, notes: null };
      const cursor = request.state?.cursor ?? null;
      const from = request.kind === 'full' || cursor === null ? null : subtractMs(cursor, config.overlap);
      return { kind: request.kind, from, to: boundOf(at), warnings, notes: null };
    },

    async *pages(plan, position, signal) {
      const api = await session.api(signal);
      yield* readPages({ api, plan, selection, base, row, key, signal }, (position as unknown as Position | null) ?? START);
    },

    finish: (plan, previous, maxTime) => Promise.resolve(boundedCursor(plan, previous, maxTime)),

    async count(plan, signal) {
      if (plan.kind === 'only') return chosenKeys(plan).length;
      try {
        return await countOf(countQuery(selection, plan), signal);
      } catch (error) {
        // doc: counting tens of millions can take longer than a query may. Reading needs no number.
        if (error instanceof SourceError) return null;
        throw error;
      }
    },

    close: () => Promise.resolve(session.close()),
  };
}
