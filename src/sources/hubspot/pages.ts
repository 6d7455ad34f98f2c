import type { Json } from '../../contacts/index.js';
import { chosenKeys, type Api } from '../api/index.js';
import { SourceError, type ReadPlan, type SourcePage } from '../contract.js';
import { ARCHIVED_AT, contactsOf, ID, type HubspotContact, type rowReader } from './rows.js';
import { greaterId, isId, SEARCH, searchBody } from './search.js';

/** Where reading goes on: after this id (`live`), at this cursor (`archived`), at this key (`chosen`). */
export interface Position {
  readonly phase: 'live' | 'archived' | 'chosen' | 'done';
  readonly after: string | null;
}

export interface Reading {
  readonly api: Api;
  readonly plan: ReadPlan;
  readonly properties: readonly string[];
  readonly columns: readonly string[];
  readonly row: ReturnType<typeof rowReader>;
  readonly key: string;
  readonly pageSize: number;
  readonly signal: AbortSignal;
}

/** doc: a page of the list, and a batch of reads, hold at most 100. */
const LIST_PAGE = 100;
/** How often a page that does not go on is asked for again. */
const STUCK = 5;

export function startOf(plan: ReadPlan): Position {
  return { phase: plan.kind === 'only' ? 'chosen' : 'live', after: null };
}

const page = ({ row }: Reading, contacts: readonly HubspotContact[], position: Position): SourcePage => ({
  rows: contacts.map(row),
  position: { phase: position.phase, after: position.after } satisfies Json,
  last: position.phase === 'done',
});

/** Reads the phases of a plan from a position on. */
export async function* readPages(reading: Reading, from: Position): AsyncGenerator<SourcePage> {
  let at = from;
  let stuck = 0;
  do {
    const { contacts, next } = await readers[at.phase](reading, at);
    stuck = next.phase === at.phase && next.after === at.after ? stuck + 1 : 0;
    if (stuck >= STUCK) throw new SourceError('unreachable', `${reading.api.place} answers the same page again and again`, 'the run waits and tries again by itself');
    // Rows of a page that came again are handed over once more: repeating costs little, missing would be for ever.
    yield page(reading, contacts, next);
    at = next;
  } while (at.phase !== 'done');
}

interface Step {
  readonly contacts: readonly HubspotContact[];
  readonly next: Position;
}

const DONE: Position = { phase: 'done', after: null };

const readers: Readonly<Record<Position['phase'], (reading: Reading, at: Position) => Promise<Step>>> = {
  done: () => Promise.resolve({ contacts: [], next: DONE }),

  async live({ api, plan, columns, properties, pageSize, signal }, { after }) {
    const { body } = await api.call('POST', SEARCH, searchBody(plan, after, pageSize, properties), signal);
    const contacts = contactsOf(body['results']);
    const greatest = contacts.map(({ id }) => id).filter(isId).reduce(greaterId, after);
    // A short page is no end by itself: only no further page is, and no row where rows are told is a page that failed.
    const more = nextOf(body) !== null || (contacts.length === 0 && Number(body['total'] ?? 0) > 0);
    if (more) return { contacts, next: { phase: 'live', after: greatest } };
    const archived = plan.kind === 'full' && columns.includes(ARCHIVED_AT);
    return { contacts, next: archived ? { phase: 'archived', after: null } : DONE };
  },

  // Searches never return the archived. Their list knows no times: it is read as a whole, in full runs.
  async archived({ api, properties, signal }, { after }) {
    const query = new URLSearchParams({ archived: 'true', limit: String(LIST_PAGE), properties: properties.join(','), ...(after !== null && { after }) });
    const { body } = await api.call('GET', `/crm/v3/objects/contacts?${query.toString()}`, null, signal);
    const next = nextOf(body);
    return { contacts: contactsOf(body['results']), next: next === null ? DONE : { phase: 'archived', after: next } };
  },

  async chosen({ api, plan, key, properties, signal }, { after }) {
    const start = Number(after ?? 0);
    const all = chosenKeys(plan);
    const keys = all.slice(start, start + LIST_PAGE).filter((text) => key !== ID || isId(text));
    const inputs = keys.map((id) => ({ id }));
    const request = { properties, inputs, ...(key !== ID && { idProperty: key }) };
    const { body } = inputs.length === 0 ? { body: {} } : await api.call('POST', '/crm/v3/objects/contacts/batch/read', request, signal);
    const end = start + LIST_PAGE;
    return { contacts: contactsOf((body as { results?: unknown }).results), next: end >= all.length ? DONE : { phase: 'chosen', after: String(end) } };
  },
};

/** The cursor of the next page; null where this is the last. */
function nextOf(body: Readonly<Record<string, unknown>>): string | null {
  const after = (body['paging'] as { next?: { after?: unknown } } | undefined)?.next?.after;
  return typeof after === 'string' || typeof after === 'number' ? String(after) : null;
}
