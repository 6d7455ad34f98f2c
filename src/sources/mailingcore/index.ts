import { setTimeout as sleep } from 'node:timers/promises';
import type { MailingCoreSourceConfig } from '../../config/index.js';
import { later, microTime, subtractMs } from '../../contacts/index.js';
import { createClient } from '../../http/index.js';
import { SourceError, type ReadPlan, type Source, type SourceRow } from '../contract.js';
import { ask, Refused, type Answer, type Asking } from './ask.js';
import { contactOf, pageOf, type ListPage } from './page.js';
import { Pace, type Timing } from './pace.js';
import { compileRows, keyOf } from './rows.js';
import { DONE, nextStep, queryOf, START, stepOf, type Step } from './steps.js';

/** A plan's notes. */
interface Notes {
  /** Contacts the list had at the start; null where it was not told. */
  readonly total: number | null;
  readonly keys?: string[];
}

/** Keys a page of an `only` plan. */
const KEYS = 50;
/** Pages of which it is remembered what was handed over: a page, the one behind it, and both read again. */
const REMEMBERED = 4;
/** A change dated this far ahead of the server's Date, in milliseconds, is no time of this world; less is two clocks. */
const AHEAD = 300_000;

const SYSTEM: Timing = {
  now: Date.now,
  ticks: () => performance.now(),
  wait: (ms, signal) => sleep(ms, undefined, { signal }),
};

/**
 * MailingCore read as a source: `GET /contacts?updatedSince` (doc), page by page, at a pace of its own.
 * The bound is the server's Date when the run began; contacts changed after it that come along are handed over too.
 * unknown: whether lists tell `updatedAt`. Without it nothing moves the cursor, and every run reads everything.
 * @param timing clocks and waits. @default the system's
 */
