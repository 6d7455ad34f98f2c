import type { LaneStatus, StatusDocument } from '../../ledger/index.js';
import { formatClock, formatDuration, formatRelative, table } from '../output/index.js';
import type { Cell, Colors } from '../output/index.js';

/** Syncs and lanes for a person. @param now milliseconds since 1970 */
export function statusView({ syncs, lanes }: StatusDocument, now: number, colors: Colors): string {
  const syncRows = syncs.map((sync): readonly Cell[] => [
    sync.sync, sync.cursor, sync.lagSeconds === null ? 'never read' : `${formatDuration(sync.lagSeconds * 1000)} ago`,
    sync.lastRun === null ? 'none' : `${sync.lastRun.status.replaceAll('_', ' ')} ${formatRelative(sync.lastRun.endedAt ?? sync.lastRun.startedAt, now)}`,
    sync.nextRun, sync.waiting, sync.inFlight, sync.failures,
  ]);
  const laneRows = lanes.map((lane): readonly Cell[] => [
    lane.account, lane.state.replaceAll('_', ' '), lane.waiting, lane.inFlight, lane.accepted, lane.unknown,
    lane.oldestWaitingSeconds === null ? null : formatDuration(lane.oldestWaitingSeconds * 1000), lane.callsLastMinute, whyOf(lane, now),
  ]);
  return [
    table(['sync', 'cursor', 'last read', 'last run', 'next run', 'waiting', 'in flight', 'failures'], syncRows, { colors }),
    table(['lane', 'state', 'waiting', 'in flight', 'accepted', 'unknown', 'oldest', 'calls a minute', 'why'], laneRows, { colors, widest: 100 }),
    ...lanes.flatMap((lane) => (lane.hint === null ? [] : [`${lane.account}: ${lane.hint}`])),
    ...lanes.flatMap((lane) => lane.notices.map((notice) => `${colors.yellow('notice:')} ${notice}`)),
  ].join('\n\n');
}

function whyOf({ reason, until }: LaneStatus, now: number): string {
  if (reason === null) return '';
  return until === null ? reason : `${reason}, until ${formatClock(until, now)}`;
}
