import { expect, test } from 'vitest';
import type { Counts } from '../../src/ledger/index.js';
import { laneDetails, syncDetails, waitWords } from '../../workflows/details.js';

const counts: Counts = {
  extracted: 19972, invalid: 24, filtered: 0, unchanged: 0, stillRejected: 0, superseded: 0, suppressed: 0, queued: 19948,
  delivered: 19926, rejected: 22, overtaken: 0, waiting: 0, inFlight: 0,
};

test('the Web UI shows both sums of the books, the cursor and the last batches', () => {
  const details = syncDetails({
    run: '01J', sync: 'crm-newsletter', phase: 'closed', status: 'completed_with_rejects', counts, cursor: { from: null, to: '2025-01-01T00:00:00.000000Z' },
    batches: [{ batch: 7, rows: 1000, ofThisRun: 1000, delivered: 1000, rejected: 0, status: 'settled', httpStatus: null, attempts: 1, startedAt: '', durationMs: 12, notes: [], receipt: null }],
    verification: null,
  });
  expect(details.split('\n')).toEqual([
    '**crm-newsletter** · closed · completed with rejects · run `01J`',
    '',
    '- **19,972 extracted** = 24 invalid + 0 filtered + 0 unchanged + 0 superseded + 0 suppressed + 19,948 queued',
    '- **19,948 queued** = 19,926 delivered + 22 rejected + 0 overtaken + 0 waiting + 0 in flight',
    '',
    'cursor: the beginning → 2025-01-01T00:00:00.000000Z',
    '',
    'last calls:',
    '',
    '- 7: 1,000 rows, 1,000 delivered · settled · 12 ms',
  ]);
});

test('the Web UI shows why a lane waits and how long', () => {
  const call = { batch: 7, destination: 'loyalty', rows: 1000, delivered: 998, rejected: 2, status: 'settled', httpStatus: 200, durationMs: 1200 } as const;
  expect(laneDetails({ account: 'acme', state: 'backing_off', reason: 'MailingCore is down', until: '2026-01-01T00:00:00.000Z', calls: 1234, recent: [call] })).toBe([
    '**acme** · backing off until 2026-01-01T00:00:00.000Z', 'MailingCore is down',
    'last calls:', '- 7: 1,000 rows to loyalty, 998 delivered, 2 rejected · settled · HTTP 200 · 1,200 ms', '1,234 calls by this execution',
  ].join('\n\n'));
  expect(waitWords(41_200, 'D·engage allows one call a minute')).toBe('waiting 42 s: D·engage allows one call a minute');
  expect(waitWords(3_600_000, null)).toBe('waiting 60 min');
});
