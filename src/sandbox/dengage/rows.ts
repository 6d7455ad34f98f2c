/** doc: the columns of master_contact that BulkUpsert takes, beside the account's own. */
export const COLUMNS: ReadonlySet<string> = new Set([
  'contact_key', 'contact_status', 'email', 'email_permission', 'email_status', 'gsm', 'gsm_permission', 'gsm_status',
  'name', 'surname', 'gender', 'birth_date', 'subscription_date', 'new_contact_key',
]);

const LONGEST: Readonly<Record<string, number>> = { email: 255, gsm: 20, name: 100, surname: 100, gender: 100, birth_date: 10, subscription_date: 10 };
const EMAIL = /^[^\s@]{1,64}@[^\s@.]+(?:\.[^\s@.]+)+$/;
const GSM = /^\+?\d{5,19}$/;

/** What is wrong with one record, in the platform's words, or null. Names the column, never the value. */
export function faultOf(record: unknown, columns: ReadonlySet<string>): string | null {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return 'record must be an object';
  const row = record as Record<string, unknown>;
  if (typeof row['contact_key'] !== 'string' || row['contact_key'] === '') return 'contact_key is required';
  for (const name in row) {
    if (!columns.has(name)) return 'record has a value for a column that is not listed';
    const value = row[name];
    if (value === '' || value === null) {
      if (name === 'new_contact_key') return 'new_contact_key is empty';
      continue;
    }
    const longest = LONGEST[name];
    if (longest !== undefined && (typeof value !== 'string' || value.length > longest)) return `${name} must be a text of at most ${longest} characters`;
    if (name === 'email' && !EMAIL.test(value as string)) return 'email is not valid';
    if (name === 'gsm' && !GSM.test(value as string)) return 'gsm is not valid';
    if (name.endsWith('_permission') && typeof value !== 'boolean') return `${name} must be true or false`;
    if (name.endsWith('_status') && value !== 'A' && value !== 'P') return `${name} must be A or P`;
    if (name === 'new_contact_key' && typeof value !== 'string') return 'new_contact_key must be a text';
  }
  return null;
}
