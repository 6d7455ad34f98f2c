/** Which contacts the demo spoils, by what goes wrong with them; keys. */
export interface Spoilt {
  /** Lose their key in the CRM. */
  readonly keyless: readonly string[];
  /** Get an e-mail nobody can have. */
  readonly addressless: readonly string[];
  /** Refused by the platform, each alone. */
  readonly byRow: readonly string[];
  /** For these the platform refuses the whole call, without saying which row it was. */
  readonly byCall: readonly string[];
}

/** Which contacts the demo changes between its runs; keys. */
export interface Changes {
  readonly moved: readonly string[];
  readonly renamed: readonly string[];
  readonly readdressed: readonly string[];
  readonly optedOut: readonly string[];
}

const SPOILT = { keyless: 8, addressless: 16, byRow: 20, byCall: 2 } as const;
const CHANGED = { moved: 80, renamed: 60, readdressed: 60, optedOut: 50 } as const;
/** Contacts that are new in the second run. */
export const ADDED = 20;

/** Spoils contacts spread evenly over the list; the same ones every time. */
export function chooseSpoilt(keys: readonly string[]): Spoilt {
  return deal(keys, SPOILT);
}

/** Changes contacts spread evenly over the list. @param keys opted-in contacts that are not spoilt */
export function chooseChanges(keys: readonly string[]): Changes {
  return deal(keys, CHANGED);
}

/** Takes as many of `keys` as all counts ask for, evenly spaced, and deals them out in turn. */
function deal<Name extends string>(keys: readonly string[], counts: Readonly<Record<Name, number>>): Record<Name, string[]> {
  const names = Object.keys(counts) as Name[];
  const dealt = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, string[]>;
  const total = names.reduce((sum, name) => sum + counts[name], 0);
  let turn = 0;
  for (let i = 0; i < total; i += 1) {
    const key = keys[Math.floor(((i + 0.5) * keys.length) / total)] as string;
    while (dealt[names[turn % names.length] as Name].length >= counts[names[turn % names.length] as Name]) turn += 1;
    dealt[names[turn % names.length] as Name].push(key);
    turn += 1;
  }
  return dealt;
}