export function createMailingCoreSource(config: MailingCoreSourceConfig, columns: readonly string[], timing: Timing = SYSTEM): Source {
  const client = createClient({ baseUrl: config.baseUrl, headers: { Authorization: `Bearer ${config.apiKey}`, 'X-Tenant-Id': config.tenantId } });
  const asking: Asking = { client, pace: new Pace(config.limits, timing), timing, timeout: config.timeout };
  const rowOf = compileRows(columns);
  const latest = (answer: Answer): string => microTime((answer.date ?? timing.now()) + AHEAD);

  const list = async (query: string, signal: AbortSignal): Promise<{ readonly answer: Answer; readonly page: ListPage }> => {
    const answer = (await ask(asking, `/contacts?${query}`, signal))!;
    const page = pageOf(answer.body);
    if (page !== null) return { answer, page };
    throw new SourceError('misconfigured', `MailingCore at ${client.host} answered without a list of contacts`, 'check baseUrl of the source');
  };

  async function* readList(plan: ReadPlan, from: Step, signal: AbortSignal): AsyncGenerator<Read> {
    const handed: Set<string>[] = [];
    let step = from;
    while (step.at !== 'done') {
      let read: Awaited<ReturnType<typeof list>>;
      try {
        read = await list(`limit=${config.pageSize}${queryOf(step)}${sinceOf(plan.from)}`, signal);
      } catch (error) {
        // A cursor that was stored may have ended since: the list is read anew, and what is unchanged costs nothing.
        if (!(error instanceof Refused) || step !== from || step.at !== 'cursor') throw error;
        step = from = START;
        continue;
      }
      const next = nextStep(step, read.page);
      if (typeof next === 'string') throw new SourceError('unreachable', `MailingCore at ${client.host} ${next}`, 'try again when fewer contacts change there');
      // What came word for word on one of the pages before is not handed over again.
      const texts = read.page.contacts.map((contact) => JSON.stringify(contact));
      const fresh = read.page.contacts.map((contact, index) => ({ contact, index })).filter(({ index }) => !handed.some((page) => page.has(texts[index]!)));
      handed.unshift(new Set(texts));
      handed.length = Math.min(handed.length, REMEMBERED);
      const place = step.at === 'cursor' ? `page ${step.pages + 1}` : `page ${step.page}`;
      const ahead = latest(read.answer);
      const rows = fresh.map(({ contact, index }) => rowOf(contact, ahead, `${place}, contact ${index + 1}`));
      yield { rows, next, silent: step.at === 'again' };
      step = next;
    }
  }

  async function* readKeys(keys: readonly string[], from: number, signal: AbortSignal): AsyncGenerator<{ readonly rows: SourceRow[]; readonly next: number }> {
    for (let at = from; at < keys.length; at += KEYS) {
      const rows: SourceRow[] = [];
      for (const key of keys.slice(at, at + KEYS)) {
        const answer = await ask(asking, `/contacts/${encodeURIComponent(key)}`, signal, true);
        const contact = answer === null ? null : contactOf(answer.body);
        // doc: by id or externalId. A contact that has an externalId has that key and no other.
        if (answer !== null && keyOf(contact) === key) rows.push(rowOf(contact, latest(answer), 'asked for by key'));
      }
      yield { rows, next: Math.min(at + KEYS, keys.length) };
    }
  }

  return {
    async check(signal) {
      const { page } = await list('limit=1&page=1', signal);
      return `MailingCore at ${client.host}: ${page.total === null ? 'contacts can be read' : `${page.total} contacts`}`;
    },

    async begin({ kind, state, keys, from: start, to: end }, signal): Promise<ReadPlan> {
      const cursor = state?.cursor ?? null;
      const from = kind === 'window' ? (start ?? null) : kind === 'incremental' && cursor !== null ? subtractMs(cursor, config.overlap) : null;
      const { answer, page } = await list(`limit=1&page=1${sinceOf(from)}`, signal);
      const now = microTime(answer.date ?? timing.now());
      const notes: Notes = kind === 'only' ? { total: null, keys: [...(keys ?? [])] } : { total: page.total };
      const warnings = answer.date === null ? [`MailingCore at ${client.host} does not tell its time (Date): the run's bound is by this machine's clock`] : [];
      return { kind, from, to: kind === 'window' && end !== undefined && end < now ? end : now, warnings, notes: { ...notes } };
    },

    async *pages(plan, position, signal) {
      signal.throwIfAborted();
      const { keys } = plan.notes as unknown as Notes;
      if (keys !== undefined) {
        let next = typeof position === 'number' ? position : 0;
        for await (const read of readKeys(keys, next, signal)) {
          next = read.next;
          yield { rows: read.rows, position: next, last: next === keys.length };
        }
        if (next === 0 || position === keys.length) yield { rows: [], position: next, last: true };
        return;
      }
      const from = stepOf(position);
      if (from.at === 'done') yield { rows: [], position: { ...DONE }, last: true };
      const wanted = wantedBy(plan);
      for await (const { rows, next, silent } of readList(plan, from, signal)) {
        const kept = rows.filter(wanted);
        const last = next.at === 'done';
        // A page that was only read again, and brought nobody, is not worth a transaction.
        if (kept.length > 0 || last || !silent) yield { rows: kept, position: { ...next }, last };
      }
    },

    finish(plan, previous, maxTime) {
      if (plan.kind === 'window' || plan.kind === 'only') return Promise.resolve(previous ?? { cursor: null, notes: null });
      const bounded = maxTime !== null && plan.to !== null && maxTime > plan.to ? plan.to : maxTime;
      return Promise.resolve({ cursor: later(previous?.cursor ?? null, bounded), notes: null });
    },

    count: ({ notes }) => {
      const { keys, total } = notes as unknown as Notes;
      return Promise.resolve(keys?.length ?? total);
    },

    close: () => {
      client.close();
      return Promise.resolve();
    },
  };
}

interface Read {
  readonly rows: readonly SourceRow[];
  readonly next: Step;
  readonly silent: boolean;
}

/** unknown: whether `updatedSince` is inclusive. It is asked for a millisecond earlier, and in milliseconds. */
function sinceOf(from: string | null): string {
  return from === null ? '' : `&updatedSince=${subtractMs(from, 1).slice(0, 23)}Z`;
}

/** A window's end is not a parameter of the platform, so it is minded here. */
function wantedBy({ kind, from, to }: ReadPlan): (row: SourceRow) => boolean {
  if (kind !== 'window') return () => true;
  return ({ time }) => time !== null && (from === null || time >= from) && (to === null || time < to);
}

