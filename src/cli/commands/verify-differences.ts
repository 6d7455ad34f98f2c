import type { Difference } from '../../ledger/index.js';
import type { Context } from '../context.js';
import { csvLine } from '../files/index.js';
import { followRun } from '../following/index.js';
import { formatNumber } from '../output/index.js';
import type { Session } from '../session.js';

const PAGE = 2_000;

async function* differencesOf({ pool }: Session, id: string): AsyncGenerator<Difference> {
  const { differencesAfter } = await import('../../ledger/index.js');
  for (let after = 0; ; ) {
    const page = await differencesAfter(pool, id, after, PAGE);
    for (const { document } of page) yield document;
    if (page.length < PAGE) return;
    after = (page[page.length - 1] as { no: number }).no;
  }
}

/** Every difference of a verification as lines of a file, in flat memory. @param csv else a JSON document a line */
export async function* linesOf(session: Session, id: string, csv: boolean): AsyncGenerator<string> {
  if (csv) yield csvLine(['key', 'locale', 'kind', 'why', 'expected', 'found']);
  for await (const difference of differencesOf(session, id)) {
    const { key, locale, kind, why, expected, found } = difference;
    yield csv ? csvLine([key, locale, kind, why ?? '', expected === null ? '' : JSON.stringify(expected), found === null ? '' : JSON.stringify(found)]) : `${JSON.stringify(difference)}\n`;
  }
}

/** What a repair came to. */
export interface Repair {
  /** null: nothing was queued. */
  readonly run: string | null;
  readonly contacts: number;
  /** Contacts left as they are: opted out at the platform, which holds against what the source says. */
  readonly optedOutThere: number;
  /** Where it was followed: how it ended. */
  readonly status?: string;
}

/**
 * Sends the contacts that differ once more, as the source has them. Followed where nobody else would deliver it.
 * @returns undefined: none differs
 */
export async function queueRepair(context: Context, session: Session, name: string, id: string): Promise<Repair | undefined> {
  const only: string[] = [];
  let optedOutThere = 0;
  for await (const difference of differencesOf(session, id)) {
    // Sending the source's opt-in again would bring back somebody who left at the platform.
    if (difference.expected?.['optedIn'] === true && difference.found?.['optedIn'] === false) optedOutThere += 1;
    else only.push(difference.key);
  }
  if (optedOutThere > 0) {
    context.output.warn(`${formatNumber(optedOutThere)} contacts are opted out at the platform though the source says opted in: they are left as they are`);
  }
  if (only.length === 0) return optedOutThere === 0 ? undefined : { run: null, contacts: 0, optedOutThere };
  const { startRun } = await import('../../control/index.js');
  const { run, attached } = await startRun(session.pool, session.temporal, session.config, name, { kind: 'repair', only, resend: true });
  if (attached) {
    context.output.warn(`a run of this sync is reading just now (${run}): nothing was queued for repair; ask again when it has ended`);
    return { run, contacts: 0, optedOutThere };
  }
  context.output.progress(`${formatNumber(only.length)} contacts are queued for repair by run ${run}`);
  if (!session.hosting()) return { run, contacts: only.length, optedOutThere };
  const { document } = await followRun(context, session, { run, workflowId: session.ids.sync(name, run), attached, timeoutMs: undefined });
  return { run, contacts: only.length, optedOutThere, status: document.status };
}
