const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DURATION = /^(\d{1,15})\s?(ms|s|m|h|d)$/;
/** Ten years: nothing in a configuration lasts longer, and timers stay far from overflowing. */
export const LONGEST_DURATION = 3650 * UNITS.d;

/** What a duration looks like, for messages. */
export const DURATION_WORDS = 'a duration such as 30s, 5m or 7d';

/** Milliseconds of `500ms`, `30s`, `5m`, `2h`, `7d`; undefined for anything else, also for what exceeds ten years. */
export function parseDuration(text: string): number | undefined {
  const parts = DURATION.exec(text.trim());
  if (parts === null) return undefined;
  const milliseconds = Number(parts[1]) * UNITS[parts[2] as keyof typeof UNITS];
  return milliseconds <= LONGEST_DURATION ? milliseconds : undefined;
}

/** Milliseconds as a duration that {@link parseDuration} reads back: `90000` → `90s`. */
export function formatDurationExact(milliseconds: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    if (milliseconds !== 0 && milliseconds % UNITS[unit] === 0) return `${String(milliseconds / UNITS[unit])}${unit}`;
  }
  return `${String(milliseconds)}ms`;
}
