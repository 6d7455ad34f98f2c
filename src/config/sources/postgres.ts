import { block, isGiven, oneOf, text } from '../schema/helpers.js';
import { postgresUrl } from '../schema/values.js';
import type { PostgresSourceConfig } from '../types.js';
import { SOURCE_SHAPE } from './base.js';
import { defineSource } from './define.js';
import { consentAtIsNoUpdateTime } from './rules.js';

/** A table, a view or a SELECT of a Postgres database. */
export const postgresSource = defineSource({
  schema: block({
    type: oneOf('postgres'),
    url: postgresUrl(),
    table: text('a table or view such as public.contacts').optional(),
    query: text('a SELECT').optional(),
    ...SOURCE_SHAPE,
  }),
  rules: (raw) => {
    const both = isGiven(raw, 'table') && isGiven(raw, 'query');
    const neither = !isGiven(raw, 'table') && !isGiven(raw, 'query');
    return [
      ...(both ? [{ at: ['query'], found: 'both table and query', expected: 'exactly one of table and query' }] : []),
      ...(neither ? [{ at: ['table'], found: 'neither table nor query', expected: 'exactly one of table and query' }] : []),
      ...consentAtIsNoUpdateTime(raw),
    ];
  },
  build: (name, parsed): PostgresSourceConfig => ({ name, ...parsed }),
});
