import { Option } from 'commander';
import { count } from '../arguments.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { besideOf, checkBeside } from '../files/index.js';
import { syncOf, unknownRun } from '../names.js';
import { REPORT_WORDS, reportRun } from '../reporting/index.js';
import { openLedger } from '../session.js';
import { batchesView, runsView, runView } from '../views/index.js';

const DEFAULT_LIMIT = 100;

/** `runs`: the runs, newest first; `runs show RUN`: one with its books and batches. */
export const register: Register = (program, act) => {
  const runs = program
    .command('runs [sync]')
    .description('the runs of a sync or of all, newest first')
    .addOption(new Option('--limit <n>', 'at most so many').argParser(count).default(DEFAULT_LIMIT))
    .addHelpText('after', examples('runs', 'runs crm-newsletter --limit 10 --json', 'runs show 01JX3V5W1D8Q7K2M4N6P8R0S2T'))
    .action(act((context, sync: string | undefined, { limit }: { readonly limit: number }) => list(context, sync, limit)));
  runs
    .command('show <run>')
    .description("a run's books and batches")
    .option('--report <file>', REPORT_WORDS)
    .addHelpText('after', examples('runs show 01JX3V5W1D8Q7K2M4N6P8R0S2T --json', 'runs show 01JX3V5W1D8Q7K2M4N6P8R0S2T --report run.html'))
    .action(act((context, run: string, { report }: { readonly report?: string }) => show(context, run, report)));
};

async function list(context: Context, sync: string | undefined, limit: number): Promise<ExitCode> {
  const { output } = context;
  const { pool, config } = await openLedger(context);
  const { listRuns } = await import('../../ledger/index.js');
  const runs = await listRuns(pool, sync ?? null, limit);
  // A sync that left the configuration still has its runs.
  if (sync !== undefined && runs.length === 0) await syncOf(config, sync);
  output.printJson({ runs });
  output.print(runsView(runs, output.colors));
  return EXIT.done;
}

async function show(context: Context, run: string, report: string | undefined): Promise<ExitCode> {
  const { output } = context;
  await checkBeside(context, besideOf({ report }));
  const session = await openLedger(context);
  const { pool } = session;
  const { runDocument } = await import('../../ledger/index.js');
  const document = await runDocument(pool, run);
  if (document === undefined) throw unknownRun(run);
  output.printJson(document);
  output.print(runView(document, output.colors));
  if (document.batches.length > 0) output.print(`\n${batchesView(document.batches, document.batchesTotal, output.colors)}`);
  return reportRun(context, session, document, report, EXIT.done);
}
