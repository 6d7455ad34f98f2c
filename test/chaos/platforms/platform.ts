import type { Sandbox } from '../../../src/sandbox/index.js';
import type { CrmRow } from '../crm.js';

export type PlatformName = 'mailingcore' | 'dengage' | 'mainbrainer';

/** How a destination is called. */
export interface Pace {
  readonly batchSize: number;
  readonly calls: number;
  readonly perMs: number;
  readonly concurrency: number;
}

/** One version of a contact in a call. */
export interface SentRow {
  readonly key: string;
  readonly rev: number;
}

/** A contact as the platform shows it, in the form that `expected` gives too. */
export interface Held extends SentRow {
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What chaos must know of a platform; written apart from the connector that is tried. */
export interface Platform {
  readonly name: PlatformName;
  readonly sync: string;
  /** Its pace; `batchSize` is what was asked for on the command line. */
  pace(batchSize: number): Pace;
  /** Lines of its destination besides those that every destination has. */
  readonly settings: string;
  /** SQL for the version in `br.fields`. */
  readonly revSql: string;
  /** The rows of a bulk call that passes by; undefined: it is another call. */
  rows(method: string, path: string, body: string): readonly SentRow[] | undefined;
  /** Positions that an answer says were not stored. */
  refused(answer: string, rows: readonly SentRow[]): ReadonlySet<number>;
  /** Where results come later: the batch an answer names, and whether one is told the end of its batch. */
  readonly later?: {
    accepted(answer: string): string;
    ended(path: string, answer: string): string | undefined;
  };
  /** What the mapping's documented rules make of a row. */
  expected(row: CrmRow): Held['fields'];
  held(sandbox: Sandbox): Iterable<Held>;
  /** By what it tells contacts apart, where it holds no key of ours: a changed one makes another contact there. */
  identity?(fields: Held['fields']): string;
  /** Sets its faults in the rounds: slow enough that kills fall into calls, and not quite reliable. */
  unrest(sandbox: Sandbox, seed: number): void;
  /**
   * Sets its faults for a run against a failing platform. @param bad as they are in the CRM now
   * @param mode how they are refused: by row, or with their whole request
   */
  mix(sandbox: Sandbox, seed: number, mode: 'row' | 'request', bad: readonly CrmRow[], pace: Pace): void;
  /** Takes all faults away. */
  calm(sandbox: Sandbox): void;
  /** What the platform itself saw that must not be, since the last time. */
  trespasses?(sandbox: Sandbox, pace: Pace): readonly string[];
}
