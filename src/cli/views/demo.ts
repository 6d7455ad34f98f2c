import { formatDuration, formatNumber, table, type Colors } from '../output/index.js';
import { readSum, sentSum, SETTLE_SECONDS, SYNC } from '../../demo/index.js';
import type { DemoWorld, Step } from '../../demo/index.js';

const indent = (text: string): string => text.split('\n').map((line) => `  ${line}`.trimEnd()).join('\n');

/** A step's heading. */
export function headingOf(place: number, name: Step['name'], told: string, colors: Colors): string {
  return `\n${colors.bold(`${String(place)}. ${name}`)}\n${indent(colors.dim(told))}`;
}

/** A step's books, costs, audience and proofs. */
export function stepText({ run, cost, proofs }: Step, colors: Colors): string {
  const { counts, calls } = run;
  const seconds = run.endedAt === null ? 0 : (Date.parse(run.endedAt) - Date.parse(run.startedAt)) / 1000;
  const parts = [
    table(
      ['extracted', 'invalid', 'unchanged', 'queued', 'delivered', 'rejected', 'waiting', 'calls', 'took'],
      [[counts.extracted, counts.invalid, counts.unchanged, counts.queued, counts.delivered, counts.rejected, counts.waiting + counts.inFlight, calls.total, formatDuration(seconds * 1000)]],
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
  parts.push(proofs.map(({ claim, holds, detail }) => `${holds ? colors.green('✓') : colors.red('✗')} ${claim}: ${holds ? colors.dim(detail) : colors.red(detail)}`).join('\n'));
  return indent(parts.join('\n\n'));
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
    `status`, `runs ${SYNC}`, `failures ${SYNC}`, `contact ${SYNC} new-1`, `plan ${SYNC} --full`, `run ${SYNC}`, `verify ${SYNC}`, `audit`,
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
