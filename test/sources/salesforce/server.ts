import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import type { SalesforceSourceConfig } from '../../../src/config/index.js';
import { parseSoql, SoqlError, type Fields, type Parsed, type Value } from './soql.js';

/** One record as the server keeps it. `time` is milliseconds since 1970, of which the platform shows the seconds. */
export interface Kept {
  readonly id: number;
  readonly time: number;
  readonly fields?: Readonly<Record<string, Value>>;
  readonly deleted?: boolean;
  /** The winner of a merge this record lost. */
  readonly master?: number;
}

export type Strike = (call: number, request: FastifyRequest, reply: FastifyReply) => unknown;

/** How the server behaves; changed by tests while it runs. */
export interface Ways {
  strike?: Strike;
  /** Changes an answer with records. `before` is that of the page before, of the same query; null: this is its first. */
  bend?: (call: number, body: object, before: object | null) => object;
  /** Calls a token is good for. */
  tokenCalls: number;
  /** Calls a day. */
  budget: number;
  /** Where a query's records come in another order than asked for. */
  shuffle?: (records: Fields[]) => Fields[];
  /** A locator is that of the session that made it, as seen. */
  locatorsOfSession: boolean;
  /** Every so-manieth use of a locator finds it gone. */
  losesEvery?: number;
  refreshTokens: Set<string>;
  instance?: string;
}

const CLIENT = 'client-1';
export const SECRET = 'sf-hush';
export const VERSION = '64.0';
const ROOT = `/services/data/v${VERSION}/`;
const OF_PEOPLE = ['Id', 'SystemModstamp', 'IsDeleted', 'MasterRecordId', 'Email', 'Phone', 'MobilePhone', 'FirstName', 'LastName', 'HasOptedOutOfEmail', 'External__c', 'Account.Name', 'Account.Owner.Alias'];
const SCHEMA: Readonly<Record<string, readonly string[]>> = { Contact: OF_PEOPLE, Lead: OF_PEOPLE.slice(0, 10) };

/** 18 characters that sort by number, with digits, capitals and small letters. */
export function idOf(id: number): string {
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  let text = '';
  for (let rest = id; text.length < 12; rest = Math.floor(rest / 62)) text = digits[rest % 62]! + text;
  return `003${text}AAA`;
}

