import type { FoundContact } from '../destinations/index.js';
import type { Connection } from '../ledger/index.js';
import { CopyWriter, copyText } from './copy.js';
import type { ExpectedContact } from './types.js';

const NO_LOCALE = 'none';

function flag(value: boolean | null): string {
  return value === null ? '\\N' : value ? 't' : 'f';
}

/**
 * Fills `expected` from the source side's pages.
 * @param onPage told how many rows were read so far
 */
export async function loadExpected(
  connection: Connection,
  pages: AsyncIterable<readonly ExpectedContact[]>,
  signal: AbortSignal,
  onPage: (read: number) => void,
): Promise<void> {
  const writer = new CopyWriter(connection, 'expected (n, key, locale, opted_in, sms_in, version, fields)');
  let n = 0;
  for await (const page of pages) {
    signal.throwIfAborted();
    for (const contact of page) {
      writer.add(String((n += 1)), copyText(contact.key), copyText(contact.locale || NO_LOCALE), flag(contact.optedIn),
        flag(contact.smsOptedIn ?? null), copyText(contact.version ?? null), copyText(contact.fields));
    }
    await writer.settle();
    onPage(n);
  }
  await writer.flush();
}

/** Contacts without a key. */
export interface Keyless {
  readonly count: number;
  /** Those opted in, by locale. */
  readonly optedIn: ReadonlyMap<string, number>;
}

/**
 * Fills `found` from the destination's pages. Contacts without a key cannot be ours and are only counted.
 * @returns those
 */
export async function loadFound(
  connection: Connection,
  pages: AsyncIterable<readonly FoundContact[]>,
  signal: AbortSignal,
  onPage: (read: number) => void,
): Promise<Keyless> {
  const optedIn = new Map<string, number>();
  const writer = new CopyWriter(connection, 'found (n, key, locale, opted_in, sms_in, fields)');
  let n = 0;
  let keyless = 0;
  for await (const page of pages) {
    signal.throwIfAborted();
    for (const contact of page) {
      n += 1;
      // Postgres holds no NUL in a text, so such a key was never sent by us.
      if (!contact.key || contact.key.includes('\0')) {
        keyless += 1;
        const locale = contact.locale || NO_LOCALE;
        if (contact.optedIn) optedIn.set(locale, (optedIn.get(locale) ?? 0) + 1);
      } else {
        writer.add(String(n), copyText(contact.key), copyText(contact.locale || NO_LOCALE), flag(contact.optedIn),
          flag(contact.smsOptedIn ?? null), copyText(contact.fields));
      }
    }
    await writer.settle();
    onPage(n);
  }
  await writer.flush();
  return { count: keyless, optedIn };
}
