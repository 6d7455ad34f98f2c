import type { BatchDocument, Counts } from '../src/ledger/index.js';
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
    const answer = [batch.status, ...(batch.httpStatus === null ? [] : [`HTTP ${batch.httpStatus}`]), ...(batch.durationMs === null ? [] : [`${number(batch.durationMs)} ms`])];
    return `- ${batch.batch}: ${facts.join(', ')} · ${answer.join(' · ')}`;
  })].join('\n');
}

/** What the Web UI shows of a lane. */
export function laneDetails(progress: LaneProgress, waitMs: number): string {
  const wait = waitMs > 0 ? ` for ${Math.ceil(waitMs / 1000)} s` : '';
  return [
    `**${progress.account}** · ${progress.state.replaceAll('_', ' ')}${wait}`,
    ...(progress.reason === null ? [] : [progress.reason]),
    `${number(progress.calls)} calls by this execution`,
  ].join('\n\n');
}
