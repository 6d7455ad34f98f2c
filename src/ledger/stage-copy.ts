import { createHash } from 'node:crypto';
import type { StageRow } from './stage.js';

/**
 * The working table of a staged page. `owner` is filled where the platform takes a row for another contact; `withheld`:
 * a consent the source grants is not sent, as the person took it back elsewhere; `erased`: the person is not to come back.
 */
export const STAGE_TABLE = `stage (ord int, key text, version timestamptz, action smallint, email smallint, sms smallint, locale text,
  only_if_known text, fields text, shape text, previous_key text, identity bytea, mail text, consent_at timestamptz, owner text,
  withheld boolean NOT NULL DEFAULT false, erased boolean NOT NULL DEFAULT false) ON COMMIT DELETE ROWS`;

/** The columns a staged row comes with. */
export const STAGE_COLUMNS = 'ord, key, version, action, email, sms, locale, only_if_known, fields, shape, previous_key, identity, mail, consent_at';

// COPY's text format: backslash is its escape, tab and line ends separate.
const escapeCopy = (text: string): string => (/[\\\t\n\r]/.test(text) ? text.replace(/[\\\t\n\r]/g, escapeOne) : text);
const escapeOne = (c: string): string => (c === '\\' ? '\\\\' : c === '\t' ? '\\t' : c === '\n' ? '\\n' : '\\r');

/** A row in COPY's text form. */
export function copyLine(row: StageRow, ord: number): string {
  const text = (value: string | null | undefined): string => (value === null || value === undefined ? '\\N' : escapeCopy(value));
  return `${ord}\t${escapeCopy(row.key)}\t${row.version ?? '\\N'}\t${row.action}\t${row.emailConsent}\t${row.smsConsent}\t${
    text(row.locale)
  }\t${text(row.onlyIfKnown)}\t${escapeCopy(row.fields)}\t${text(row.shape)}\t${text(row.previousKey)}\t${
    row.identity === undefined ? '\\N' : `\\\\x${identityHash(row.identity).toString('hex')}`
  }\t${text(row.mail)}\t${row.consentAt ?? '\\N'}\n`;
}

/** What the ledger keeps of an identity: it needs only to be told from others. */
export function identityHash(identity: string): Buffer {
  return createHash('sha256').update(identity).digest().subarray(0, 16);
}
