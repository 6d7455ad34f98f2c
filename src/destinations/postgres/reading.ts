import { quoteIdentifier } from '../../postgres/index.js';
import type { PostgresDestinationConfig } from '../../config/index.js';
import { CONSENT, DestinationError } from '../contract.js';
import type { FoundContact, Outcome, Paced } from '../contract.js';
import { isConsent, PAGE } from './config.js';
import type { ConsentName } from './config.js';
import type { Session } from './session.js';
import { consentValue } from './statements.js';
import { describeTable, isTable } from './table.js';
import type { Table } from './table.js';

/** Times one page is asked for before the reading fails, and milliseconds of the first wait, doubled each time. */
const ATTEMPTS = 6;
const FIRST_WAIT = 500;

export interface ReadingParts {
  readonly config: PostgresDestinationConfig;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** One read-only transaction of its own. */
  readonly inRead: <T>(signal: AbortSignal, work: (session: Session) => Promise<T | Outcome>) => Promise<T | Outcome>;
}

interface Page {
  readonly found: readonly FoundContact[];
  /** The last key, from which the next page goes on; null: there is none. */
  readonly last: string | null;
}

/**
 * Every row of the table that has a key, a page at a time in the order of the keys, each page in a transaction of its
 * own: a long one would keep the database from cleaning up.
 * @throws DestinationError
 */
export async function* readTable(parts: ReadingParts, paced: Paced, signal: AbortSignal): AsyncIterable<readonly FoundContact[]> {
  for (let after: string | null = null; ; ) {
    const page: Page = await patient(parts, paced, signal, after);
    if (page.found.length > 0) yield page.found;
    if (page.last === null) return;
    after = page.last;
  }
}

async function patient(parts: ReadingParts, paced: Paced, signal: AbortSignal, after: string | null): Promise<Page> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    const outcome = await paced((turn) => parts.inRead(AbortSignal.any([signal, turn]), (session) => readPage(parts.config, session, after)));
    if ('found' in outcome) return outcome;
    signal.throwIfAborted();
    if (outcome.kind !== 'unavailable' || attempt >= ATTEMPTS) throw errorOf(outcome);
    await parts.wait(FIRST_WAIT * 2 ** (attempt - 1), signal);
  }
}

async function readPage(config: PostgresDestinationConfig, session: Session, after: string | null): Promise<Page | Outcome> {
  const table = await describeTable(session, config);
  if (!isTable(table)) return table;
  const names = Object.keys(config.columns);
  const key = `t.${table.key.sql}`;
  // As Postgres's own JSON text: a number of twenty digits survives.
  const list = [`${key}::text`, ...names.map((name) => `to_jsonb(t.${quoteIdentifier(name)})::text`)].join(', ');
  const where = after === null ? `${key} IS NOT NULL` : `${key} > $1::text::${table.key.type}`;
  const rows = await session.rows(`SELECT ${list} FROM ${table.sql} AS t WHERE ${where} ORDER BY ${key} LIMIT ${PAGE}`, after === null ? [] : [after]);
  const found = rows.map(([text, ...values]) => foundContact(String(text), names, values as (string | null)[], table, config));
  return { found, last: rows.length < PAGE ? null : (found.at(-1)?.key ?? null) };
}

function foundContact(key: string, names: readonly string[], values: readonly (string | null)[], table: Table, config: PostgresDestinationConfig): FoundContact {
  const held = new Map(names.map((name, i) => [name, values[i] ?? 'null']));
  const plain = names.filter((name) => !isConsent(config.columns[name] ?? '')).sort();
  const granted = (from: ConsentName): boolean | undefined => {
    const name = names.find((one) => config.columns[one] === from);
    const column = name === undefined ? undefined : table.columns.get(name);
    if (name === undefined || column === undefined) return undefined;
    return plainText(JSON.parse(held.get(name) ?? 'null')) === plainText(consentValue(CONSENT.granted, column, config.consentWords));
  };
  const textIn = (from: string): string | null => {
    const name = names.find((one) => config.columns[one] === from);
    const value = name === undefined ? null : (JSON.parse(held.get(name) ?? 'null') as unknown);
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const sms = granted('smsConsent');
  return {
    key,
    locale: textIn('locale'),
    optedIn: granted('emailConsent') ?? false,
    ...(sms === undefined ? {} : { smsOptedIn: sms }),
    email: textIn('email'),
    fields: `{${plain.map((name) => `${JSON.stringify(name)}:${held.get(name) ?? 'null'}`).join(',')}}`,
  };
}

const plainText = (value: unknown): string => String(value);

/** A reading's failure, for whoever decides what follows. */
function errorOf(outcome: Outcome): DestinationError {
  const message = 'message' in outcome ? outcome.message : 'the database gave no usable answer';
  if (outcome.kind === 'unauthenticated' || outcome.kind === 'misconfigured') return new DestinationError(outcome.kind, message, outcome.hint);
  return new DestinationError('unreachable', message);
}
