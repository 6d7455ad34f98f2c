import { resolve } from 'node:path';
import { Option } from 'commander';
import { count } from '../arguments.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { writeCsv } from '../files/index.js';
import { followRun } from '../following/index.js';
import { syncOf } from '../names.js';
import { formatNumber, table } from '../output/index.js';
import { openLedger, openSession } from '../session.js';
import { finish } from './run.js';

/** Rejections a person is shown at once. */
const SHOWN = 50;
/** Rejections of one JSON document: more are for the export. */
const DOCUMENT = 100_000;
const PAGE = 5_000;

/** `failures`: rejected and invalid rows; `retry` tries them again, `export` writes them to a file. */
export const register: Register = (program, act) => {
  const failures = program
    .command('failures [sync]')
    .description('the rows that did not make it, and why')
    .usage('[options] SYNC | retry SYNC | export SYNC FILE.csv')
    .addOption(new Option('--limit <n>', `at most so many (default: ${String(SHOWN)}, with --json ${formatNumber(DOCUMENT)})`).argParser(count))
    .addHelpText('after', examples('failures crm-newsletter', 'failures retry crm-newsletter --reason invalid_email', 'failures export crm-newsletter failures.csv'));
  failures.action(act((context, sync: string | undefined, { limit }: { readonly limit?: number }) => list(context, sync, limit)));
  failures
    .command('retry <sync>')
    .description('send rejected rows once more, as a run of their own that is followed')
    .option('--reason <reason>', 'only those with this code, or whose reason contains this')
    .addHelpText('after', examples('failures retry crm-newsletter', 'failures retry crm-newsletter --reason "e-mail"'))
    .action(act((context, sync: string, { reason }: { readonly reason?: string }) => retry(context, sync, reason ?? null)));
  failures
    .command('export <sync> <file>')
    .description('write all of them to a CSV file')
    .addHelpText('after', examples('failures export crm-newsletter failures.csv'))
    .action(act((context, sync: string, file: string) => exportTo(context, sync, file)));
};

async function list(context: Context, sync: string | undefined, limit: number | undefined): Promise<ExitCode> {
  const { output } = context;
  const config = await context.config();
  const name = sync ?? onlySync(Object.keys(config.syncs));
  await syncOf(config, name);
  const { pool } = await openLedger(context);
  const { listFailures } = await import('../../ledger/index.js');
  const document = await listFailures(pool, name, limit ?? (output.json ? DOCUMENT : SHOWN));
  output.printJson(document);
  const { failures, total } = document;
  if (total === 0) {
    output.print(`no open failures in ${name}`);
    return EXIT.done;
  }
  const rows = failures.map((failure) => [failure.key ?? failure.place, failure.code, failure.reason, failure.since, failure.attempts, failure.run]);
  output.print(table(['key', 'code', 'reason', 'since', 'attempts', 'run'], rows, { colors: output.colors }));
  output.print(`\n${formatNumber(failures.length)} of ${formatNumber(total)}. Invalid rows are mended in the source and read again by the next run; the others: syncline failures retry ${name}`);
  return EXIT.done;
}

/** Where there is one sync, nobody need name it. */
function onlySync(names: readonly string[]): string {
  const [name] = names;
  if (name !== undefined && names.length === 1) return name;
  throw new CliError('failures: the name of a sync is missing', EXIT.misused, `the syncs are: ${names.join(', ')}`);
}

async function retry(context: Context, name: string, reason: string | null): Promise<ExitCode> {
  const { output } = context;
  const config = await context.config();
  await syncOf(config, name);
  const session = await openSession(context);
  const { pool } = session;
  const { countRetriable, findRun, listFailures } = await import('../../ledger/index.js');
  if ((await countRetriable(pool, name, reason)) === 0) {
    const { total } = await listFailures(pool, name, 1);
    output.printJson({ run: null, sync: name, queued: 0, failures: total });
    output.print(total === 0 ? `nothing to retry: ${name} has no open failures` : `nothing to retry: of the ${formatNumber(total)} open failures of ${name} none can be sent again${reason === null ? `; invalid rows are mended in the source, and those whose payload has gone by its retention are read again: syncline run ${name} --only KEY --resend` : ' for this reason'}`);
    return EXIT.done;
  }
  const { retryFailures, wakeLane } = await import('../../control/index.js');
  const { run, attached } = await retryFailures(pool, session.temporal, config, name, reason);
  const row = await findRun(pool, run);
  if (row !== undefined) await wakeLane(session.temporal, row.account);
  await session.ensureWorker();
  return finish(context, await followRun(context, session, { run, workflowId: `sync/${name}/${run}`, attached, timeoutMs: undefined }));
}

async function exportTo(context: Context, name: string, file: string): Promise<ExitCode> {
  const { output, cwd, signal } = context;
  await syncOf(await context.config(), name);
  const { pool } = await openLedger(context);
  const { failuresAfter } = await import('../../ledger/index.js');
  async function* rows(): AsyncGenerator<readonly (string | number | null)[]> {
    for (let after = 0; ; ) {
      const page = await failuresAfter(pool, name, after, PAGE);
      for (const { key, place, code, reason, run, since, attempts } of page) yield [key, place, code, reason, run, since, attempts];
      if (page.length < PAGE) return;
      after = (page[page.length - 1] as { id: number }).id;
    }
  }
  const written = await writeCsv(resolve(cwd, file), ['key', 'place', 'code', 'reason', 'run', 'since', 'attempts'], rows(), signal);
  output.printJson({ file: resolve(cwd, file), rows: written });
  output.print(`${formatNumber(written)} ${written === 1 ? 'row' : 'rows'} written to ${file}`);
  return EXIT.done;
}
