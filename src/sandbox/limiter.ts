/** A rate limit as a platform counts it: `calls` arrivals in any (or each) window of `per` milliseconds. */
export interface LimitRule {
  readonly calls: number;
  readonly per: number;
  readonly window: 'fixed' | 'sliding';
  /** Whether refused calls use up the window too. */
  readonly countRefused: boolean;
}

export interface Verdict {
  readonly allowed: boolean;
  /** Calls left in the window after this one. */
  readonly remaining: number;
  /** Milliseconds until the next call can be taken (refused), or until the window is fresh (allowed). */
  readonly resetMs: number;
}

/** Counts one arrival at `now` (milliseconds of a monotonic clock, never falling). */
export type Limiter = (now: number) => Verdict;

/** A limiter for one rule; a fixed window starts at whole multiples of `per`. */
export function createLimiter(rule: LimitRule): Limiter {
  return rule.window === 'fixed' ? fixedWindow(rule) : slidingWindow(rule);
}

function fixedWindow(rule: LimitRule): Limiter {
  let window = -1;
  let used = 0;
  return (now) => {
    const current = Math.floor(now / rule.per);
    if (current !== window) {
      window = current;
      used = 0;
    }
    const allowed = used < rule.calls;
    if (allowed || rule.countRefused) used += 1;
    return { allowed, remaining: Math.max(0, rule.calls - used), resetMs: (current + 1) * rule.per - now };
  };
}

function slidingWindow(rule: LimitRule): Limiter {
  // Only the last `calls` counted arrivals can decide anything, so a ring of that size is enough.
  const ring = new Float64Array(rule.calls);
  let counted = 0;
  const oldest = (): number => ring[counted % rule.calls] ?? 0;
  return (now) => {
    const full = counted >= rule.calls && now - oldest() < rule.per;
    const frees = full ? oldest() + rule.per - now : rule.per;
    if (!full || rule.countRefused) {
      ring[counted % rule.calls] = now;
      counted += 1;
    }
    if (full) return { allowed: false, remaining: 0, resetMs: rule.countRefused ? oldest() + rule.per - now : frees };
    let inWindow = 0;
    for (let i = 1; i <= Math.min(counted, rule.calls); i++) {
      if (now - (ring[(counted - i) % rule.calls] ?? 0) >= rule.per) break;
      inWindow += 1;
    }
    return { allowed: true, remaining: rule.calls - inWindow, resetMs: rule.per };
  };
}
