import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createWebhooks } from '../../../src/destinations/mainbrainer/webhook.js';

const BATCH = 'ce2c2e48-47e4-4aa0-b4e7-c9deebe29852';
const webhooks = createWebhooks('sms', 'token+password');
const queryOf = (url: string): Record<string, string> => Object.fromEntries(new URL(url).searchParams);
const call = (url: string, body: unknown = '') => ({ query: queryOf(url), headers: {}, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) });

describe('a webhook', () => {
  it('comes back to the batch whose address it was given, and keeps the parameters of its URL', () => {
    const url = webhooks.address('https://sync.example/webhooks/sms?tenant=a', '42');
    expect(queryOf(url)).toMatchObject({ tenant: 'a', batch: '42' });
    expect(webhooks.verify(call(url))).toEqual({ kind: 'batch', batch: '42', reference: null });
  });

  it('of another batch, another destination, other credentials or with no signature is not genuine', () => {
    const query = queryOf(webhooks.address('https://x.example/', '42'));
    const sig = query['sig'] ?? '';
    const forged: Record<string, string>[] = [{}, { batch: '42' }, { sig }, { batch: '43', sig }, { batch: '42', sig: sig.slice(2) }, { batch: '42', sig: `${sig}00` }, { batch: '42', sig: sig.replace(/^./, (one) => (one === '0' ? '1' : '0')) }];
    for (const one of forged) expect(webhooks.verify({ query: one, headers: {}, body: Buffer.alloc(0) })).toBeNull();
    for (const other of [createWebhooks('other', 'token+password'), createWebhooks('sms', 'else')]) expect(other.verify({ query, headers: {}, body: Buffer.alloc(0) })).toBeNull();
  });

  it.each<[string, unknown]>([
    ['JSON', { BatchId: BATCH }], ['JSON in an envelope', { status: 'Success', data: { batchId: BATCH } }], ['an id', { id: BATCH }], ['a form', `BatchId=${BATCH}&count=1`],
  ])('names the platform\'s batch in %s', (_name, body) => {
    expect(webhooks.verify(call(webhooks.address('https://x.example/', '1'), body))).toMatchObject({ reference: BATCH });
  });

  it('never throws, and a strange body names nothing', () => {
    fc.assert(fc.property(fc.string(), fc.uint8Array(), fc.dictionary(fc.string(), fc.string()), (batch, bytes, query) => {
      const genuine = queryOf(webhooks.address('https://x.example/', batch));
      expect(webhooks.verify({ query: genuine, headers: {}, body: Buffer.from(bytes) })).toEqual({ kind: 'batch', batch: genuine['batch'], reference: null });
      expect(webhooks.verify({ query, headers: {}, body: Buffer.from(bytes) })).toBeNull();
    }));
  });
});
