import { createHmac, randomUUID } from 'node:crypto';
import { withDeadline } from '../../http/index.js';
import { FaultsError } from '../platform.js';

/** doc: five attempts, the first again after ten seconds, each gap twice the one before. */
const ATTEMPTS = 5;
const GAP = 10_000;

/** Where webhooks go and how they are signed. */
export interface WebhookTarget {
  readonly url: string;
  readonly secret: string;
  /** Milliseconds before the second attempt. @default 10000 */
  readonly gap?: number;
}

/** How a webhook fares: delivered, delivered twice under one delivery id, or never sent. */
export type WebhookMode = 'deliver' | 'double' | 'lost';

/** Reads a target as the control route is given it; null: none. Throws {@link FaultsError}. */
export function targetOf(body: unknown): WebhookTarget | null {
  if (body === null || body === undefined) return null;
  const { url, secret, gap } = (typeof body === 'object' ? body : {}) as Record<string, unknown>;
  const usable = typeof url === 'string' && URL.canParse(url) && typeof secret === 'string' && secret !== '' && (gap === undefined || (typeof gap === 'number' && gap > 0));
  if (!usable) throw new FaultsError('expected {"url": …, "secret": …, "gap": milliseconds}, or null');
  return { url, secret, ...(typeof gap === 'number' && { gap }) };
}

/** Sends the platform's webhooks, again where the receiver does not take them. */
export class Webhooks {
  target: WebhookTarget | null = null;
  readonly #under = new Set<Promise<void>>();
  #stop = new AbortController();

  /** Sends an event (doc: `{id, type, createdAt, tenantId, data}`), as far as `mode` lets it. */
  send(type: string, tenantId: string, data: object, mode: WebhookMode): void {
    const { target } = this;
    if (target === null || mode === 'lost') return;
    const body = JSON.stringify({ id: `evt_${randomUUID()}`, type, createdAt: new Date().toISOString(), tenantId, data });
    const delivery = `dlv_${randomUUID()}`;
    for (let copy = 0; copy < (mode === 'double' ? 2 : 1); copy++) {
      const sending = this.#deliver(target, body, delivery, this.#stop.signal);
      this.#under.add(sending);
      void sending.then(() => this.#under.delete(sending));
    }
  }

  /** Resolves when every webhook was taken or given up. */
  async idle(): Promise<void> {
    while (this.#under.size > 0) await Promise.all(this.#under);
  }

  /** Forgets the target and ends what goes on. */
  end(): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.target = null;
  }

  async #deliver({ url, secret, gap = GAP }: WebhookTarget, body: string, delivery: string, stop: AbortSignal): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS && !stop.aborted; attempt++) {
      if (attempt > 0 && !(await waited(gap * 2 ** (attempt - 1), stop))) return;
      const time = Math.floor(Date.now() / 1000);
      const signature = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex');
      const headers = { 'content-type': 'application/json', 'x-mailingcore-signature': `t=${time},v1=${signature}`, 'x-mailingcore-delivery-id': delivery };
      // A receiver that is not there is one that did not take it.
      const taken = await withDeadline(stop, 5_000, async (signal) => {
        const answer = await fetch(url, { method: 'POST', headers, body, signal });
        await answer.arrayBuffer().catch(() => undefined);
        return answer.ok;
      }).catch(() => false);
      if (taken) return;
    }
  }
}

/** @returns false where it was given up */
function waited(ms: number, stop: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => { end(true); }, ms);
    const abort = (): void => { end(false); };
    const end = (whole: boolean): void => {
      clearTimeout(timer);
      stop.removeEventListener('abort', abort);
      resolve(whole);
    };
    stop.addEventListener('abort', abort, { once: true });
  });
}
