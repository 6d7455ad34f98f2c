import type { PipedriveSourceConfig } from '../../config/index.js';
import { subtractMs } from '../../contacts/index.js';
import { boundedCursor, boundOf, chosenKeys, createApi, type Wait } from '../api/index.js';
import { SourceError, type Source } from '../contract.js';
import { PERSONS, personsOf, readPages, startOf, type Position } from './pages.js';
import { customKeys, ID, parametersOf, rowReader } from './persons.js';

/** doc: 20 calls in two seconds on the smallest plan. */
const GAP = 110;

const HINTS: Readonly<Record<number, string>> = {
  401: 'check apiToken: Personal preferences, API, of the user it belongs to',
  402: 'the company\'s account is not open: a trial that ended, or a payment',
  403: 'give the token\'s user the right to see persons',
  404: 'check baseUrl: https://COMPANY.pipedrive.com',
};

/**
 * Pipedrive's persons as a source. A call of a page costs 20 tokens of the company's budget of the day (doc), whatever
 * its size.
 * @param options.gap milliseconds between calls. @default 110
 * @throws SourceError from its methods
 */
export function createPipedriveSource(config: PipedriveSourceConfig, columns: readonly string[], options: { readonly gap?: number; readonly wait?: Wait } = {}): Source {
  const { name, key, pageSize } = config;
  const row = rowReader(key, columns);
  const api = createApi(
    {
      platform: 'Pipedrive',
      baseUrl: config.baseUrl,
      headers: { 'x-api-token': config.apiToken },
      timeout: config.timeout,
      gap: options.gap ?? GAP,
      // doc: 429 when the budget of the day is spent, too. unknown: how it says so; 402 is for closed accounts (doc).
      spent: ({ status }, body) =>
        (status === 429 || status === 402) && /budget|daily|per day|token/i.test(`${String(body['error'] ?? '')} ${String(body['error_info'] ?? '')}`)
          ? 'the company\'s API tokens of the day are used up'
          : null,
      hint: (status) => HINTS[status],
    },
    options.wait,
  );

  /** One person and the server's clock. */
  const probe = async (signal: AbortSignal): Promise<{ readonly at: string | null; readonly warnings: readonly string[] }> => {
    const parameters = parametersOf(name, key, columns);
    const query = new URLSearchParams({ ...parameters, limit: '1' });
    const { body, at } = await api.call('GET', `${PERSONS}?${query.toString()}`, null, signal);
    const custom = (personsOf(body, api)[0] as { custom_fields?: unknown } | undefined)?.custom_fields;
    const missing = typeof custom === 'object' && custom !== null ? customKeys([key, ...columns]).filter((field) => !Object.hasOwn(custom, field)) : [];
    // unknown: whether a person always lists the custom fields it has no value for; so it is no error.
    return { at, warnings: missing.map((field) => `the custom field ${field} is not among those of a person: check its key (Settings, Data fields)`) };
  };

  return {
    async check(signal) {
      const { warnings } = await probe(signal);
      return [`${api.place}: persons can be read, key ${key}`, ...warnings].join('; ');
    },

    async begin(request, signal) {
      if (request.kind === 'only' && key !== ID) {
        throw new SourceError('misconfigured', `source ${name}: Pipedrive finds persons by id only, and key is ${key}`, 'leave --only out, or use id as the key');
      }
      const { at, warnings } = await probe(signal);
      if (request.kind === 'only') return { kind: 'only', from: null, to: null, warnings, notes: { keys: [...(request.keys ?? [])] } };
      if (request.kind === 'window') return { kind: 'window', from: request.from ?? null, to: request.to ?? null, warnings, notes: null };
      const cursor = request.state?.cursor ?? null;
      const from = request.kind === 'full' || cursor === null ? null : subtractMs(cursor, config.overlap);
      return { kind: request.kind, from, to: boundOf(at), warnings, notes: null };
    },

    pages: (plan, position, signal) =>
      readPages({ api, plan, parameters: parametersOf(name, key, columns), row, pageSize, signal }, (position as unknown as Position | null) ?? startOf(plan)),

    finish: (plan, previous, maxTime) => Promise.resolve(boundedCursor(plan, previous, maxTime)),

    // There is no call that counts.
    count: (plan) => Promise.resolve(plan.kind === 'only' ? chosenKeys(plan).length : null),

    close: () => Promise.resolve(api.close()),
  };
}
