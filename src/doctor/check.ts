/** What a check is about. */
export type CheckKind = 'configuration' | 'temporal' | 'postgres' | 'source' | 'destination';

/** One thing that was looked at. Its words hold no secret and no contact's data. */
export interface Check {
  readonly name: string;
  readonly kind: CheckKind;
  readonly ok: boolean;
  /** What was found. */
  readonly message: string;
  /** What to do; null: nothing. A check that is well may have one, too. */
  readonly hint: string | null;
  /** Why it is not ok: `unreached` may mend by itself or by a start, `wrong` needs a person; null: it is ok. */
  readonly fault: 'unreached' | 'wrong' | null;
}

/** Something to look at; gives back one check or several. May throw: the error becomes the check. */
export interface Probe {
  readonly name: string;
  readonly kind: CheckKind;
  look(signal: AbortSignal): Promise<readonly Check[]>;
}

/** A check that is well. */
export function well({ name, kind }: Pick<Check, 'name' | 'kind'>, message: string, hint: string | null = null): Check {
  return { name, kind, ok: true, message, hint, fault: null };
}

/** A check that is not. */
export function ill({ name, kind }: Pick<Check, 'name' | 'kind'>, fault: 'unreached' | 'wrong', message: string, hint: string | null): Check {
  return { name, kind, ok: false, message, hint, fault };
}

/**
 * Looks at everything at once: none waits for another, none's failure ends another.
 * @param deadlineMs after so many milliseconds a probe counts as not answering
 * @returns the checks in the order of the probes
 * @throws the signal's reason when it fires
 */
export async function lookAtAll(probes: readonly Probe[], deadlineMs: number, signal: AbortSignal): Promise<readonly Check[]> {
  const checks = await Promise.all(probes.map((probe) => lookAt(probe, deadlineMs, signal)));
  signal.throwIfAborted();
  return checks.flat();
}

async function lookAt(probe: Probe, deadlineMs: number, signal: AbortSignal): Promise<readonly Check[]> {
  const deadline = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly Check[]>((resolve) => {
    const end = (): void => {
      resolve([ill(probe, 'unreached', `no answer within ${String(deadlineMs / 1000)} s`, 'see that it runs and is not overloaded, or give it longer: syncline doctor --timeout 60s')]);
      deadline.abort(new Error('the check took too long'));
    };
    timer = setTimeout(end, deadlineMs);
    signal.addEventListener('abort', end, { once: true, signal: deadline.signal });
  });
  const looked = probe.look(AbortSignal.any([signal, deadline.signal])).catch((error: unknown) => [checkOf(probe, error)]);
  try {
    // Not every library heeds a signal.
    return await Promise.race([looked, late]);
  } finally {
    clearTimeout(timer);
    deadline.abort();
  }
}

/** An error of the runtime or of a source has a kind and a hint; anything else is told as it is. */
function checkOf(probe: Probe, error: unknown): Check {
  const { fault, kind, hint, message } = error as { fault?: unknown; kind?: unknown; hint?: unknown; message?: unknown };
  const unreached = fault === 'unreachable' || kind === 'unreachable';
  const words = typeof message === 'string' && message !== '' ? message : String(error);
  return ill(probe, unreached ? 'unreached' : 'wrong', words.replace(/\s+/g, ' ').trim(), typeof hint === 'string' ? hint : null);
}
