import type { ReadPlan } from '../contract.js';
import { EARLIEST } from '../../contacts/index.js';
import type { KeyColumn, Relation, TimeColumn } from './relation.js';

/**
 * A plan is read in phases, one ordered query each:
 * `dated` by (time, key); `undated` by key: rows without a time, or with one that cannot be used (in the future,
 * infinity, before the year 1); `all` and `only` by key; `keyless`: rows that have no key, to be counted as invalid.
 */
export type PhaseName = 'dated' | 'undated' | 'all' | 'only' | 'keyless';

/** Where a phase goes on: at this (time, key), past the `n` rows with exactly these that were read. */
export interface Position {
  readonly phase: PhaseName | 'done';
  /** Postgres's text of the last row's time; null outside `dated`. */
  readonly t: string | null;
  readonly k: string | null;
  /** Rows read with exactly this time and key (in `keyless`: rows read). */
  readonly n: number;
}

export interface Phase {
  readonly name: PhaseName;
  /** The query from a position on. */
  query(position: Position | null): { readonly text: string; readonly values: readonly unknown[] };
}

export const startOf = (phase: Position['phase']): Position => ({ phase, t: null, k: null, n: 0 });

/** Collects parameters; gives back their placeholders. */
class Parameters {
  readonly values: unknown[] = [];
  add(value: unknown, type: string): string {
    return `$${this.values.push(value)}::${type}`;
  }
}

/** Conditions on the time, as SQL. `now` is the source's clock when the pages are read. */
function datedCondition(time: TimeColumn, plan: ReadPlan, parameters: Parameters): string {
  const to = `${time.sql} ${plan.kind === 'window' ? '<' : '<='} ${parameters.add(plan.to, time.type)}`;
  return `${time.sql} >= ${parameters.add(plan.from ?? EARLIEST, time.type)} AND ${to}`;
}

function oddCondition(time: TimeColumn, now: string, parameters: Parameters): string {
  const absent = time.notNull ? '' : `${time.sql} IS NULL OR `;
  return `(${absent}${time.sql} > ${parameters.add(now, time.type)} OR ${time.sql} < ${parameters.add(EARLIEST, time.type)})`;
}

/** The phases of a plan, in order. */
export function phasesOf(plan: ReadPlan, relation: Relation, keys: readonly string[], now: string): Phase[] {
  const { key, time } = relation;
  const select = `SELECT ${[...relation.values, `${key.sql}::text`, time === null ? 'NULL' : time.sql].join(', ')} FROM ${relation.from}`;
  const byKey = (name: PhaseName, condition: (parameters: Parameters) => string): Phase => ({
    name,
    query: (position) => {
      const parameters = new Parameters();
      const where = [`${key.sql} IS NOT NULL`, condition(parameters)];
      if (position !== null && position.k !== null) where.push(`${key.sql} >= ${parameters.add(position.k, key.type)}`);
      const text = `${select} WHERE ${where.join(' AND ')} ORDER BY ${key.sql} OFFSET ${parameters.add(position?.n ?? 0, 'bigint')}`;
      return { text, values: parameters.values };
    },
  });
  const phases: Phase[] = [];
  if (plan.kind === 'only') return [byKey('only', (parameters) => `${key.sql}::text = ANY (${parameters.add(keys, 'text[]')})`)];
  if (time === null) {
    phases.push(byKey('all', () => 'true'));
  } else {
    phases.push(datedPhase(select, key, time, plan));
    if (plan.kind !== 'window') phases.push(byKey('undated', (parameters) => oddCondition(time, now, parameters)));
  }
  if (!key.notNull) phases.push(keylessPhase(select, key, time, plan, now));
  return phases;
}

function datedPhase(select: string, key: KeyColumn, time: TimeColumn, plan: ReadPlan): Phase {
  return {
    name: 'dated',
    query: (position) => {
      const parameters = new Parameters();
      const where = [datedCondition(time, plan, parameters), `${key.sql} IS NOT NULL`];
      if (position !== null && position.t !== null) {
        const at = `(${parameters.add(position.t, time.type)}, ${parameters.add(position.k, key.type)})`;
        where.push(`(${time.sql}, ${key.sql}) >= ${at}`);
      }
      const offset = parameters.add(position?.n ?? 0, 'bigint');
      return { text: `${select} WHERE ${where.join(' AND ')} ORDER BY ${time.sql}, ${key.sql} OFFSET ${offset}`, values: parameters.values };
    },
  };
}

/** Rows without a key cannot be told apart, only counted: the same times as the run's, so that a re-run counts none twice. */
function keylessPhase(select: string, key: KeyColumn, time: TimeColumn | null, plan: ReadPlan, now: string): Phase {
  return {
    name: 'keyless',
    query: (position) => {
      const parameters = new Parameters();
      const where = [`${key.sql} IS NULL`];
      if (time !== null) {
        const dated = datedCondition(time, plan, parameters);
        where.push(plan.kind === 'window' ? dated : `((${dated}) OR ${oddCondition(time, now, parameters)})`);
      }
      const order = time === null ? '' : `ORDER BY ${time.sql} `;
      return { text: `${select} WHERE ${where.join(' AND ')} ${order}OFFSET ${parameters.add(position?.n ?? 0, 'bigint')}`, values: parameters.values };
    },
  };
}

/** The position after `rows` (key and time are their last two values), read from `before` on. */
export function advance(phase: PhaseName, before: Position, rows: readonly (readonly unknown[])[]): Position {
  const last = rows.at(-1);
  if (last === undefined) return before;
  if (phase === 'keyless') return { phase, t: null, k: null, n: before.n + rows.length };
  const k = last.at(-2) as string;
  const t = phase === 'dated' ? (last.at(-1) as string) : null;
  let n = 0;
  for (let i = rows.length - 1; i >= 0; i--) {
    const row = rows[i]!;
    if (row.at(-2) !== k || (phase === 'dated' && row.at(-1) !== t)) return { phase, t, k, n };
    n++;
  }
  return { phase, t, k, n: before.k === k && before.t === t ? before.n + n : n };
}
