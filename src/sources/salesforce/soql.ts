import { wholeSecond } from '../api/index.js';
import type { ReadPlan } from '../contract.js';
import { ID, UPDATED_AT } from './fields.js';

/** What is read: of which object, which fields. */
export interface Selection {
  readonly object: string;
  readonly fields: readonly string[];
}

/** Everything up to here has been read; without an id, everything before this time. */
export interface Mark {
  readonly time: string | null;
  readonly id: string | null;
}

/** doc: times stand without quotes. */
const time = (value: string): string => `${value.slice(0, 19)}Z`;
/** doc: a backslash before quotes and backslashes. */
const text = (value: string): string => `'${value.replace(/[\\']/g, '\\$&')}'`;
const select = ({ object, fields }: Selection): string => `SELECT ${fields.join(',')} FROM ${object}`;

/** The first record that comes: whether the fields are there, and what the time is. */
export const oneQuery = (selection: Selection): string => `${select(selection)} LIMIT 1`;

/**
 * The records of a plan behind a mark, by time and id: any number of them may share a second. Both bounds of a plan are
 * taken as whole seconds, which is what Salesforce compares.
 */
export function changedQuery(selection: Selection, plan: ReadPlan, mark: Mark): string {
  return `${select(selection)}${where(plan, mark)} ORDER BY ${UPDATED_AT}, ${ID}`;
}

/** How many records a plan covers; null: how many there are. The number is the answer's totalSize (doc). */
export function countQuery({ object }: Selection, plan: ReadPlan | null): string {
  return `SELECT COUNT() FROM ${object}${plan === null ? '' : where(plan, { time: null, id: null })}`;
}

/** Chosen records by key. */
export const chosenQuery = (selection: Selection, key: string, keys: readonly string[]): string =>
  `${select(selection)} WHERE ${key} IN (${keys.map(text).join(',')})`;

function where({ kind, from, to }: ReadPlan, mark: Mark): string {
  const conditions: string[] = [];
  if (mark.time !== null) conditions.push(behind(time(mark.time), mark.id));
  else if (from !== null) conditions.push(`${UPDATED_AT} >= ${time(wholeSecond(from, kind === 'window' ? 'up' : 'down'))}`);
  if (to !== null) conditions.push(kind === 'window' ? `${UPDATED_AT} < ${time(wholeSecond(to, 'up'))}` : `${UPDATED_AT} <= ${time(to)}`);
  return conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
}

/** doc: AND and OR in one condition need parentheses. */
function behind(second: string, id: string | null): string {
  return id === null ? `${UPDATED_AT} >= ${second}` : `(${UPDATED_AT} > ${second} OR (${UPDATED_AT} = ${second} AND ${ID} > ${text(id)}))`;
}

/** The path of a query. Commas stand for themselves: encoded, many fields would be too much for a URL sooner. */
export function queryPath(base: string, soql: string): string {
  return `${base}?${new URLSearchParams({ q: soql }).toString().replaceAll('%2C', ',')}`;
}

/** Whether a path leads to a further page of a query (doc: it takes no parameters). */
export const isLocator = (path: string): boolean => !path.includes('?');
