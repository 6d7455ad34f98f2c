import type { BatchDocument, Counts, RecentCall } from '../src/ledger/index.js';
import type { BackfillProgress, LaneProgress, SyncProgress } from './names.js';
import { number, verificationMarkdown } from './verification-details.js';

/** What the Web UI shows of a sync: Markdown, counts and reasons only. */
export function syncDetails(progress: SyncProgress): string {
  const { sync, phase, status, run, counts, cursor, batches, verification } = progress;
  const blocks = [`**${sync}** · ${phase} · ${status.replaceAll('_', ' ')}${run === null ? '' : ` · run \`${run}\``}`];
  if (counts) blocks.push(booksMarkdown(counts));
  if (cursor.to !== null) blocks.push(`cursor: ${cursor.from ?? 'the beginning'} → ${cursor.to}`);
  if (verification) blocks.push(verificationMarkdown(verification));
  if (batches.length > 0) blocks.push(batchesMarkdown(batches));
  return blocks.join('\n\n');
}

/** The same of a backfill, with how much is left and how long that takes. */
export function backfillDetails(progress: BackfillProgress): string {
  const { hold, estimate, secondsLeft, counts } = progress;
  const facts = [
    ...(estimate === null || counts === null ? [] : [`${number(counts.extracted)} of about ${number(estimate)} read`]),
    ...(hold === null ? [] : [hold === 'paused' ? 'paused: what is staged goes out, nothing more is read' : 'enough rows wait for the destination: reading holds']),
    ...(secondsLeft === null ? [] : [`at least ${minutes(secondsLeft)} left at the account's limit`]),
  ];
  return [syncDetails(progress), ...(facts.length === 0 ? [] : [facts.join(' · ')])].join('\n\n');
}

const minutes = (seconds: number): string => (seconds < 120 ? `${Math.ceil(seconds)} s` : `${number(Math.ceil(seconds / 60))} min`);

/** Both sums of the books. As a list, for the Web UI sets the columns of a wide table without a gap and cuts them off. */
function booksMarkdown(counts: Counts): string {
  const side = (names: readonly (keyof Counts)[]): string => names.map((name) => `${number(counts[name])} ${name === 'inFlight' ? 'in flight' : name}`).join(' + ');
  return [
    `- **${number(counts.extracted)} extracted** = ${side(['invalid', 'filtered', 'unchanged', 'superseded', 'suppressed', 'queued'])}`,
    `- **${number(counts.queued)} queued** = ${side(['delivered', 'rejected', 'overtaken', 'waiting', 'inFlight'])}`,
  ].join('\n');
}

function batchesMarkdown(batches: readonly Omit<BatchDocument, 'message'>[]): string {
  return ['last calls:', '', ...batches.map((batch) => {
    const facts = [`${number(batch.rows)} rows`, `${number(batch.delivered)} delivered`, ...(batch.rejected > 0 ? [`${number(batch.rejected)} rejected`] : [])];
    return `- ${batch.batch}: ${facts.join(', ')} · ${answerOf(batch)}`;
  })].join('\n');
}

const answerOf = ({ status, httpStatus, durationMs }: Pick<RecentCall, 'status' | 'httpStatus' | 'durationMs'>): string =>
  [status, ...(httpStatus === null ? [] : [`HTTP ${httpStatus}`]), ...(durationMs === null ? [] : [`${number(durationMs)} ms`])].join(' · ');

/** What the Web UI shows of a lane. */
export function laneDetails({ account, state, reason, until, calls, recent }: LaneProgress): string {
  return [
    `**${account}** · ${state.replaceAll('_', ' ')}${until === null ? '' : ` until ${until}`}`,
    ...(reason === null ? [] : [reason]),
    ...(recent.length === 0 ? [] : [callsMarkdown(recent)]),
    `${number(calls)} ${calls === 1 ? 'call' : 'calls'} by this execution`,
  ].join('\n\n');
}

function callsMarkdown(calls: readonly RecentCall[]): string {
  return ['last calls:', '', ...calls.map((call) => {
    const facts = [`${number(call.rows)} rows to ${call.destination}`, `${number(call.delivered)} delivered`, ...(call.rejected > 0 ? [`${number(call.rejected)} rejected`] : [])];
    return `- ${call.batch}: ${facts.join(', ')} · ${answerOf(call)}`;
  })].join('\n');
}

/** What a timer of a lane says. @param ms for how long it is set */
export const waitWords = (ms: number, reason: string | null): string => `waiting ${span(ms)}${reason === null ? '' : `: ${reason}`}`;

/** What a timer of a run says while the lane has its rows. */
export const rowsWords = ({ waiting, inFlight }: Counts): string => `rows that wait for the lane: ${number(waiting)}, under way: ${number(inFlight)}; looking again`;

const span = (ms: number): string => (ms < 120_000 ? `${Math.ceil(ms / 1_000)} s` : `${Math.ceil(ms / 60_000)} min`);
