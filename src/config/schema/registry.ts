import type { z } from 'zod';

/** A mistake in how keys go together, which no single key's schema can see. */
export interface BrokenRule {
  /** Path below the thing that is checked. */
  readonly at: readonly string[];
  readonly found: string;
  readonly expected: string;
  readonly hint?: string;
}

/**
 * One type of source or destination. `rules` sees the block as written, also where other keys of it are wrong,
 * so that all mistakes come at once; `build` sees only what passed.
 */
export interface EntryType<Built> {
  readonly schema: z.ZodType;
  rules(raw: Readonly<Record<string, unknown>>): readonly BrokenRule[];
  /** Called only with what `schema` gave. `directory` is the configuration file's, absolute. */
  build(name: string, parsed: unknown, directory: string): Built;
}

/** Ties a schema to its `build` by type, then forgets the type so that a registry can hold it. */
export function entryType<Built>() {
  return <Schema extends z.ZodType>(definition: {
    readonly schema: Schema;
    readonly rules?: (raw: Readonly<Record<string, unknown>>) => readonly BrokenRule[];
    readonly build: (name: string, parsed: z.output<Schema>, directory: string) => Built;
  }): EntryType<Built> => ({
    schema: definition.schema,
    rules: definition.rules ?? (() => []),
    build: (name, parsed, directory) => definition.build(name, parsed as z.output<Schema>, directory),
  });
}
