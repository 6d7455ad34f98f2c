import { Option } from 'commander';
import type { Difference, VerificationDocument } from '../../ledger/index.js';
import { certaintyOf } from '../arguments.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { csvLine, writeLines } from '../files/index.js';
import { followRun, followVerification } from '../following/index.js';
import type { Certainty } from '../following/index.js';
import { syncOf } from '../names.js';
import { formatNumber, table } from '../output/index.js';
import type { Colors } from '../output/index.js';
import { tellNext } from '../next.js';
import { openSession } from '../session.js';
import type { Session } from '../session.js';
import { costWords, verificationView } from '../views/index.js';

interface Options {
  readonly against: 'source' | 'ledger';
  readonly out?: string;
  readonly repair?: true;
  readonly confidence?: string;
  readonly maxError?: string;
}

/** Differences of a locale and kind in the document, and in what a person is shown. */
const LISTED = 100;
const SHOWN = 10;
const PAGE = 2_000;

/** `verify`: the gate. */
export const register: Register = (program, act) => {
  program
    .command('verify <sync>')
    .description('compare the source side with the destination, contact by contact, by locale')
    .addOption(new Option('--against <side>', 'expect what the source says now, or what the ledger says was sent').choices(['source', 'ledger']).default('source'))
    .option('--out <file>', 'write every difference to a file: CSV by its ending, else a JSON document a line')
    .option('--repair', 'queue the contacts that differ')
    .option('--confidence <share>', 'how sure a sample must be, where the platform cannot be read in full (default: as configured, else 0.95)')
    .option('--max-error <share>', 'the share of contacts that may differ unseen by a sample (default: as configured, else 0.01)')
    .addHelpText('after', examples('verify crm-newsletter', 'verify crm-newsletter --against ledger --out differences.csv', 'verify crm-newsletter --repair --json', 'verify crm-app --confidence 0.99 --max-error 0.01'))
    .action(act((context, sync: string, options: Options) => verify(context, sync, options)));
};

async function verify(context: Context, name: string, { against, out, repair, ...asked }: Options): Promise<ExitCode> {
  const { output, cwd, signal } = context;
  const sync = await syncOf(await context.config(), name);
  const certainty = await certaintyOf(asked);
  const session = await openSession(context);
  await tellCost(context, session, name, certainty);
  await session.ensureWorker();
  const { id, document } = await followVerification(context, session, name, { against, ...certainty });
  const { readDifferences } = await import('../../ledger/index.js');
  const differences = await readDifferences(session.pool, id, LISTED);
  if (out !== undefined) {
    const { resolve } = await import('node:path');
    await writeLines(resolve(cwd, out), linesOf(session, id, out.toLowerCase().endsWith('.csv')), signal);
    output.progress(`the differences are in ${out}`);
  }
  const repaired = repair === true && document.verdict === 'fail' ? await queueRepair(context, session, name, id) : undefined;
  output.printJson({ sync: name, ...document, differences, ...(repaired === undefined ? {} : { repair: repaired }) });
  output.print(viewOf(document, differences, output.colors));
  if (document.verdict === 'pass') {
    tellNext(context, sync.schedule === undefined ? 'status' : 'schedule apply');
    return EXIT.done;
  }
  const way = repaired !== undefined ? 'verify again when the repair is delivered' : repair === true ? 'there is nothing to repair' : `syncline verify ${name} --repair queues the contacts that differ`;
  output.error(`${name}: the destination is not what it should be`, way);
  return EXIT.unverified;
}

/** Says what a sample will cost before it begins; where nothing is sampled, that the options say nothing. */
async function tellCost(context: Context, { pool, config }: Session, name: string, certainty: Certainty): Promise<void> {
  const { Connectors, verificationCost } = await import('../../control/index.js');
  const connectors = new Connectors();
  try {
    const wired = connectors.wire(config, name);
    const cost = await verificationCost({ pool, wired, ...certainty });
    if (cost !== null) context.output.progress(costWords(cost));
    else if (Object.keys(certainty).length > 0) {
      context.output.warn(`${wired.destinationConfig.type} is not verified by sample: --confidence and --max-error change nothing`);
    }
  } finally {
    await connectors.close();
  }
}

async function* differencesOf({ pool }: Session, id: string): AsyncGenerator<Difference> {
  const { differencesAfter } = await import('../../ledger/index.js');
  for (let after = 0; ; ) {
    const page = await differencesAfter(pool, id, after, PAGE);
    for (const { document } of page) yield document;
    if (page.length < PAGE) return;
    after = (page[page.length - 1] as { no: number }).no;
  }
}

async function* linesOf(session: Session, id: string, csv: boolean): AsyncGenerator<string> {
  if (csv) yield csvLine(['key', 'locale', 'kind', 'why', 'expected', 'found']);
  for await (const difference of differencesOf(session, id)) {
    const { key, locale, kind, why, expected, found } = difference;
    yield csv ? csvLine([key, locale, kind, why ?? '', expected === null ? '' : JSON.stringify(expected), found === null ? '' : JSON.stringify(found)]) : `${JSON.stringify(difference)}\n`;
  }
}

interface Repair {
  /** null: nothing was queued. */
  readonly run: string | null;
  readonly contacts: number;
  /** Contacts left as they are: opted out at the platform, which holds against what the source says. */
  readonly optedOutThere: number;
  /** Where it was followed: how it ended. */
  readonly status?: string;
}

/** Sends the contacts that differ once more, as the source has them. Followed where nobody else would deliver it. */
async function queueRepair(context: Context, session: Session, name: string, id: string): Promise<Repair | undefined> {
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
  const { document } = await followRun(context, session, { run, workflowId: `sync/${name}/${run}`, attached, timeoutMs: undefined });
  return { run, contacts: only.length, optedOutThere, status: document.status };
}

function viewOf(document: VerificationDocument, differences: readonly Difference[], colors: Colors): string {
  const seen = new Map<string, number>();
  const shown = differences.filter(({ locale, kind }) => {
    const place = (seen.get(`${locale} ${kind}`) ?? 0) + 1;
    seen.set(`${locale} ${kind}`, place);
    return place <= SHOWN;
  });
  const more = shown.length < differences.length ? `\nthe first ${String(SHOWN)} of each locale and kind; --json lists ${String(LISTED)}, --out FILE all` : '';
  return [
    verificationView(document, colors),
    ...(shown.length === 0 ? [] : [table(['key', 'locale', 'kind', 'why'], shown.map(({ key, locale, kind, why }) => [key, locale, kind, why]), { colors }) + more]),
  ].join('\n\n');
}
