import type { PostgresDestinationConfig } from '../../config/index.js';
import type { OutgoingRow, RowFailure } from '../contract.js';
import { failureOf, isOfRows, SAME_KEY } from './errors.js';
import type { Session } from './session.js';
import { eraseSql, groupsOf, upsertSql } from './statements.js';
import type { Group } from './statements.js';
import type { Table } from './table.js';

/** Since then a function tells whether a type takes a text. */
const SINCE_INPUT_CHECK = 160_000;

/** The search for refused rows took longer than it may; its message is the code of the last refusal. */
export class SearchTooLong extends Error {
  override readonly name = 'SearchTooLong';
}

export interface Writing {
  readonly session: Session;
  readonly table: Table;
  readonly config: PostgresDestinationConfig;
  readonly erase: boolean;
  /** Whether there is time to look on for refused rows. */
  readonly hasTime: () => boolean;
}

/** Into how many parts refused rows are taken apart: for few bad rows as good as halves, for many better. */
const PARTS = 4;

/**
 * Writes the rows within the session's transaction. Where they are refused for what is in one of them, their quarters
 * are written apart, down to the single rows at fault: n rows with b bad ones take some 4·b·log₄ n statements.
 * @returns the refused rows; all others are written
 * @throws SearchTooLong, and what pg throws for anything that is not the rows' own
 */
export async function writeRows(writing: Writing, rows: readonly OutgoingRow[]): Promise<RowFailure[]> {
  const { session } = writing;
  await session.rows('SAVEPOINT part');
  try {
    await writeOnce(writing, rows);
    await session.rows('RELEASE SAVEPOINT part');
    return [];
  } catch (error) {
    if (!isOfRows(error)) throw error;
    return await takeApart(writing, rows, error);
  }
}

async function takeApart(writing: Writing, rows: readonly OutgoingRow[], error: unknown): Promise<RowFailure[]> {
  const { session } = writing;
  const [first] = rows;
  await session.rows('ROLLBACK TO SAVEPOINT part');
  const failure = rows.length === 1 && first !== undefined ? failureOf(error, first, await blame(writing, first, error)) : null;
  await session.rows('RELEASE SAVEPOINT part');
  if (failure !== null) return [failure];
  if (!writing.hasTime()) throw new SearchTooLong(first === undefined ? '' : failureOf(error, first, []).code);
  const size = Math.ceil(rows.length / PARTS);
  const failures: RowFailure[] = [];
  for (let from = 0; from < rows.length; from += size) failures.push(...(await writeRows(writing, rows.slice(from, from + size))));
  return failures;
}

async function writeOnce({ session, table, config, erase }: Writing, rows: readonly OutgoingRow[]): Promise<void> {
  const groups: Group[] = erase ? [{ columns: [], records: rows.map(({ key }) => ({ k: key })) }] : groupsOf(rows, table, config);
  for (const { columns, records } of groups) {
    const [counts] = await session.rows(erase ? eraseSql(table) : upsertSql(table, columns), [JSON.stringify(records)]);
    // Of two rows for one, the update would have taken either.
    if (counts?.[0] !== counts?.[1]) throw Object.assign(new Error(SAME_KEY.message), SAME_KEY);
  }
}

/** The columns that do not take a refused row's value; none where the server cannot be asked or it is not about types. */
async function blame({ session, table, config, erase }: Writing, row: OutgoingRow, error: unknown): Promise<string[]> {
  const { code } = error as { code?: unknown };
  if (erase || table.serverVersion < SINCE_INPUT_CHECK || typeof code !== 'string' || !code.startsWith('22')) return [];
  const [group] = groupsOf([row], table, config);
  const asked = [{ name: table.key.name, type: table.key.type, value: row.key }, ...(group?.columns ?? []).map(({ name, type }, i) => ({ name, type, value: group?.records[0]?.[`c${i}`] ?? null }))]
    .filter(({ value }) => value !== null && typeof value !== 'object');
  try {
    const rows = await session.rows('SELECT name FROM jsonb_to_recordset($1::jsonb) AS r (name text, type text, value text) WHERE NOT pg_input_is_valid(value, type)', [JSON.stringify(asked)]);
    return rows.map(([name]) => String(name));
  } catch (failure) {
    if (!isOfRows(failure)) throw failure;
    await session.rows('ROLLBACK TO SAVEPOINT part');
    return [];
  }
}
