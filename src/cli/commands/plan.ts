import type { PlanDocument } from '../../control/index.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { syncOf } from '../names.js';
import { formatDuration, formatNumber, pairs, table } from '../output/index.js';
import type { Colors } from '../output/index.js';
import { openLedger } from '../session.js';
import { mappingLine, tallies } from '../views/index.js';

/** Invalid rows a person is shown; --json has a hundred. */
const SHOWN = 10;

/** `plan`: what a run would do, row by row; sends nothing, stores nothing. */
export const register: Register = (program, act) => {
  program
    .command('plan <sync>')
    .description('a dry run: what would be sent, in how many calls, in what time; sends and stores nothing')
    .option('--full', 'as a full run would read')
    .addHelpText('after', examples('plan crm-newsletter', 'plan crm-newsletter --full --json'))
    .action(act((context, sync: string, { full }: { readonly full?: true }) => plan(context, sync, full === true)));
};

async function plan(context: Context, name: string, full: boolean): Promise<ExitCode> {
  const { output, signal } = context;
  await syncOf(await context.config(), name);
  const { pool, config } = await openLedger(context);
  const { Connectors, planSync } = await import('../../control/index.js');
  const connectors = new Connectors();
  context.onClose(() => connectors.close());
  let told = performance.now();
  const document = await planSync({
    pool, config, wired: connectors.wire(config, name), full, signal,
    onRead: (rows) => {
      if (performance.now() - told < 2_000) return;
      told = performance.now();
      output.progress(`${formatNumber(rows)} rows read`);
    },
  });
  output.printJson(document);
  output.print(viewOf(document, output.colors));
  return EXIT.done;
}

function viewOf(plan: PlanDocument, colors: Colors): string {
  const { counts, calls, lane } = plan;
  const halted = lane !== null && (lane.state === 'blocked' || lane.state === 'paused');
  return [
    `${colors.bold(plan.sync)}  ${plan.kind}  from ${plan.cursor.from ?? 'the beginning'}${plan.cursor.to === null ? '' : ` to ${plan.cursor.to}`}  (nothing was sent or stored)`,
    table(['creates', 'updates', 'of these opt-outs', 'unchanged', 'overtaken'], [[counts.creates, counts.updates, counts.optOuts, counts.unchanged, counts.overtaken]], { colors }),
    ...(counts.held + counts.duplicates === 0 ? [] : [table(['held: mobile or e-mail changed', 'the platform takes for another contact'], [[counts.held, counts.duplicates]], { colors })]),
    table(['extracted', 'invalid', 'filtered', 'superseded', 'still rejected', 'owned by another sync'], [[counts.extracted, counts.invalid, counts.filtered, counts.superseded, counts.stillRejected, counts.owned]], { colors }),
    pairs([
      ['calls needed', callsText(plan)],
      ['time needed', calls === 0 ? 'none' : `${formatDuration(plan.seconds * 1000)} at the account's limit`],
    ]),
    ...(plan.gone === null || plan.gone.contacts === 0 ? [] : [goneText(plan.sync, plan.gone, colors)]),
    ...(plan.guard.stops ? [guardText(plan, colors)] : []),
    ...tallies('invalid', plan.invalid, colors),
    ...(plan.invalidRows.length === 0
      ? []
      : [table(['key', 'place', 'reason'], plan.invalidRows.slice(0, SHOWN).map((row) => [row.key, row.place, row.reason]), { colors })]),
    ...tallies('warning', plan.warnings, colors),
    ...plan.notices.map((notice) => `${colors.yellow('notice:')} ${notice}`),
    ...mappingLine(plan.sync, plan.mapping, colors),
    ...(halted ? [`${colors.red(`the lane ${lane.account} is ${lane.state}`)}: ${lane.reason ?? ''}${lane.hint === null ? '' : ` (${lane.hint})`}`] : []),
  ].join('\n\n');
}

function guardText({ sync, kind, guard: { optIns, changes, known } }: PlanDocument, colors: Colors): string {
  const words = `${formatNumber(optIns)} of ${formatNumber(known)} known contacts would be opted in, ${formatNumber(changes)} changed in all: a run stops and asks`;
  return `${colors.red(words)}; if it is meant: syncline run ${sync}${kind === 'full' ? ' --full' : ''} --allow-mass-change`;
}

function goneText(sync: string, { contacts, held, calls, stops }: NonNullable<PlanDocument['gone']>, colors: Colors): string {
  const words = `${formatNumber(contacts)} of ${formatNumber(held)} contacts ${contacts === 1 ? 'is' : 'are'} gone from the source: a full run takes them out of the destination (${formatNumber(calls)} ${calls === 1 ? 'call' : 'calls'} more)`;
  return stops ? `${colors.red(words)}, but not without being told so: syncline run ${sync} --full --allow-deletes` : words;
}

/** `3`, or where they are of several kinds `3: 1 (70 rows) with consent; 2 (1,200 rows) without consent`. */
export function callsText({ calls, kinds }: Pick<PlanDocument, 'calls' | 'kinds'>): string {
  if (kinds.every(({ consent, renames }) => consent && !renames)) return formatNumber(calls);
  const parts = kinds.map(({ consent, renames, rows, calls: its }) =>
    `${formatNumber(its)} (${formatNumber(rows)} ${rows === 1 ? 'row' : 'rows'}) ${consent ? 'with consent' : 'without consent'}${renames ? ', changing keys' : ''}`);
  return `${formatNumber(calls)}: ${parts.join('; ')}`;
}
