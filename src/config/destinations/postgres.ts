import { z } from 'zod';
import { ATTRIBUTE, COLUMN_FIELDS, NO_COLUMN_FIELDS, columnOrigin } from '../columns.js';
import { block, isGiven, isMapping, oneOf, plainValue, text } from '../schema/helpers.js';
import type { BrokenRule } from '../schema/registry.js';
import { column, postgresUrl } from '../schema/values.js';
import { PLATFORMS, defaultAccount } from '../platforms.js';
import type { PostgresDestinationConfig } from '../types.js';
import { destinationShape } from './base.js';
import { defineDestination } from './define.js';

const ORIGINS = `one of ${COLUMN_FIELDS.join(', ')}, or an attribute`;
const word = plainValue('text, a number, true or false');

function rules(raw: Readonly<Record<string, unknown>>): BrokenRule[] {
  const { columns, key, updatedAt } = raw;
  if (!isMapping(columns)) return [];
  const broken: BrokenRule[] = [];
  if (Object.keys(columns).length === 0) {
    broken.push({ at: ['columns'], found: 'no column', expected: 'at least one, such as {email: email}' });
  }
  for (const [name, from] of Object.entries(columns)) {
    if (name === key) broken.push({ at: ['columns', name], found: 'the column of key', expected: 'other columns: the key goes there by itself' });
    else if (name === updatedAt) broken.push({ at: ['columns', name], found: 'the column of updatedAt', expected: 'other columns: the time goes there by itself' });
    if (typeof from === 'string' && NO_COLUMN_FIELDS.includes(from)) {
      broken.push({ at: ['columns', name], found: JSON.stringify(from), expected: ORIGINS, hint: `for an attribute of that name write ${ATTRIBUTE}${from}` });
    }
  }
  if (key !== undefined && key === updatedAt) broken.push({ at: ['updatedAt'], found: 'the column of key', expected: 'another column' });
  const origins = Object.values(columns);
  if (isGiven(raw, 'consentWords') && !origins.includes('emailConsent') && !origins.includes('smsConsent')) {
    broken.push({ at: ['consentWords'], found: 'words for consent', expected: 'a column of emailConsent or smsConsent that they go to' });
  }
  return broken;
}

/** A table of a Postgres database. */
export const postgresDestination = defineDestination({
  schema: block({
    type: oneOf('postgres'),
    url: postgresUrl(),
    table: text('a table such as public.contacts'),
    key: column(),
    columns: z.record(column(), text(`${ORIGINS}, as text`), { error: 'a mapping of column: contact field or attribute, such as {email: email, town: city}' }),
    consentWords: block({ granted: word, denied: word, unknown: word.optional() }, 'a mapping such as {granted: "Y", denied: "N"}').optional(),
    updatedAt: column().optional(),
    ...destinationShape(PLATFORMS.postgres),
  }),
  rules,
  build: (name, { columns, ...parsed }): PostgresDestinationConfig => {
    const { username, pathname } = new URL(parsed.url);
    return {
      name,
      ...parsed,
      columns: Object.fromEntries(Object.entries(columns).map(([into, from]) => [into, columnOrigin(from)])),
      account: parsed.account ?? defaultAccount('postgres', parsed.url, username + pathname),
    };
  },
});
