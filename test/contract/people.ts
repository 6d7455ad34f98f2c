import type { Contact } from '../../src/contacts/index.js';

/** In every person's name: what no message may hold. */
export const CANARY = 'Zaphirina';

/** Person n, the same each time: `crm-n`. */
export const person = (n: number): Contact => ({
  key: `crm-${n}`,
  email: `canary${n}@example.com`,
  phone: n % 5 === 0 ? null : `+1697555${String(n).padStart(4, '0')}`,
  locale: [null, 'en', 'fr', 'de'][n % 4] ?? null,
  emailConsent: (['granted', 'denied', 'unknown'] as const)[n % 3] ?? 'unknown',
  firstName: `${CANARY}${n}`,
  attributes: { city: 'Newport Hills', 'odd "name"': 'línea\u2028\n\\' },
});

export const people = (count: number): Contact[] => Array.from({ length: count }, (_, n) => person(n));
