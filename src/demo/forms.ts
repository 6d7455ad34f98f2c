import { normalisePhone } from '../contacts/index.js';
import type { CrmRow } from './crm.js';
import type { Form } from './expected.js';

type Held = Readonly<Record<string, unknown>>;

const phoneOf = ({ phone, country }: CrmRow): string | null => (phone === null ? null : normalisePhone(phone, country));
/** The demo spoils addresses by taking their @ away. */
const addressOf = ({ email }: CrmRow): string | null => (email.includes('@') ? email.toLowerCase() : null);

/** MailingCore: by externalId; an attribute that is null is not there. */
export const MAILINGCORE: Form = {
  keyOf: (row) => row.external_id,
  expected(row) {
    const { city, postal_code, state, country } = row;
    return textOf([row.email, row.locale, row.opt_in], { phone: phoneOf(row), firstName: row.first_name, city, postal_code, state, country });
  },
  heldKey: (contact) => String(contact['externalId']),
  held: ({ email, locale, optIn, attributes }) => textOf([email, locale ?? null, optIn], attributes as Held),
};

const COLUMNS = ['email', 'gsm', 'name', 'city', 'country', 'locale', 'email_permission', 'gsm_permission', 'contact_status'] as const;

/**
 * D·engage: by contact_key.
 * @param optedOut contacts who said no at D·engage itself
 */
export function dengageForm(optedOut: ReadonlySet<string>): Form {
  return {
    keyOf: (row) => row.external_id,
    expected: (row) => textOf([], {
      email: addressOf(row), gsm: phoneOf(row), name: row.first_name, city: row.city, country: row.country, locale: row.locale,
      email_permission: row.opt_in && !optedOut.has(row.external_id),
      // The CRM says nothing about SMS, and nobody is granted what nobody said.
      gsm_permission: false, contact_status: 'A',
    }),
    heldKey: (contact) => String(contact['contact_key']),
    held: (contact) => textOf([], Object.fromEntries(COLUMNS.map((column) => [column, contact[column]]))),
  };
}

/** MainBrainer: it holds no key of ours, so by mobile and e-mail together. */
export const MAINBRAINER: Form = {
  keyOf(row) {
    const [phone, email] = [phoneOf(row), addressOf(row)];
    return phone === null && email === null ? null : `${phone?.slice(1) ?? ''}|${email ?? ''}`;
  },
  expected: ({ opt_in, first_name, city, country, locale }) => textOf([opt_in, null], { firstname: first_name, city, country, locale }),
  heldKey: ({ email, mobileCountryCode, mobileNumber }) => `${shown(mobileCountryCode)}${shown(mobileNumber)}|${shown(email)}`,
  held: ({ emailOptIn, mobileOptIn, properties }) => textOf([emailOptIn, mobileOptIn], properties as Held),
};

const shown = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');

/** One contact as a text that is equal for equal contacts; a field that is empty is not there. */
function textOf(first: readonly unknown[], fields: Held): string {
  const present = Object.entries(fields).filter(([, value]) => value !== null && value !== undefined && value !== '');
  return JSON.stringify([...first, present.sort(([a], [b]) => (a < b ? -1 : 1))]);
}
