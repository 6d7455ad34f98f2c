import type { HttpPaging, HttpSourceConfig } from '../../../src/config/index.js';
import { createHttpSource } from '../../../src/sources/http/index.js';
import { CAP, httpCrm, TOKEN } from '../../sources/http-crm.js';
import type { Row, SourceRig } from './rig.js';

const WAYS: Readonly<Record<HttpPaging, Partial<HttpSourceConfig>>> = {
  cursor: { nextCursor: 'meta.next' },
  url: { nextUrl: 'meta.next' },
  link: { linkHeader: true },
  page: { page: 'meta.page', totalPages: 'meta.pages' },
  offset: {},
  none: {},
};

/** A CRM with a JSON API of its own, asked for its pages in one of the ways there are. */
export async function http(paging: HttpPaging): Promise<SourceRig> {
  const crm = await httpCrm(paging);
  const config: HttpSourceConfig = {
    type: 'http', name: 'crm', url: crm.url, method: 'GET', headers: { Authorization: `Bearer ${TOKEN}` }, paging,
    params: { since: 'updatedSince', limit: { name: 'limit', count: CAP }, ...(paging === 'cursor' && { cursor: 'cursor' }), ...(paging === 'page' && { page: { name: 'page', first: 1 } }), ...(paging === 'offset' && { offset: 'offset' }) },
    sinceFormat: 'iso', items: 'data', linkHeader: false, stablePages: false, total: 'meta.total', keyUrl: `${crm.url}/{key}`, keyItem: 'data', timeout: 5000,
    key: 'id', updatedAt: 'updated', overlap: 120_000, pageSize: 300, fields: { firstName: 'profile.names[0]' }, ...WAYS[paging],
  };
  const put = (rows: readonly Row[]): Promise<void> => {
    for (const row of rows) crm.rows.set(row.key, row);
    return Promise.resolve();
  };
  return {
    cases: ['late', 'changing', 'only', 'window', 'unchanged'],
    troubles: ['throttled', 'serverError', 'brokenJson', 'cut', 'repeatedPages', 'refused', 'down', 'rubbish', ...(paging === 'page' || paging === 'offset' ? [] : ['reorderedPages' as const])],
    // What is waited for is told by the server; how long it lasts is no matter here.
    source: () => createHttpSource(config, ['profile.names[0]'], { wait: () => Promise.resolve() }),
    config: () => config,
    plant: (rows) => {
      crm.rows.clear();
      return put(rows);
    },
    put,
    remove: (keys) => {
      for (const key of keys) crm.rows.delete(key);
      return Promise.resolve();
    },
    trouble: (trouble) => {
      crm.trouble = trouble;
    },
    secrets: [TOKEN],
    close: () => crm.close(),
  };
}
