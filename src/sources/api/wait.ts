/** Waits `ms` milliseconds; rejects with the signal's reason as soon as it aborts. */
export type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

export const wait: Wait = (ms, signal) =>
  new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });

/**
 * Spreads calls evenly: between the starts of two of them lie at least `gap` milliseconds, however many runs share
 * the source.
 */
export function createPace(gap: number, pause: Wait, now: () => number = () => performance.now()): (signal: AbortSignal) => Promise<void> {
  let next = -Infinity;
  return async (signal) => {
    const at = now();
    const mine = Math.max(at, next);
    next = mine + gap;
    if (mine > at) await pause(mine - at, signal);
  };
}
