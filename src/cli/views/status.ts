import type { LaneStatus, StatusDocument, SyncStatus } from '../../ledger/index.js';
import { formatClock, formatDuration, formatRelative, table } from '../output/index.js';
import type { Cell, Colors } from '../output/index.js';

/** Syncs and lanes for a person. @param now milliseconds since 1970 */
export function statusView({ syncs, lanes }: StatusDocument, now: number, colors: Colors): string {
  const syncRows = syncs.map((sync): readonly Cell[] => [
    sync.sync, sync.cursor, sync.lagSeconds === null ? 'never read' : `${formatDuration(sync.lagSeconds * 1000)} ago`,
    sync.lastRun === null ? 'none' : `${sync.lastRun.status.replaceAll('_', ' ')} ${formatRelative(sync.lastRun.endedAt ?? sync.lastRun.startedAt, now)}`,
    nextOf(sync, now), sync.waiting, sync.inFlight, sync.failures,
  ]);
  const laneRows = lanes.map((lane): readonly Cell[] => [
    lane.account, lane.state.replaceAll('_', ' '), lane.waiting, lane.inFlight, lane.accepted, lane.unknown,
    lane.oldestWaitingSeconds === null ? null : formatDuration(lane.oldestWaitingSeconds * 1000), lane.callsLastMinute, whyOf(lane, now),
  ]);
  return [
    table(['sync', 'cursor', 'last read', 'last run', 'next run', 'waiting', 'in flight', 'failures'], syncRows, { colors }),
    table(['lane', 'state', 'waiting', 'in flight', 'accepted', 'unknown', 'oldest', 'calls a minute', 'why'], laneRows, { colors, widest: 100 }),
    ...syncs.flatMap(({ sync, backfill = null }) => (backfill === null ? [] : [`${sync}: a backfill ${backfill.paused ? `is paused; syncline backfill resume ${backfill.run}` : `reads; syncline runs show ${backfill.run}`}`])),
    ...optOutsView(lanes, colors),
    ...syncs.flatMap((sync) => scheduleNotice(sync, colors)),
    ...lanes.flatMap((lane) => (lane.hint === null ? [] : [`${lane.account}: ${lane.hint}`])),
    ...lanes.flatMap((lane) => lane.notices.map((notice) => `${colors.yellow('notice:')} ${notice}`)),
  ].join('\n\n');
}

function nextOf({ nextRun, schedule }: SyncStatus, now: number): Cell {
  if (schedule?.state === 'paused') return 'paused';
  return nextRun === null ? null : formatRelative(nextRun, now);
}

function scheduleNotice({ sync, schedule }: SyncStatus, colors: Colors): readonly string[] {
  if (schedule?.state === 'missing') return [`${colors.yellow('notice:')} ${sync} has a schedule that is not applied: syncline schedule apply`];
  if (schedule?.state === 'paused') return [`${colors.yellow('notice:')} the schedule of ${sync} is paused: ${schedule.note ?? 'without a note'}`];
  return [];
}

function whyOf({ reason, until }: LaneStatus, now: number): string {
  if (reason === null) return '';
  return until === null ? reason : `${reason}, until ${formatClock(until, now)}`;
}

/** Opt-outs and erasures by lane; nothing where there were none. */
function optOutsView(lanes: readonly LaneStatus[], colors: Colors): readonly string[] {
  const rows = lanes.filter(({ optOuts }) => optOuts.waiting + optOuts.effective > 0).map(({ account, optOuts }): readonly Cell[] => [
    account, optOuts.waiting, optOuts.oldestWaitingSeconds === null ? null : formatDuration(optOuts.oldestWaitingSeconds * 1000),
    optOuts.effective, tookOf(optOuts.fromStaging), tookOf(optOuts.fromSource),
  ]);
  return rows.length === 0 ? [] : [table(['opt-outs', 'waiting', 'oldest', 'arrived lately', 'from our reading (p50, p95)', 'from the change in the source (p50, p95)'], rows, { colors })];
}

const tookOf = (took: LaneStatus['optOuts']['fromSource']): string | null =>
  took === null ? null : `${formatDuration(took.p50Seconds * 1000)}, ${formatDuration(took.p95Seconds * 1000)}`;
