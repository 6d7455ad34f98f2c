import type { Connection } from '@temporalio/client';

/** What a workflow shows of itself in Temporal's lists: no contact's data, search attributes are never encrypted. */
export const SEARCH_ATTRIBUTES = {
  SynclineSync: 'Keyword',
  SynclineDestination: 'Keyword',
  SynclineKind: 'Keyword',
  SynclinePhase: 'Keyword',
  SynclineRejected: 'Int',
} as const;

/** The numbers of temporal.api.enums.v1.IndexedValueType. */
const TYPES = { Keyword: 2, Int: 3 } as const;

const NAMES = Object.keys(SEARCH_ATTRIBUTES) as (keyof typeof SEARCH_ATTRIBUTES)[];

/** Registers what is missing. False where the cluster refuses: workflows then run without them. */
export async function ensureSearchAttributes(connection: Connection, namespace: string): Promise<boolean> {
  const missing = await missingSearchAttributes(connection, namespace);
  if (missing.length === 0) return true;
  try {
    await connection.withDeadline(Date.now() + 10_000, () => connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, TYPES[SEARCH_ATTRIBUTES[name]]])),
    }));
    return true;
  } catch {
    // Another process may have been faster; else it is not allowed here (Temporal Cloud manages them elsewhere).
    return (await missingSearchAttributes(connection, namespace)).length === 0;
  }
}

/** Those that are not registered, as far as the cluster tells. */
export async function missingSearchAttributes(connection: Connection, namespace: string): Promise<(keyof typeof SEARCH_ATTRIBUTES)[]> {
  const ask = [
    async () => (await connection.operatorService.listSearchAttributes({ namespace })).customAttributes,
    // Where the operator's service is closed to us, the older question may still be answered.
    async () => (await connection.workflowService.getSearchAttributes({})).keys,
  ];
  for (const question of ask) {
    try {
      const known = await connection.withDeadline(Date.now() + 10_000, question);
      return NAMES.filter((name) => known?.[name] !== TYPES[SEARCH_ATTRIBUTES[name]]);
    } catch {
      continue;
    }
  }
  return NAMES;
}
