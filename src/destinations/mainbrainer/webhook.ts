import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { parsed } from '../../http/index.js';
import type { WebhookCall, WebhookNews } from '../contract.js';
import { UUID } from './properties.js';
import { first, loose, textOf } from './reading.js';

/** A body beyond this is no notice of one batch, and is not read. */
const LONGEST = 4 * 1024 * 1024;

/** Signs addresses and knows its own again. */
export interface Webhooks {
  /** The address for one batch: with our id, so that a result is found even where the 202 never arrived, and a signature. */
  address(url: string, batch: string): string;
  /** See `Destination.webhook`. Never throws. */
  verify(call: WebhookCall): WebhookNews | null;
}

/**
 * MainBrainer signs nothing (its page tells of no secret), so the address itself is what only it can know.
 * The key comes from the credentials: one who has those needs no forged webhook.
 * @param name the destination's, so that two of one account do not take each other's
 */
export function createWebhooks(name: string, credentials: string): Webhooks {
  const key = createHash('sha256').update(credentials).digest();
  const sign = (batch: string): Buffer => createHmac('sha256', key).update(`${name}:${batch}`).digest();
  return {
    address(url, batch) {
      const address = new URL(url);
      address.searchParams.set('batch', batch);
      address.searchParams.set('sig', sign(batch).toString('hex'));
      return address.href;
    },
    verify({ query, body }) {
      const { batch, sig } = query;
      if (batch === undefined || sig === undefined || !/^[0-9a-f]{64}$/i.test(sig)) return null;
      if (!timingSafeEqual(Buffer.from(sig, 'hex'), sign(batch))) return null;
      return { kind: 'batch', batch, reference: referenceIn(body) };
    },
  };
}

/** unknown: the body. JSON or a form, the id at the top or in `data`; what does not look like one is nobody's. */
function referenceIn(body: Buffer): string | null {
  if (body.length === 0 || body.length > LONGEST) return null;
  const text = body.toString('utf8');
  const top = loose(parsed(text)) ?? loose(Object.fromEntries(new URLSearchParams(text)));
  for (const object of [top, loose(first(top, 'data', 'result'))]) {
    for (const name of ['batchid', 'id']) {
      const id = textOf(first(object, name));
      if (id !== null && UUID.test(id)) return id;
    }
  }
  return null;
}
