import type { Contact, ContactReader } from '../contacts/index.js';
import { ACTION, CONSENT, type Destination } from '../destinations/index.js';
import type { GuardLimits, InvalidRow, StageRow } from '../ledger/index.js';
import type { SourcePage } from '../sources/index.js';

/** How one sync turns a source's rows into a destination's. */
export interface Rules {
  readonly reader: ContactReader;
  /** False holds a contact back; an opt-out passes all the same. */
  readonly wanted: (contact: Contact) => boolean;
  readonly destination: Pick<Destination, 'prepare' | 'capabilities'>;
  readonly onDelete: 'optOut' | 'erase' | 'ignore';
  /** What a run may do to known contacts without asking; absent: anything. */
  readonly guard?: GuardLimits;
}

/** A page, sorted: what is staged and what is only counted. */
export interface BuiltPage {
  readonly rows: readonly StageRow[];
  readonly invalid: readonly InvalidRow[];
  readonly extracted: number;
  readonly filtered: number;
  /** Keys of the filtered rows. */
  readonly unwanted: readonly string[];
  readonly superseded: number;
  readonly warnings: Readonly<Record<string, number>>;
  /** Greatest usable time on the page. */
  readonly maxTime: string | null;
}

/** Reads, maps and sorts the rows of one page. Pure. */
export function buildPage(page: SourcePage, rules: Rules): BuiltPage {
  const rows: (StageRow | undefined)[] = [];
  const at = new Map<string, number>();
  const invalid: InvalidRow[] = [];
  const warnings: Record<string, number> = {};
  const warn = (reason: string): void => { warnings[reason] = (warnings[reason] ?? 0) + 1; };
  const unwanted: string[] = [];
  let filtered = 0;
  let superseded = 0;
  let maxTime: string | null = null;

  for (const row of page.rows) {
    const built = rules.reader.read(row);
    if ('invalid' in built) {
      invalid.push({ key: row.key?.trim() === '' ? null : row.key, place: row.place ?? null, reason: built.invalid });
      continue;
    }
    if (row.oddTime === true) warn('updatedAt: missing, unusable or in the future');
    else if (row.time !== null && (maxTime === null || row.time > maxTime)) maxTime = row.time;
    built.warnings.forEach(warn);
    const staged = stageRow(built.contact, row.time, rules, warn);
    if (staged === 'filtered') {
      filtered += 1;
      unwanted.push(built.contact.key);
      continue;
    }
    if ('invalid' in staged) {
      const { key, emailConsent, locale } = built.contact;
      invalid.push({
        key, place: row.place ?? null, reason: staged.invalid, ...(emailConsent === undefined ? {} : { optedIn: emailConsent === 'granted' }),
        ...(locale === undefined || locale === null || rules.destination.capabilities.locales?.includes(locale) === false ? {} : { locale }),
      });
      continue;
    }
    // The same contact twice on a page: the newest stays, of equals the later.
    const earlier = at.get(staged.key);
    if (earlier === undefined) {
      at.set(staged.key, rows.push(staged) - 1);
      continue;
    }
    superseded += 1;
    if ((rows[earlier] as StageRow).version === null || staged.version === null || staged.version >= ((rows[earlier] as StageRow).version as string)) {
      rows[earlier] = staged;
    }
  }
  return { rows: rows as StageRow[], invalid, extracted: page.rows.length, filtered, unwanted, superseded, warnings, maxTime };
}

function stageRow(read: Contact, time: string | null, rules: Rules, warn: (reason: string) => void): StageRow | 'filtered' | { invalid: string } {
  const deleted = rules.onDelete !== 'ignore' && read.deletedAt !== undefined && read.deletedAt !== null;
  // A deleted contact keeps its fields there and loses its consent at once, also where it is erased in the end; nothing is
  // made there for it.
  const contact: Contact = deleted ? { ...read, emailConsent: 'denied', smsConsent: 'denied' } : read;
  const optOut = contact.emailConsent === 'denied' || contact.smsConsent === 'denied';
  const wanted = rules.wanted(contact);
  if (!wanted && !optOut) return 'filtered';
  const prepared = rules.destination.prepare(contact);
  if ('invalid' in prepared) return wanted ? prepared : 'filtered';
  prepared.warnings.forEach(warn);
  const keyOnly = prepared.onlyIfKnown === true ? 'nothing but its key is left, and the destination does not hold it' : undefined;
  const onlyIfKnown = !wanted || deleted ? 'filtered' : keyOnly;
  return {
    key: contact.key, version: time, action: ACTION.upsert, fields: prepared.fields,
    emailConsent: prepared.emailConsent, smsConsent: prepared.smsConsent, locale: prepared.locale,
    mail: contact.email ?? null, consentAt: contact.consentAt ?? null,
    ...(deleted && rules.onDelete === 'erase' ? { departed: true } : {}),
    ...(onlyIfKnown === undefined ? {} : { onlyIfKnown }),
    ...(prepared.shape === undefined ? {} : { shape: prepared.shape }),
    ...(prepared.previousKey === undefined ? {} : { previousKey: prepared.previousKey }),
    ...(prepared.identity === undefined ? {} : { identity: prepared.identity }),
  };
}

/** Whether a prepared contact counts as opted in for e-mail. */
export const optedIn = (row: Pick<StageRow, 'emailConsent'>): boolean => row.emailConsent === CONSENT.granted;
