import { ACTION, CONSENT } from '../contract.js';
import type { OutgoingBatch, OutgoingRow } from '../contract.js';

/** What of the configuration decides the form of a call. */
export interface BodyOptions {
  readonly insertIfNotExists: boolean;
  readonly throwExceptionIfInvalidRecord: boolean;
  /** Custom column → attribute. */
  readonly columns: Readonly<Record<string, string>>;
}

/**
 * Whether the call makes contacts that are not there: only one that carries both permissions may, for D·engage gives a
 * new contact both (doc); and never together with new_contact_key (doc).
 */
export function inserts(batch: OutgoingBatch, options: Pick<BodyOptions, 'insertIfNotExists'>): boolean {
  return options.insertIfNotExists && batch.form.consent && !batch.form.renames && !erases(batch);
}

export function erases(batch: OutgoingBatch): boolean {
  return batch.rows[0]?.action === ACTION.erase;
}

/** The body of one bulk call. Both flags are always there: the platform's defaults are the opposite of what is wanted (doc). */
export function bulkBody(batch: OutgoingBatch, options: BodyOptions): string {
  const { columns, record } = erases(batch) ? erasing(options) : writing(batch);
  let text = `{"columns":${JSON.stringify(columns)},"contactDatas":[`;
  for (let i = 0; i < batch.rows.length; i++) {
    const row = batch.rows[i];
    if (row !== undefined) text += (i === 0 ? '' : ',') + record(row);
  }
  return `${text}],"insertIfNotExists":${inserts(batch, options)},"throwExceptionIfInvalidRecord":${options.throwExceptionIfInvalidRecord}}`;
}

interface Form {
  readonly columns: readonly string[];
  readonly record: (row: OutgoingRow) => string;
}

/**
 * doc: a listed column is written for every record of the call. All rows are of one shape, so the first one's columns
 * are everybody's.
 */
function writing({ rows, form }: OutgoingBatch): Form {
  const columns = ['contact_key', ...(form.renames ? ['new_contact_key'] : []), ...Object.keys(JSON.parse(rows[0]?.fields ?? '{}') as object)];
  if (form.consent) columns.push('email_permission', 'gsm_permission');
  return {
    columns,
    record(row) {
      const inner = row.fields.slice(1, -1);
      const keys = form.renames
        ? `{"contact_key":${JSON.stringify(row.previousKey ?? row.key)},"new_contact_key":${JSON.stringify(row.key)}`
        : `{"contact_key":${JSON.stringify(row.key)}`;
      const permissions = form.consent ? `,"email_permission":${permitted(row.emailConsent)},"gsm_permission":${permitted(row.smsConsent)}` : '';
      return `${keys}${inner === '' ? '' : `,${inner}`}${permissions}}`;
    },
  };
}

/**
 * doc: there is no deletion on their page. An erasure goes as far as it allows: the contact is passive, both permissions
 * are off, and every column that Syncline fills is blank. The contact_key stays.
 */
function erasing({ columns: custom }: BodyOptions): Form {
  const blank = ['email', 'gsm', 'name', 'surname', ...Object.keys(custom)];
  const rest = `"contact_status":"P","email_permission":false,"gsm_permission":false,${blank.map((column) => `${JSON.stringify(column)}:""`).join(',')}}`;
  return {
    columns: ['contact_key', 'contact_status', 'email_permission', 'gsm_permission', ...blank],
    record: (row) => `{"contact_key":${JSON.stringify(row.key)},${rest}`,
  };
}

/**
 * Only a granted consent goes out as true. A channel the source says nothing about is false as well: every record of a
 * call has the same columns, and leaving the column out would grant it to the new contacts among them.
 */
function permitted(consent: OutgoingRow['emailConsent']): boolean {
  return consent === CONSENT.granted;
}