/** The REST API of a Salesforce org, as strict as its documentation. */
export async function startSalesforce() {
  const records = new Map<number, Kept>();
  const ways: Ways = { tokenCalls: Infinity, budget: Infinity, locatorsOfSession: true, refreshTokens: new Set(['refresh-hush']) };
  const queries: string[] = [];
  const logins: Record<string, string>[] = [];
  const paths: string[] = [];
  const tokens = new Map<string, number>();
  const locators = new Map<string, { readonly token: string; readonly ids: readonly number[]; readonly query: Parsed; readonly size: number; before: object | null }>();
  let calls = 0;
  let used = 0;
  let located = 0;
  const app = Fastify();
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(body as string))));
  const refuse = (reply: FastifyReply, status: number, errorCode: string, message: string) => reply.code(status).send([{ message, errorCode }]);
  const tokenOf = (request: FastifyRequest): string => (request.headers.authorization ?? '').replace(/^Bearer /, '');

  app.addHook('onRequest', async (request, reply) => {
    paths.push(`${request.method} ${request.url.split('?')[0]}`);
    calls++;
    const struck = await ways.strike?.(calls, request, reply);
    if (struck !== undefined || reply.sent || !request.url.startsWith('/services/data/')) return struck;
    const token = tokenOf(request);
    const left = tokens.get(token) ?? 0;
    if (left <= 0) return refuse(reply, 401, 'INVALID_SESSION_ID', 'Session expired or invalid');
    tokens.set(token, left - 1);
    if (used >= ways.budget) {
      void reply.header('Sforce-Limit-Info', `api-usage=${used}/${ways.budget}`);
      return refuse(reply, 403, 'REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.');
    }
    used++;
    void reply.header('Sforce-Limit-Info', `per-app-api-usage=1/2(appName=x), api-usage=${used}/${ways.budget === Infinity ? 100_000 : ways.budget}`);
    return undefined;
  });

  app.post('/services/oauth2/token', async (request, reply) => {
    const form = request.body as Record<string, string>;
    logins.push(form);
    const wrong = (error: string) => reply.code(400).send({ error, error_description: `${error}: authentication failure` });
    if (form['client_id'] !== CLIENT) return wrong('invalid_client_id');
    if (form['grant_type'] === 'refresh_token') {
      if (!ways.refreshTokens.has(form['refresh_token'] ?? '')) return wrong('invalid_grant');
    } else if (form['grant_type'] !== 'client_credentials' || form['client_secret'] !== SECRET) return wrong('invalid_client');
    const token = `00Dxx!token-hush-${logins.length}`;
    tokens.set(token, ways.tokenCalls);
    return { access_token: token, instance_url: ways.instance ?? `http://${request.headers.host}`, id: 'https://x/id/1/2', token_type: 'Bearer', issued_at: '1', signature: 'x' };
  });

  const known = new WeakMap<Kept, Fields>();
  const fieldsOf = (kept: Kept): Fields => {
    const { id, time, fields = {}, deleted = false, master } = kept;
    const made = known.get(kept) ?? { ...fields, Id: idOf(id), SystemModstamp: `${new Date(time).toISOString().slice(0, 19)}.000+0000`, IsDeleted: deleted, MasterRecordId: master === undefined ? null : idOf(master) };
    known.set(kept, made);
    return made;
  };
  /** Relationships are objects of their own, and null where there is none. */
  const shown = (record: Fields, { object, fields }: Parsed): object => {
    const result: Record<string, unknown> = { attributes: { type: object, url: `${ROOT}sobjects/${object}/${String(record['Id'])}` } };
    for (const name of fields!) {
      const value = record[name] ?? null;
      const steps = name.split('.');
      let at: Record<string, unknown> = result;
      for (const step of steps.slice(0, -1)) {
        at[step] ??= value === null ? null : { attributes: { type: step, url: '/' } };
        if (at[step] === null) break;
        at = at[step] as Record<string, unknown>;
      }
      if (steps.length === 1 || at !== result) at[steps.at(-1)!] = value;
    }
    return result;
  };
  const page = (locator: string, start: number): object => {
    const held = locators.get(locator)!;
    const end = start + held.size;
    const found = held.ids.slice(start, end).flatMap((id) => records.get(id) ?? []);
    const done = end >= held.ids.length;
    const body = {
      totalSize: held.ids.length, done, ...(!done && { nextRecordsUrl: `${ROOT}query/${locator}-${end}` }),
      records: found.map((kept) => shown(fieldsOf(kept), held.query)),
    };
    const bent = ways.bend?.(calls, body, held.before) ?? body;
    held.before = body;
    return bent;
  };

  for (const kind of ['query', 'queryAll']) {
    app.get(`${ROOT}${kind}`, async (request, reply) => {
      if (request.url.length > 16_384) return reply.code(414).send('');
      const { q = '', ...more } = request.query as Record<string, string>;
      if (Object.keys(more).length > 0) return refuse(reply, 400, 'MALFORMED_QUERY', `unexpected parameter ${Object.keys(more).join()}`);
      queries.push(q);
      const size = Number(/^batchSize=(\d+)$/.exec(String(request.headers['sforce-query-options']))?.[1] ?? 2000);
      if (size < 200 || size > 2000) return refuse(reply, 400, 'INVALID_BATCH_SIZE', 'batchSize');
      let query: Parsed;
      try {
        query = parseSoql(q, SCHEMA);
      } catch (error) {
        if (!(error instanceof SoqlError)) throw error;
        return refuse(reply, 400, error.errorCode, error.message);
      }
      const found: { readonly id: number; readonly fields: Fields; readonly key: string }[] = [];
      for (const kept of records.values()) {
        const fields = fieldsOf(kept);
        if ((kind === 'query' && kept.deleted === true) || !query.matches(fields)) continue;
        found.push({ id: kept.id, fields, key: query.order.map((name) => String(fields[name])).join('|') });
      }
      if (query.fields === null) return { totalSize: found.length, done: true, records: [] };
      if (query.order.length > 0) found.sort((a, b) => (a.key < b.key ? -1 : 1));
      const limited = found.slice(0, query.limit ?? undefined);
      const numbers = new Map(ways.shuffle === undefined ? [] : limited.map(({ id, fields }) => [fields['Id'], id]));
      const ordered = ways.shuffle === undefined ? limited.map(({ id }) => id) : ways.shuffle(limited.map(({ fields }) => fields)).map((fields) => numbers.get(fields['Id'])!);
      const locator = `0r8xx${String(locators.size).padStart(13, '0')}`;
      locators.set(locator, { token: tokenOf(request), ids: ordered, query, size, before: null });
      return page(locator, 0);
    });
    app.get(`${ROOT}${kind}/:locator`, async (request, reply) => {
      const [locator = '', start = ''] = (request.params as { locator: string }).locator.split('-');
      const held = locators.get(locator);
      located++;
      if (held === undefined || (ways.losesEvery !== undefined && located % ways.losesEvery === 0)) return refuse(reply, 400, 'INVALID_QUERY_LOCATOR', 'invalid query locator');
      if (ways.locatorsOfSession && held.token !== tokenOf(request)) return refuse(reply, 401, 'INVALID_SESSION_ID', 'Session expired or invalid');
      return page(locator, Number(start));
    });
  }

  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as { port: number };
  return {
    loginUrl: `http://127.0.0.1:${port}`, ways, records, queries, logins, paths, locators, tokens,
    put: (...kept: readonly Kept[]): void => { for (const one of kept) records.set(one.id, one); },
    close: async (): Promise<void> => {
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

export const configOf = (loginUrl: string, more: Partial<SalesforceSourceConfig> = {}): SalesforceSourceConfig => ({
  type: 'salesforce', name: 'crm', loginUrl, clientId: CLIENT, clientSecret: SECRET, object: 'Contact', apiVersion: VERSION, key: 'Id',
  updatedAt: 'SystemModstamp', overlap: 600_000, fields: {}, pageSize: 2000, timeout: 10_000, ...more,
});

/** No pauses: what is waited for is only asserted. */
export const quick = (waits: number[] = []) => ({ gap: 0, wait: (ms: number) => { waits.push(ms); return Promise.resolve(); } });
