import { formatDuration, formatNumber, table, type Colors } from '../output/index.js';
import { DENGAGE_SYNC, MAINBRAINER_SYNC, readSum, sentSum, SETTLE_SECONDS, SYNC } from '../../demo/index.js';
import type { DemoWorld, PlatformName, Step } from '../../demo/index.js';

/** Milliseconds. */
const lasted = ({ startedAt, endedAt }: Step['run']): number => (endedAt === null ? 0 : Date.parse(endedAt) - Date.parse(startedAt));
const rest = ({ overtaken, waiting, inFlight }: Step['run']['counts']): string =>
  ` + ${formatNumber(overtaken)} overtaken + ${formatNumber(waiting)} waiting + ${formatNumber(inFlight)} in flight`;
const indent = (text: string): string => text.split('\n').map((line) => `  ${line}`.trimEnd()).join('\n');

/** A step's heading. */
export function headingOf(place: number, name: Step['name'], told: string, colors: Colors): string {
  return `\n${colors.bold(`${String(place)}. ${name}`)}\n${indent(colors.dim(told))}`;
}

/** A step's books, costs, audience and proofs. */
export function stepText({ run, cost, others, proofs }: Step, colors: Colors): string {
  const { counts, calls } = run;
  const parts = [
    table(
      ['extracted', 'invalid', 'unchanged', 'queued', 'delivered', 'rejected', 'waiting', 'calls', 'took'],
      [[counts.extracted, counts.invalid, counts.unchanged, counts.queued, counts.delivered, counts.rejected, counts.waiting + counts.inFlight, calls.total, formatDuration(lasted(run))]],
      { colors },
    ),
    `${readSum(counts)}\n${sentSum(counts)}`,
  ];
  if (cost.rateLimited + cost.cut + calls.retried > 0) {
    parts.push(
      [
        'what the faults cost:',
        `  ${formatNumber(calls.rateLimited)} calls rate limited: ${cost.secondsHeld.toFixed(1)} s waited`,
        `  ${formatNumber(calls.retried)} calls retried, most of them parts of refused calls, to find the rows at fault`,
        `  ${formatNumber(calls.unknownSettled)} unknown settled: its ${formatNumber(cost.rowsCut)} contacts held ${String(SETTLE_SECONDS)} s, then sent again`,
      ].join('\n'),
    );
  }
  const warnings = Object.entries(run.warnings).map(([reason, rows]) => `${reason} (${formatNumber(rows)})`);
  if (warnings.length > 0) parts.push(`fields that count as empty, by reason: ${warnings.join(', ')}`);
  if (run.verification !== null) {
    parts.push(
      table(
        ['locale', 'expected', 'found', 'missing', 'unexpected', 'verdict'],
        run.verification.locales.map((one) => [one.locale, one.expected, one.found, one.missing, one.unexpected + one.different, one.pass ? 'pass' : 'fail']),
        { colors },
      ),
    );
  }
  const lines = (platform: PlatformName | undefined): string =>
    proofs.filter((one) => one.platform === platform)
      .map(({ claim, holds, detail }) => `${holds ? colors.green('✓') : colors.red('✗')} ${claim}: ${holds ? colors.dim(detail) : colors.red(detail)}`).join('\n');
  parts.push(lines(undefined));
  for (const other of others) {
    const { counts } = other.run;
    parts.push(`${colors.bold(other.platform)}  ${formatNumber(counts.queued)} queued = ${formatNumber(counts.delivered)} delivered + ${formatNumber(counts.rejected)} rejected${rest(counts)}, in ${formatNumber(other.bulkCalls)} ${other.bulkCalls === 1 ? 'call' : 'calls'} and ${formatDuration(lasted(other.run))}\n${lines(other.platform)}`);
  }
  return indent(parts.join('\n\n'));
}

/** The three platforms side by side, as they stand after the last step. */
export function platformsText(steps: readonly Step[], held: number, colors: Colors): string {
  const [first] = steps;
  const last = steps.at(-1);
  if (first === undefined || last === undefined) return '';
  const sum = (of: (step: Step) => number): number => steps.reduce((total, step) => total + of(step), 0);
  const rows = [
    ['MailingCore', held, sum((step) => step.run.counts.delivered), sum((step) => step.run.counts.rejected), sum((step) => step.cost.bulkCalls), formatDuration(lasted(first.run)), last.run.verification?.method, last.run.verification?.verdict],
    ...last.others.map((other, place) => {
      const of = (step: Step): Step['others'][number] | undefined => step.others[place];
      return [
        other.platform, other.held, sum((step) => of(step)?.run.counts.delivered ?? 0), sum((step) => of(step)?.run.counts.rejected ?? 0), sum((step) => of(step)?.bulkCalls ?? 0),
        formatDuration(lasted(first.others[place]?.run ?? other.run)), other.run.verification?.method, other.run.verification?.verdict,
      ];
    }),
  ];
  return `\n${colors.bold('One CRM table, three platforms')}\n${indent(table(['platform', 'contacts there', 'delivered', 'rejected or held', 'calls', 'first load took', 'verified by', 'verdict'], rows, { colors }))}`;
}

/** The last line of all. */
export function verdictText(steps: readonly Step[], milliseconds: number, colors: Colors): string {
  const proofs = steps.flatMap((step) => step.proofs);
  const failed = proofs.filter(({ holds }) => !holds).length;
  const time = `in ${formatDuration(milliseconds)}`;
  return failed === 0
    ? `\n${colors.green(`All ${String(proofs.length)} proofs hold`)}, ${time}.`
    : `\n${colors.red(`${String(failed)} of ${String(proofs.length)} proofs do not hold`)}, ${time}.`;
}

/** Where to look while everything is up, and what to try. */
export function lookAround(world: DemoWorld, colors: Colors): string {
  const file = world.config.file;
  const commands = [
    `status`, `runs ${SYNC}`, `failures ${SYNC}`, `contact ${SYNC} new-1`, `plan ${SYNC} --full`, `run ${SYNC}`, `verify ${SYNC}`, `plan ${DENGAGE_SYNC}`, `verify ${DENGAGE_SYNC} --confidence 0.99`, `failures ${MAINBRAINER_SYNC}`, `audit`,
  ];
  return [
    '',
    colors.bold('Everything stays up until Ctrl-C, which stops it and removes its folder.'),
    indent(`Web UI    ${webUi(world) ?? 'none'}\nsandbox   ${world.sandbox.url}/_control/stats?log=false\nsettings  ${file}`),
    '',
    'Try, in another terminal:',
    ...commands.map((command) => `  npx syncline ${command} --config ${file}`),
  ].join('\n');
}

/** The demo's workflows in Temporal's Web UI. */
export function webUi({ runtime }: DemoWorld): string | null {
  return runtime.uiUrl === null ? null : `${runtime.uiUrl}/namespaces/${runtime.namespace}/workflows`;
}
