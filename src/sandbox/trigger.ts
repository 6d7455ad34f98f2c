/** When a fault strikes: on this share of calls, at most `first` times. */
export interface Sometimes {
  readonly share: number;
  readonly first?: number;
}

/** Decides, call by call, whether a named fault strikes. Keeps the counts of `first`. */
export type Trigger = (name: string, fault: Sometimes | undefined) => boolean;

/** A fresh {@link Trigger}; made anew whenever the faults are replaced. */
export function createTrigger(random: () => number): Trigger {
  const struck = new Map<string, number>();
  return (name, fault) => {
    if (fault === undefined || fault.share === 0) return false;
    const before = struck.get(name) ?? 0;
    if (fault.first !== undefined && before >= fault.first) return false;
    if (fault.share < 1 && random() >= fault.share) return false;
    struck.set(name, before + 1);
    return true;
  };
}
