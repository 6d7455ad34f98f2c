import type { ColumnFound, TableFound } from '../sources/index.js';

/** Contact fields that a column can be proposed for. */
export type ProposedField = 'email' | 'phone' | 'locale' | 'country' | 'emailConsent' | 'smsConsent' | 'consentAt' | 'deletedAt' | 'firstName' | 'lastName';

/** A mapping read off a table's columns: a proposal, for a person to look over. */
export interface Proposal {
  readonly table: string;
  /** null: no column looks like one. */
  readonly key: string | null;
  /** Whether the database promises that the key names one row. */
  readonly keyUnique: boolean;
  readonly updatedAt: string | null;
  /** Field → column. */
  readonly fields: Readonly<Partial<Record<ProposedField, string>>>;
  /** Consent by name but not by type: somebody has to say which values grant. */
  readonly unclear: Readonly<Partial<Record<'emailConsent' | 'smsConsent', string>>>;
  /** Columns that are not mapped. */
  readonly others: readonly string[];
}

/** Names a column of each field goes by, the likeliest first; letters and digits alone are compared. */
const NAMES: Readonly<Record<ProposedField, readonly string[]>> = {
  email: ['email', 'emailaddress', 'mail', 'emailaddr', 'contactemail', 'primaryemail'],
  phone: ['phone', 'mobile', 'mobilephone', 'phonenumber', 'mobilenumber', 'cellphone', 'cell', 'gsm', 'msisdn', 'telephone', 'tel'],
  locale: ['locale', 'language', 'lang', 'preferredlanguage', 'languagecode', 'preferredlocale'],
  country: ['countrycode', 'country', 'countryiso', 'isocountry'],
  emailConsent: ['emailoptin', 'optin', 'emailconsent', 'marketingoptin', 'marketingconsent', 'newsletteroptin', 'acceptsmarketing', 'emailpermission', 'newsletter', 'subscribed', 'consent'],
  smsConsent: ['smsoptin', 'smsconsent', 'mobileoptin', 'phoneoptin', 'gsmpermission', 'smspermission'],
  consentAt: ['consentat', 'optinat', 'optedinat', 'consentdate', 'optindate', 'consenttime'],
  deletedAt: ['deletedat', 'removedat', 'deletedon', 'archivedat'],
  firstName: ['firstname', 'givenname', 'forename', 'fname'],
  lastName: ['lastname', 'surname', 'familyname', 'lname'],
};
const KEYS = ['externalid', 'contactkey', 'contactid', 'customerid', 'memberid', 'personid', 'userid', 'subscriberid', 'id', 'uuid', 'key'];
/** A key of these names is meant for others to hold; it goes before a primary key. */
const OUTWARD = new Set(['externalid', 'contactkey']);
const UPDATED = ['updatedat', 'modifiedat', 'lastmodifiedat', 'lastmodified', 'changedat', 'updatedon', 'modifiedon', 'lastmodifieddate', 'modifieddate', 'updated', 'modified', 'lastupdated'];

/** Types a field's column may have; any other is some other column of that name. */
const TYPES: Readonly<Partial<Record<ProposedField, readonly ColumnFound['type'][]>>> = {
  email: ['text', 'other'], phone: ['text', 'number', 'other'], locale: ['text'], country: ['text'],
  emailConsent: ['boolean'], smsConsent: ['boolean'], consentAt: ['time'], deletedAt: ['time'], firstName: ['text'], lastName: ['text'],
};

const plain = (name: string): string => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');

/** Proposes what each column of a table means, by its name and its type. */
export function propose({ name: table, columns }: TableFound): Proposal {
  const named = (names: readonly string[], fits: (column: ColumnFound) => boolean): ColumnFound | undefined =>
    names.flatMap((name) => columns.filter((column) => plain(column.name) === name && fits(column)))[0];
  const key = keyOf(columns);
  const updatedAt = named(UPDATED, ({ type }) => type === 'time');
  const fields: Partial<Record<ProposedField, string>> = {};
  for (const field of Object.keys(NAMES) as ProposedField[]) {
    const found = named(NAMES[field], ({ type }) => TYPES[field]?.includes(type) ?? true);
    if (found !== undefined) fields[field] = found.name;
  }
  const unclear: Partial<Record<'emailConsent' | 'smsConsent', string>> = {};
  for (const field of ['emailConsent', 'smsConsent'] as const) {
    const found = fields[field] === undefined ? named(NAMES[field], ({ type }) => type === 'text' || type === 'number') : undefined;
    if (found !== undefined) unclear[field] = found.name;
  }
  const mapped = new Set([key?.name, updatedAt?.name, ...Object.values(fields), ...Object.values(unclear)]);
  return {
    table,
    key: key?.name ?? null,
    keyUnique: key?.unique ?? false,
    updatedAt: updatedAt?.name ?? null,
    fields,
    unclear,
    others: columns.map(({ name }) => name).filter((name) => !mapped.has(name)),
  };
}

/** A unique column of an outward name, a unique one of a usual name, the table's own unique one, any of a usual name. */
function keyOf(columns: readonly ColumnFound[]): ColumnFound | undefined {
  const usual = KEYS.flatMap((name) => columns.filter((column) => plain(column.name) === name && (column.type === 'text' || column.type === 'number' || column.type === 'other')));
  const unique = columns.filter((column) => column.unique && column.type !== 'time' && column.type !== 'boolean');
  return usual.find((column) => column.unique && OUTWARD.has(plain(column.name)))
    ?? usual.find((column) => column.unique)
    // An address changes; where it is the only unique column it is still no name for a person.
    ?? unique.find((column) => !NAMES.email.includes(plain(column.name)) && !NAMES.phone.includes(plain(column.name)))
    ?? usual[0];
}

/** The table that looks most like one of contacts; undefined where none has an address and a key. */
export function likeliest(tables: readonly TableFound[]): Proposal | undefined {
  const scored = tables.map((table) => {
    const proposal = propose(table);
    const { key, keyUnique, updatedAt, fields, unclear } = proposal;
    const usable = key !== null && (fields.email !== undefined || fields.phone !== undefined);
    const named = /contact|customer|subscriber|member|person|people|user|audience/i.test(table.name) ? 2 : 0;
    const score = Object.keys(fields).length + Object.keys(unclear).length + (keyUnique ? 1 : 0) + (updatedAt === null ? 0 : 1) + named;
    return { proposal, score: usable ? score : 0 };
  });
  const best = scored.reduce<(typeof scored)[number] | undefined>((leader, one) => (one.score > (leader?.score ?? 0) ? one : leader), undefined);
  return best?.proposal;
}
