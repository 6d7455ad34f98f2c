import { renewLease, type Lease, type Pool } from '../ledger/index.js';

const RENEW_MS = 2_500;
/** Without a renewal for so long the calls are aborted: the lease ends at ten seconds. Milliseconds. */
const GIVE_UP_MS = 8_000;

/**
 * Renews a lease beside the calls; when it cannot, `lost` is aborted before somebody else may drive.
 * @returns ends the renewing
 */
export function keepLease(pool: Pool, lease: Lease, lost: AbortController): () => void {
  let renewedAt = performance.now();
  let asking = false;
  const timer = setInterval(() => {
    const now = performance.now();
    // Looked at by this clock, not by the answer: a server that hangs gives none.
    if (now - renewedAt > GIVE_UP_MS) lost.abort(new Error('the lease of the account could not be renewed'));
    if (asking || now - renewedAt < RENEW_MS) return;
    asking = true;
    renewLease(pool, lease).then(
      (held) => {
        if (held) renewedAt = now;
        else lost.abort(new Error('the lease of the account was taken over'));
      },
      () => undefined,
    ).finally(() => { asking = false; });
  }, RENEW_MS / 5);
  return () => { clearInterval(timer); };
}
