import type { HubspotSourceConfig } from '../../config/index.js';
import { subtractMs } from '../../contacts/index.js';
import { boundedCursor, boundOf, chosenKeys, createApi, RefusedError, type Api, type Wait } from '../api/index.js';
import { SourceError, type ReadPlan, type Source } from '../contract.js';
import { readPages, startOf, type Position } from './pages.js';
import { propertiesOf, rowReader } from './rows.js';
import { SEARCH, searchBody } from './search.js';

/** doc: five searches a second and account. A little more than a fifth, so that no delay on the way makes it six. */
const GAP = 220;

const HINTS: Readonly<Record<number, string>> = {
  401: 'check accessToken: it is the access token of a private app, and ends when that is deleted or its token rotated',
  403: 'give the private app the scope crm.objects.contacts.read',
  404: 'check baseUrl: https://api.hubapi.com',
};

/**
 * HubSpot's contacts as a source. The search index runs minutes behind what people see (doc: "a few moments"), hence
 * the wide overlap; archived contacts come in full reads only, as searches never return them.
 * unknown: whether a contact that was merged into another counts as archived.
 * @param options.gap milliseconds between calls. @default 220
 * @throws SourceError from its methods
 */
export function createHubspotSource(config: HubspotSourceConfig, columns: readonly string[], options: { readonly gap?: number; readonly wait?: Wait } = {}): Source {
  const { key, pageSize } = config;
  const properties = propertiesOf(key, columns);
  const row = rowReader(key, columns);
  const api = createApi(
    {
      platform: 'HubSpot',
      baseUrl: config.baseUrl,
      headers: { Authorization: `Bearer ${config.accessToken}` },
      timeout: config.timeout,
      gap: options.gap ?? GAP,
      // seen: {status: "error", errorType: "RATE_LIMIT", policyName: "DAILY"}; the second's is SECONDLY or TEN_SECONDLY_ROLLING.
      spent: ({ status }, body) => (status === 429 && body['policyName'] === 'DAILY' ? 'the account\'s calls of the day are used up' : null),
      hint: (status) => HINTS[status],
    },
    options.wait,
  );

  return {
    async check(signal) {
      const warnings = await checkProperties(api, config.name, properties, signal);
      const { body } = await api.call('POST', SEARCH, searchBody(EVERYTHING, null, 1, properties), signal);
      return [`${api.place}: ${String(body['total'] ?? 'some')} contacts, key ${key}`, ...warnings].join('; ');
    },

    async begin(request, signal) {
      const warnings = await checkProperties(api, config.name, properties, signal);
      if (request.kind === 'only') return { kind: 'only', from: null, to: null, warnings, notes: { keys: [...(request.keys ?? [])] } };
      if (request.kind === 'window') return { kind: 'window', from: request.from ?? null, to: request.to ?? null, warnings, notes: null };
      // The bound is by the platform's clock, like the times it is compared with.
      const { at } = await api.call('POST', SEARCH, searchBody(EVERYTHING, null, 1, properties), signal);
      const cursor = request.state?.cursor ?? null;
      const from = request.kind === 'full' || cursor === null ? null : subtractMs(cursor, config.overlap);
      return { kind: request.kind, from, to: boundOf(at), warnings, notes: null };
    },

    pages: (plan, position, signal) =>
      readPages({ api, plan, properties, columns, row, key, pageSize, signal }, (position as unknown as Position | null) ?? startOf(plan)),

    finish: (plan, previous, maxTime) => Promise.resolve(boundedCursor(plan, previous, maxTime)),

    async count(plan, signal) {
      if (plan.kind === 'only') return chosenKeys(plan).length;
      const { body } = await api.call('POST', SEARCH, searchBody(plan, null, 1, properties), signal);
      const total = Number(body['total']);
      return Number.isFinite(total) ? total : null;
    },

    close: () => Promise.resolve(api.close()),
  };
}

const EVERYTHING: ReadPlan = { kind: 'full', from: null, to: null, warnings: [], notes: null };

/**
 * A search leaves out properties that do not exist without a word, and every contact would lose that field: so each
 * run looks whether they are there.
 * @returns warnings, where the token may not see the properties
 * @throws SourceError `misconfigured` naming those that are missing
 */
async function checkProperties(api: Api, source: string, properties: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
  let known: ReadonlySet<unknown>;
  try {
    const { body } = await api.call('GET', '/crm/v3/properties/contacts', null, signal);
    const results: readonly unknown[] = Array.isArray(body['results']) ? body['results'] : [];
    known = new Set(results.map((entry) => (entry as { name?: unknown } | null)?.name));
  } catch (error) {
    if (!(error instanceof RefusedError) || error.status !== 403) throw error;
    return ['the properties of fields could not be checked: give the private app the scope crm.schemas.contacts.read'];
  }
  const missing = properties.filter((name) => !known.has(name));
  if (missing.length === 0) return [];
  throw new SourceError(
    'misconfigured',
    `source ${source}: HubSpot's contacts have no property ${missing.map((name) => `"${name}"`).join(', ')}`,
    'use the internal names in key and fields: Settings, Properties, "Copy internal name"',
  );
}
