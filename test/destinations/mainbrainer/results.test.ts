import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readStatus } from '../../../src/destinations/mainbrainer/results.js';

const part = (count: number, first = 1) => ({ count, contactIds: Array.from({ length: count }, (_, n) => first + n) });
const counts = (inserted: number, updated: number, skipped: number) => ({ inserted: part(inserted), updated: part(updated, 500), skipped: part(skipped, 900) });
const read = (body: object, rows = 10) => readStatus({ id: 'b', ...body }, rows, 200);

describe('the status of a batch', () => {
  it('counts that make up the rows are the end, with a receipt', () => {
    expect(read({ status: 2, statusText: 'Completed', processedObj: counts(2, 8, 0) })).toEqual({
      kind: 'answered', failed: [], httpStatus: 200,
      receipt: { inserted: 2, updated: 8, skipped: 0, ids: ['1', '2', '500', '501', '502', '503', '504', '505', '506', '507'] },
    });
    expect(read({ processedObj: counts(10, 0, 0) })).toMatchObject({ kind: 'answered' });
  });

  it.each<[string, unknown]>([
    ['in an envelope', { status: 'Success', data: { Id: 'b', StatusText: 'Completed', ProcessedObj: { Inserted: { Count: 1, ContactIds: ['7'] } } } }],
    ['with bare lists', { id: 'b', processedObj: { inserted: [{ contactId: 7 }], updated: [], skipped: [] } }],
    ['with counts as texts', { id: 'b', processedObj: { inserted: { count: '1', contactIds: [7] } } }],
  ])('is read %s', (_name, body) => {
    expect(readStatus(body, 1, 200)).toMatchObject({ kind: 'answered', receipt: { inserted: 1, ids: ['7'] } });
  });

  it('skipped contacts are not delivered, and nobody knows which: also the only one', () => {
    expect(read({ statusText: 'Completed', statusFailedReason: 'blocked', processedObj: counts(7, 1, 2) })).toEqual({
      kind: 'unclear', accepted: 8, message: '2 of 10 contacts were skipped: blocked', httpStatus: 200,
    });
    expect(read({ processedObj: counts(0, 0, 1) }, 1)).toMatchObject({ kind: 'unclear', accepted: 0, message: '1 of 1 contacts were skipped' });
  });

  it.each(['Failed', 'ProcessingFailed', 'Error', 'Rejected', 'Cancelled', 'Aborted', 'Completed with errors'])('%s with nothing counted has failed', (statusText) => {
    expect(read({ statusText, statusFailedReason: 'bad ann@example.com' })).toMatchObject({ kind: 'failed', message: 'the batch failed: bad [e-mail]' });
    expect(read({ statusText, processedObj: counts(4, 0, 0) })).toMatchObject({ kind: 'unclear', accepted: 4 });
  });

  it('completed with errors that are no contact\'s is the end; failed is not, whatever it counts', () => {
    expect(read({ statusText: 'Completed with errors', processedObj: counts(10, 0, 0) })).toMatchObject({ kind: 'answered' });
    expect(read({ statusText: 'Completed with errors', processedObj: counts(9, 0, 1) })).toMatchObject({ kind: 'unclear', accepted: 9 });
    expect(read({ statusText: 'Failed', processedObj: counts(10, 0, 0) })).toMatchObject({ kind: 'unclear', accepted: 10 });
  });

  it('a reason with nothing counted has failed, unless it says that it goes on', () => {
    expect(read({ statusFailedReason: 'database down' })).toMatchObject({ kind: 'failed' });
    expect(read({ statusText: 'Processing', statusFailedReason: 'database down' })).toEqual({ kind: 'pending' });
    for (const reason of ['', 'N/A', 'None', '-', null]) expect(read({ statusFailedReason: reason })).toEqual({ kind: 'pending' });
  });

  it.each(['Completed', 'Done', 'Processed', 'FINISHED', 'completed without errors', 'Complete, errors: 0'])('%s is the end, and a sum that does not fit is unclear', (statusText) => {
    expect(read({ statusText, processedObj: null })).toEqual({ kind: 'answered', failed: [], httpStatus: 200 });
    expect(read({ statusText, processedObj: counts(3, 3, 0) })).toMatchObject({ kind: 'unclear', accepted: 6 });
    expect(read({ statusText, processedObj: counts(9, 9, 0) })).toMatchObject({ kind: 'unclear', accepted: 10 });
  });

  it.each(['Pending', 'Processing', 'In process', 'InProgress', 'Not processed', 'NotProcessed', 'not yet completed', 'Incomplete', 'to be processed', 'being processed', 'Queued', 'partially processed', 'Accepted', 'Unprocessed', 'will be completed soon', 'Success', '2', ''])(
    '%j is not the end', (statusText) => {
      expect(read({ statusText, processedObj: null })).toEqual({ kind: 'pending' });
      expect(read({ status: statusText })).toEqual({ kind: 'pending' });
    },
  );

  it.each<[unknown]>([[null], ['Completed'], [[]], [{}], [{ status: 'Success', message: 'ok' }], [{ status: 'Success', data: null }], [{ status: 'Success', data: { status: 2 } }]])('%j says nothing', (body) => {
    expect(readStatus(body, 10, 200)).toEqual({ kind: 'pending' });
  });

  it('nothing is ever delivered on counts that do not make up what was sent, nor on words of failure', () => {
    const words = fc.constantFrom('Completed', 'Failed', 'Pending', 'Success', 'Processing', 'Done', '', 'not processed', 'Completed with errors');
    const count = fc.nat(20);
    fc.assert(fc.property(words, words, count, count, count, fc.integer({ min: 1, max: 20 }), (status, statusText, inserted, updated, skipped, rows) => {
      const result = readStatus({ id: 'b', status, statusText, processedObj: counts(inserted, updated, skipped) }, rows, 200);
      const fits = inserted + updated + skipped === rows;
      if (result.kind === 'answered') {
        const failed = [status, statusText].some((text) => text === 'Failed') && ![status, statusText].some((text) => /^(?:Completed|Done)/.test(text));
        expect([fits, skipped, failed]).toEqual([true, 0, false]);
        expect(result.receipt?.ids).toHaveLength(rows);
      }
      if (result.kind === 'failed') expect(inserted + updated).toBe(0);
      if (result.kind === 'unclear') expect(result.accepted).toBeLessThanOrEqual(rows);
      if (fits) expect(result.kind).not.toBe('pending');
    }));
  });

  it('never throws, whatever comes', () => {
    fc.assert(fc.property(fc.jsonValue(), fc.nat(5), (body, rows) => {
      expect(readStatus(body, rows + 1, 200).kind).toMatch(/^(?:pending|answered|unclear|failed)$/);
    }));
  });
});
