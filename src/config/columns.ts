/** What a column of a `postgres` destination can be filled from by one word; anything else is an attribute. */
export const COLUMN_FIELDS = [
  'email', 'phone', 'locale', 'country', 'firstName', 'lastName', 'consentAt', 'consentVersion', 'emailConsent', 'smsConsent',
] as const;

/** Fields of a contact that say what becomes of it, and are no value of a column. */
export const NO_COLUMN_FIELDS: readonly string[] = ['key', 'deletedAt', 'previousKey'];

export const ATTRIBUTE = 'attributes.';

/** `city` is short for `attributes.city`. What is no value of a column stays as it is, a mistake that is told. */
export function columnOrigin(written: string): string {
  return written.startsWith(ATTRIBUTE) || [...COLUMN_FIELDS, ...NO_COLUMN_FIELDS].includes(written) ? written : ATTRIBUTE + written;
}
