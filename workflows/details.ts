import type { BatchDocument } from '../src/ledger/index.js';
import { verificationMarkdown } from './verification-details.js';
import type { LaneProgress, SyncProgress } from './names.js';

/** What the Web UI shows of a sync: Markdown, counts and reasons only. */
export function syncDetails(progress: SyncProgress): string {
  const lines = [`**${progress.sync}** · ${progress.phase} · ${progress.status}`, ''];
  if (progress.run !== null) lines.push(`run \`${progress.run}\``, '');
  if (progress.counts) {
    const { counts } = progress;
    lines.push(
      '| extracted | invalid | filtered | unchanged | superseded | suppressed | queued |', '| ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
      `| ${counts.extracted} | ${counts.invalid} | ${counts.filtered} | ${counts.unchanged} | ${counts.superseded} | ${counts.suppressed} | ${counts.queued} |`, '',
      '| delivered | rejected | overtaken | waiting | in flight |', '| ---: | ---: | ---: | ---: | ---: |',
      `| ${counts.delivered} | ${counts.rejected} | ${counts.overtaken} | ${counts.waiting} | ${counts.inFlight} |`, '',
    );
  }
  if (progress.cursor.to !== null) lines.push(`cursor ${progress.cursor.from ?? 'the beginning'} → ${progress.cursor.to}`, '');
  if (progress.batches.length > 0) {
    lines.push('| batch | rows | delivered | rejected | status | HTTP | ms |', '| ---: | ---: | ---: | ---: | --- | ---: | ---: |', ...progress.batches.map(batchLine), '');
  }
  if (progress.verification) lines.push(verificationMarkdown(progress.verification));
  return lines.join('\n');
}

const batchLine = (batch: Omit<BatchDocument, 'message'>): string =>
  `| ${batch.batch} | ${batch.rows} | ${batch.delivered} | ${batch.rejected} | ${batch.status} | ${batch.httpStatus ?? ''} | ${batch.durationMs ?? ''} |`;

/** What the Web UI shows of a lane. */
export function laneDetails(progress: LaneProgress, waitMs: number): string {
  const wait = waitMs > 0 ? ` for ${Math.ceil(waitMs / 1000)} s` : '';
  return [`**${progress.account}** · ${progress.state}${wait}`, '', progress.reason ?? '', '', `${progress.calls} calls by this execution`].join('\n');
}
