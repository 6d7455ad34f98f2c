import type { SourceConfig } from '../../src/config/index.js';

/** What a reading process is told to read. */
export interface Told {
  readonly databaseUrl: string;
  readonly run: string;
  readonly config: SourceConfig;
}

/** Where a reading process stands. After `begun`, `read` and `staging` it waits until it is told to go on. */
export type Said =
  | { readonly at: 'ready' | 'begun' | 'staging' | 'done' }
  /** It has a page, which is not staged. */
  | { readonly at: 'read'; readonly last: boolean }
  | { readonly at: 'failed'; readonly words: string };
