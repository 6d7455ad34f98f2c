import type { ScheduleChange, ScheduleStanding } from '../../control/index.js';
import { formatRelative, table } from '../output/index.js';
import type { Cell, Colors } from '../output/index.js';

/** The difference between the configuration and Temporal, a line a sync and below it what changes. */
export function changesView(changes: readonly ScheduleChange[], colors: Colors): string {
  if (changes.length === 0) return 'there is no schedule, in the configuration or in Temporal';
  return changes.flatMap((change) => [lineOf(change, colors), ...change.differences.map(({ what, from, to }) => `    ${what}: ${from} → ${to}`)]).join('\n');
}

function lineOf({ sync, action, schedule, before }: ScheduleChange, { green, yellow, red, dim }: Colors): string {
  if (action === 'create') return green(`+ create  ${sync}  ${schedule ?? ''}`);
  if (action === 'change') return yellow(`~ change  ${sync}  ${schedule ?? ''}`);
  if (action === 'remove') return red(`- remove  ${sync}  ${before ?? ''}`);
  return dim(`= as is   ${sync}  ${schedule ?? ''}`);
}

/** Schedules for a person. @param now milliseconds since 1970 */
export function schedulesView(schedules: readonly ScheduleStanding[], now: number, colors: Colors): string {
  const rows = schedules.map(({ sync, schedule, state, nextRun, lastRun, starts }): readonly Cell[] => [
    sync, schedule, state === 'missing' ? 'not applied' : state, nextRun === null ? null : formatRelative(nextRun, now),
    lastRun === null ? 'none' : `${lastRun.kind === 'full' ? 'full, ' : ''}${lastRun.status.replaceAll('_', ' ')} ${formatRelative(lastRun.endedAt ?? lastRun.startedAt, now)}`,
    lastRun?.run, starts.taken, starts.skipped, starts.missed,
  ]);
  const notes = schedules.flatMap(({ sync, note }) => (note === null ? [] : [`${sync}: ${note}`]));
  const errors = schedules.flatMap(({ sync, lastRun }) => (lastRun?.error ? [`${sync}: the last run failed: ${lastRun.error}`] : []));
  return [table(['sync', 'schedule', 'state', 'next run', 'last run', 'run', 'starts', 'skipped', 'missed'], rows, { colors }), ...notes, ...errors].join('\n');
}
