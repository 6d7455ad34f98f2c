import type { FoundContact } from '../contract.js';
import { pick } from './words.js';

const OWN = ['email', 'gsm', 'name', 'surname'] as const;

type Fields = Readonly<Record<string, unknown>>;

/** A contact as D·engage shows it, its columns in the form of `fields`. `columns`: custom column → attribute. */
export function foundContact(held: Readonly<Record<string, unknown>>, columns: Readonly<Record<string, string>>): FoundContact {
  const names = [...OWN, ...Object.keys(columns).sort()];
  const fields = Object.fromEntries(names.map((name) => [name, pick(held, name) ?? '']));
  const key = pick(held, 'contact_key');
  const localeColumn = Object.keys(columns).find((column) => columns[column] === 'locale');
  const locale = localeColumn === undefined ? undefined : pick(held, localeColumn);
  const email = pick(held, 'email');
  return {
    key: typeof key === 'string' || typeof key === 'number' ? String(key) : null,
    locale: typeof locale === 'string' && locale !== '' ? locale : null,
    optedIn: isTrue(pick(held, 'email_permission')),
    smsOptedIn: isTrue(pick(held, 'gsm_permission')),
    email: typeof email === 'string' && email !== '' ? email : null,
    fields: JSON.stringify(fields),
  };
}

/**
 * The names of the columns that differ, of those that were sent.
 * unknown: the form in which numbers and phones come back; they are compared as text, a gsm by its digits.
 */
export function differences(expected: { readonly fields: string; readonly optedIn: boolean | null; readonly smsOptedIn?: boolean | null }, found: FoundContact): string[] {
  const wanted = JSON.parse(expected.fields) as Fields;
  const held = JSON.parse(found.fields) as Fields;
  const names = Object.keys(wanted).filter((name) => comparable(name, wanted[name]) !== comparable(name, held[name]));
  if (expected.optedIn !== null && expected.optedIn !== found.optedIn) names.push('email_permission');
  const { smsOptedIn = null } = expected;
  if (smsOptedIn !== null && smsOptedIn !== (found.smsOptedIn ?? false)) names.push('gsm_permission');
  return names;
}

function comparable(name: string, value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  if (name === 'email') return text.toLowerCase();
  return name === 'gsm' ? text.replace(/\D/g, '').replace(/^00/, '') : text;
}

/** unknown: a boolean, or one as text or number. */
function isTrue(value: unknown): boolean {
  return value === true || value === 1 || (typeof value === 'string' && ['true', '1'].includes(value.toLowerCase()));
}
