import { Option } from 'commander';
import type { Config } from '../../config/index.js';
import type { Difference, VerificationDocument } from '../../ledger/index.js';
import { certaintyOf } from '../arguments.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import type { Beside } from '../files/index.js';
import { besideOf, checkBeside, takesStdout, writeBeside, writeLines } from '../files/index.js';
import { followVerification } from '../following/index.js';
import type { Certainty } from '../following/index.js';
import { syncOf } from '../names.js';
import { formatNumber, table } from '../output/index.js';
import type { Colors } from '../output/index.js';
import { REPORT_WORDS, verificationReport } from '../reporting/index.js';
import { tellNext } from '../next.js';
import { openSession } from '../session.js';
import type { Session } from '../session.js';
import { costWords, verificationView } from '../views/index.js';
import { linesOf, queueRepair } from './verify-differences.js';
import type { Repair } from './verify-differences.js';

interface Options {
  readonly against: 'source' | 'ledger';
  readonly out?: string;
  readonly junit?: string;
  readonly markdown?: string;
  readonly report?: string;
  readonly campaign?: string;
  readonly repair?: true;
  readonly confidence?: string;
  readonly maxError?: string;
}

/** Differences of a locale and kind in the document, and in what a person is shown. */
const LISTED = 100;
const SHOWN = 10;

/** `verify`: the gate. */
export const register: Register = (program, act) => {
  program
    .command('verify <sync>')
    .description('compare the source side with the destination, contact by contact, by locale')
    .addOption(new Option('--against <side>', 'expect what the source says now, or what the ledger says was sent').choices(['source', 'ledger']).default('source'))
    .option('--out <file>', 'write every difference to a file: CSV by its ending, else a JSON document a line')
    .option('--junit <file>', 'write the verdict as JUnit XML, for a pipeline; - for stdout')
    .option('--markdown <file>', 'write the verdict as Markdown, as GitHub shows it; - for stdout')
    .option('--report <file>', REPORT_WORDS)
    .option('--campaign <id>', "hold the campaign's own count by locale, and its templates, against what is found (MailingCore)")
    .option('--repair', 'queue the contacts that differ')
    .option('--confidence <share>', 'how sure a sample must be, where the platform cannot be read in full (default: as configured, else 0.95)')
    .option('--max-error <share>', 'the share of contacts that may differ unseen by a sample (default: as configured, else 0.01)')
    .addHelpText('after', examples('verify crm-newsletter', 'verify crm-newsletter --against ledger --out differences.csv', 'verify crm-newsletter --campaign spring --junit gate.xml --markdown gate.md --report gate.html', 'verify crm-newsletter --repair --json', 'verify crm-app --confidence 0.99 --max-error 0.01'))
    .action(act((context, sync: string, options: Options) => verify(context, sync, options)));
};

async function verify(context: Context, name: string, options: Options): Promise<ExitCode> {
  const { against, out, junit, markdown, report, campaign, repair, confidence, maxError } = options;
  const { output, cwd, signal } = context;
  const config = await context.config();
  const sync = await syncOf(config, name);
  if (campaign !== undefined) await checkCampaign(config, name, campaign);
  await checkBeside(context, besideOf({ out, junit, markdown, report }));
  const certainty = await certaintyOf({ ...(confidence === undefined ? {} : { confidence }), ...(maxError === undefined ? {} : { maxError }) });
  const session = await openSession(context);
  await tellCost(context, session, name, certainty);
  await session.ensureWorker();
  const { id, document } = await followVerification(context, session, name, { against, ...certainty, ...(campaign === undefined ? {} : { campaign }) });
  // First, so that a pipeline has its verdict whatever becomes of the rest.
  const told = await writeBeside(context, await textsOf(name, document, { junit, markdown }));
  const { readDifferences } = await import('../../ledger/index.js');
  const differences = await readDifferences(session.pool, id, LISTED);
  if (out !== undefined) {
    const { resolve } = await import('node:path');
    await writeLines(resolve(cwd, out), linesOf(session, id, out.toLowerCase().endsWith('.csv')), signal);
    output.progress(`the differences are in ${out}`);
  }
  const repaired = repair === true && document.verdict === 'fail' ? await queueRepair(context, session, name, id) : undefined;
  output.printJson({ sync: name, ...document, differences, ...(repaired === undefined ? {} : { repair: repaired }) });
  if (!takesStdout(besideOf({ junit, markdown }))) output.print(viewOf(document, differences, output.colors));
  const drawn = report === undefined || (await writeBeside(context, [
    { option: '--report', file: report, text: await verificationReport(session.pool, name, id, document, repair === true ? (repaired?.contacts ?? 0) : null) },
  ]));
  if (document.verdict === 'pass') {
    if (!told || !drawn) return EXIT.failed;
    tellNext(context, sync.schedule === undefined ? 'status' : 'schedule apply');
    return EXIT.done;
  }
  output.error(`${name}: ${reasonOf(document)}`, wayOut(name, document, repair === true, repaired));
  return EXIT.unverified;
}

/** The verdict for other programs, where it was asked for. */
async function textsOf(name: string, document: VerificationDocument, files: { readonly junit: string | undefined; readonly markdown: string | undefined }): Promise<readonly (Beside & { readonly text: string })[]> {
  const { asJunit, asMarkdown } = await import('../../report/index.js');
  return besideOf(files).map((one) => ({ ...one, text: (one.option === '--junit' ? asJunit : asMarkdown)(name, document) }));
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

/** Who is asked about the campaign. @throws CliError (exit 2) where the platform cannot be asked */
async function checkCampaign(config: Config, name: string, campaign: string): Promise<void> {
  const { Connectors } = await import('../../control/index.js');
  const connectors = new Connectors();
  try {
    const { destination, destinationConfig: { type } } = connectors.wire(config, name);
    if (campaign.trim() === '') throw new CliError('--campaign: which one?', EXIT.misused, "expected the platform's id of a campaign");
    if (destination.coverage === undefined) throw new CliError(`--campaign: ${type} cannot be asked about a campaign`, EXIT.misused, 'MailingCore alone tells what a campaign will find; without --campaign both sides are compared');
  } finally {
    await connectors.close();
  }
}

/** What fails, in a few words. */
function reasonOf({ locales, campaign }: VerificationDocument): string {
  if (campaign !== undefined && !campaign.pass && locales.every(({ pass }) => pass)) return `the campaign ${campaign.id} is not ready`;
  return 'the destination is not what it should be';
}

/** What to do about it; undefined: the faults say it themselves. */
function wayOut(name: string, { locales, campaign }: VerificationDocument, asked: boolean, repair: Repair | undefined): string | undefined {
  if (repair !== undefined && repair.contacts > 0) return 'verify again when the repair is delivered';
  const differing = locales.some(({ missing, unexpected, different }) => missing + unexpected + different > 0);
  if (differing && !asked) return `syncline verify ${name} --repair queues the contacts that differ`;
  if (campaign?.fault !== undefined) return campaign.fault;
  if (campaign?.pass === false) return `make the templates that are missing, or look at the platform for whom it counts, then verify again`;
  const few = locales.find(({ found, minimum }) => found < minimum);
  if (few !== undefined) return `locale ${few.locale}: ${formatNumber(few.found)} found, syncs.${name}.verify.locales asks for ${formatNumber(few.minimum)}`;
  return asked ? 'there is nothing to repair' : undefined;
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
