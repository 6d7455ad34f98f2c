import type { HttpSourceConfig } from '../../config/index.js';
import type { Json } from '../../contacts/index.js';
import { compilePath, isRecord } from '../api/index.js';
import { SourceError, type SourcePage, type SourceRow } from '../contract.js';
import { Refused, type Caller } from './call.js';

/** Keys a page, a call each. */
const KEYS = 20;

/** The way out where chosen keys cannot be read. */
export function assertCanChoose(config: HttpSourceConfig): void {
  if (config.keyUrl !== undefined) return;
  throw new SourceError('misconfigured', `source ${config.name}: chosen contacts cannot be read without keyUrl`, 'set keyUrl to the address of one record, such as https://crm.example/api/contacts/{key}, or run without --only');
}

/** Reads chosen records one by one; those that are not there (404, 410) are left out. */
export async function* readChosen(
  config: HttpSourceConfig,
  caller: Caller,
  keys: readonly string[],
  position: Json | null,
  rowOf: (item: unknown, place: string, now: number) => SourceRow,
  signal: AbortSignal,
): AsyncGenerator<SourcePage> {
  const inItems = config.items === undefined ? null : compilePath(config.items);
  const recordOf = (body: unknown): readonly unknown[] => {
    const found = config.keyItem === undefined ? (inItems?.(body) ?? body) : compilePath(config.keyItem)(body);
    if (Array.isArray(found)) return found;
    return isRecord(found) ? [found] : [];
  };
  for (let at = typeof position === 'number' ? position : 0; ; ) {
    const rows: SourceRow[] = [];
    for (const key of keys.slice(at, at + KEYS)) {
      const url = new URL((config.keyUrl ?? '').replace('{key}', encodeURIComponent(key)));
      try {
        const { body, at: now } = await caller.call({ method: 'GET', url, body: null }, signal);
        rows.push(...recordOf(body).map((item) => rowOf(item, 'keyUrl', now)).filter((row) => row.key === key));
      } catch (error) {
        if (!(error instanceof Refused) || (error.status !== 404 && error.status !== 410)) throw error;
      }
    }
    at = Math.min(at + KEYS, keys.length);
    yield { rows, position: at, last: at >= keys.length };
    if (at >= keys.length) return;
  }
}
