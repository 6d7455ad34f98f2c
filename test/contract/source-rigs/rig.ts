// How a source comes under the contract: one file here that exports a `() => Promise<SourceRig>`, and one line in
// index.ts. The rig starts what the source reads (a strict local server, a database, a program), puts rows there,
// and names the cases that apply; the suite (test/contract/sources.test.ts) does the rest. A registered source
// without a rig is listed by the suite as not yet held to the contract.
import type { SourceConfig } from '../../../src/config/index.js';
import type { Source } from '../../../src/sources/index.js';

/** One record as the suite writes it. */
export interface Row {
  readonly key: string;
  /** ISO 8601 UTC with six decimals; a rig over a coarser clock may cut it. */
  readonly time: string;
  /** The one mapped field: `firstName`, the only column the source is asked for. */
  readonly name: string;
}

/** What can go wrong at the server of an HTTP source. `refused` is a 401; `down` lasts until it is taken away. */
export const TROUBLES = ['throttled', 'serverError', 'brokenJson', 'cut', 'repeatedPages', 'reorderedPages'] as const;
export type Trouble = (typeof TROUBLES)[number] | 'refused' | 'down' | 'rubbish';

/**
 * late: a row written later with an older time, within the overlap, is found by the next run.
 * changing: rows may change, come and go while a run reads. only, window: such requests can be answered.
 * unchanged: a run after which nothing changed reads no more than the overlap.
 */
export type Case = 'late' | 'changing' | 'only' | 'window' | 'unchanged';

export interface SourceRig {
  readonly cases: readonly Case[];
  /** Troubles the server can have; none for a source without a server of its own. */
  readonly troubles: readonly Trouble[];
  /**
   * What is read is a program: trouble breaks a reading off, and whoever drives the source goes on from the last page;
   * its notes tell when it ran.
   */
  readonly program?: boolean;
  /** How many rows are tied on one time. @default 25000 */
  readonly ties?: number;
  /** A new instance, as after a restart. Its overlap is two minutes; its pages hold some hundreds of rows. */
  source(): Source;
  /** What another process makes such a source from; its `fields` name the columns. */
  config(): SourceConfig;
  /** Makes these rows all there are. */
  plant(rows: readonly Row[]): Promise<void>;
  /** Writes rows over those of the same key. */
  put(rows: readonly Row[]): Promise<void>;
  remove(keys: readonly string[]): Promise<void>;
  /** Turns one trouble on (it strikes some calls of a reading, not all, unless it lasts), or all off. */
  trouble(trouble: Trouble | null): void;
  /** Texts no message may hold. */
  readonly secrets: readonly string[];
  close(): Promise<void>;
}
