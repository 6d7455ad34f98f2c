const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };

/** Milliseconds of a text such as `60s`. @throws Error naming the option */
export function parseDuration(name: string, text: string): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text) ?? [];
  if (amount === undefined) throw new Error(`${name} ${text}: expected a duration such as 250ms, 1s or 1m`);
  return Number(amount) * (UNIT_MS[unit] ?? 1);
}

/** Milliseconds in words: `1.5 s`, `122 s`. */
export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(ms < 100_000 ? 1 : 0)} s`;
