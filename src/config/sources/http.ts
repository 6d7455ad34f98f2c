import { z } from 'zod';
import { block, count, duration, isGiven, isMapping, oneOf, text, textThat } from '../schema/helpers.js';
import type { BrokenRule } from '../schema/registry.js';
import { isHttpUrl, LONGEST_CALL } from '../schema/values.js';
import type { HttpPaging, HttpSourceConfig } from '../types.js';
import { SOURCE_SHAPE } from './base.js';
import { defineSource } from './define.js';
import { consentAtIsNoUpdateTime } from './rules.js';

const usableUrl = (value: string): boolean => {
  if (!isHttpUrl(value)) return false;
  const url = new URL(value);
  return url.username === '' && url.password === '' && url.hash === '';
};
const url = (example: string) => textThat(usableUrl, `a URL such as ${example}, without user and password`);
const path = (example: string) => text(`a JSON path such as ${example}`);
const parameter = () => text('the name of a parameter');

const LIMIT_WORDS = '[NAME, N]: the parameter and the records asked for, such as [limit, 500]';
const limit = z.tuple([parameter(), count(1, 100_000)], { error: LIMIT_WORDS });
const PAGE_WORDS = 'the name of a parameter, or [NAME, FIRST] where the first page is not 1';
const page = z.preprocess((value) => (typeof value === 'string' ? [value, 1] : value), z.tuple([parameter(), count(0)], { error: PAGE_WORDS }));

/** Slots of a body template and parameters by which an API is asked for the next page. */
type Slot = 'cursor' | 'page' | 'offset';

const holds = (body: unknown, slot: string): boolean => JSON.stringify(body ?? null).includes(`{${slot}}`);

/** How the next page is found, by the keys that are given. */
function pagingOf(raw: Readonly<Record<string, unknown>>): HttpPaging[] {
  const params = isMapping(raw['params']) ? raw['params'] : {};
  const asks = (slot: Slot): boolean => isGiven(params, slot) || holds(raw['body'], slot);
  return [
    ...(isGiven(raw, 'nextCursor') ? ['cursor' as const] : []),
    ...(isGiven(raw, 'nextUrl') ? ['url' as const] : []),
    ...(raw['linkHeader'] === true ? ['link' as const] : []),
    ...(asks('page') || isGiven(raw, 'page') || isGiven(raw, 'totalPages') ? ['page' as const] : []),
    ...(asks('offset') ? ['offset' as const] : []),
  ];
}

function rules(raw: Readonly<Record<string, unknown>>): BrokenRule[] {
  const ways = pagingOf(raw);
  const params = isMapping(raw['params']) ? raw['params'] : {};
  const asksCursor = isGiven(params, 'cursor') || holds(raw['body'], 'cursor');
  const broken: BrokenRule[] = [];
  const add = (at: string[], found: string, expected: string, hint?: string): void => {
    broken.push({ at, found, expected, ...(hint === undefined ? {} : { hint }) });
  };
  if (ways.length > 1) add(['params'], `more than one way to the next page (${ways.join(', ')})`, 'one of nextCursor, nextUrl, linkHeader, page and offset');
  if (ways.includes('cursor') && !asksCursor) add(['nextCursor'], 'no parameter that takes the cursor', 'params.cursor, or "{cursor}" in body');
  if (asksCursor && !isGiven(raw, 'nextCursor')) add(['params', 'cursor'], 'a cursor that no answer gives', 'nextCursor: the JSON path of the next cursor');
  if (isGiven(raw, 'body') && raw['method'] !== 'POST') add(['body'], 'a body of a GET', 'method: POST beside it');
  const keyUrl = raw['keyUrl'];
  if (typeof keyUrl === 'string' && !keyUrl.includes('{key}')) add(['keyUrl'], 'no {key} in it', 'a URL such as https://crm.example/api/contacts/{key}');
  return [...broken, ...consentAtIsNoUpdateTime(raw)];
}

/** Any JSON API over HTTP, by configuration alone. */
export const httpSource = defineSource({
  schema: block({
    type: oneOf('http'),
    url: url('https://crm.example/api/contacts'),
    method: oneOf('GET', 'POST').default('GET'),
    headers: z.record(z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, { error: 'the name of a header' }), text('the value of a header'), { error: 'a mapping of header: value' }).default({}),
    auth: block({
      type: oneOf('oauth2'),
      tokenUrl: url('https://crm.example/oauth/token'),
      clientId: text('a client id'),
      clientSecret: text('a client secret'),
      scope: text('a scope, or several with blanks between').optional(),
      clientAuth: oneOf('body', 'basic').default('body'),
    }).optional(),
    params: block(
      { since: parameter().optional(), until: parameter().optional(), limit: limit.optional(), cursor: parameter().optional(), page: page.optional(), offset: parameter().optional() },
      'a mapping with since, until, limit, cursor, page, offset',
    ).default({}),
    body: z.unknown().optional(),
    sinceFormat: oneOf('iso', 'epoch', 'epochMs').default('iso'),
    items: path('data').optional(),
    nextCursor: path('meta.next').optional(),
    nextUrl: path('links.next').optional(),
    linkHeader: z.boolean({ error: 'true or false' }).default(false),
    page: path('meta.page').optional(),
    totalPages: path('meta.totalPages').optional(),
    stablePages: z.boolean({ error: 'true or false' }).default(false),
    total: path('meta.total').optional(),
    keyUrl: url('https://crm.example/api/contacts/{key}').optional(),
    keyItem: path('data').optional(),
    timeout: duration({ min: 100, max: LONGEST_CALL }).default(30_000),
    ...SOURCE_SHAPE,
  }),
  rules,
  build: (name, { params, ...parsed }): HttpSourceConfig => {
    const { limit: asked, page: paged, ...names } = params;
    const [paging = 'none'] = pagingOf({ ...parsed, params });
    return {
      name,
      ...parsed,
      paging,
      params: {
        ...names,
        ...(asked === undefined ? {} : { limit: { name: asked[0], count: asked[1] } }),
        // The contract's short form names only where the answer says its page: the parameter then has the usual name.
        ...(paged !== undefined ? { page: { name: paged[0], first: paged[1] } } : paging === 'page' ? { page: { name: 'page', first: 1 } } : {}),
      },
    };
  },
});
