/** The part of `process` that tells of signals. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Why a command's signal was aborted: a person or the system wants it to end. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  constructor(readonly signal: NodeJS.Signals) {
    super('interrupted');
  }
}

/**
 * The first signal aborts the controller, so that the command closes in order; the second one calls `atOnce`.
 * Returns what stops the watching.
 */
export function watchSignals(
  source: SignalSource,
  controller: AbortController,
  on: { readonly first: () => void; readonly atOnce: () => void },
): () => void {
  const listeners = SIGNALS.map((signal) => {
    const listener = (): void => {
      if (controller.signal.reason instanceof Interrupted) {
        on.atOnce();
        return;
      }
      controller.abort(new Interrupted(signal));
      on.first();
    };
    source.on(signal, listener);
    return { signal, listener };
  });
  return () => {
    for (const { signal, listener } of listeners) source.off(signal, listener);
  };
}
