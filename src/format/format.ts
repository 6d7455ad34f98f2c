const NUMBER = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

/** `19972` → `19,972`. */
export function formatNumber(value: number): string {
  return NUMBER.format(value);
}

/** Milliseconds in words of two parts at most: `850 ms`, `1.2 s`, `2 m 05 s`, `3 h 12 m`, `4 d 2 h`. */
export function formatDuration(milliseconds: number): string {
  if (!Number.isFinite(milliseconds)) return 'unknown';
  const ms = Math.max(0, Math.round(milliseconds));
  if (ms < 1000) return `${String(ms)} ms`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${String(seconds)} s`;
  const two = (value: number): string => String(value).padStart(2, '0');
  if (seconds < 3600) return `${String(Math.floor(seconds / 60))} m ${two(seconds % 60)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1440) return `${String(Math.floor(minutes / 60))} h ${two(minutes % 60)} m`;
  const hours = Math.floor(minutes / 60);
  return `${String(Math.floor(hours / 24))} d ${String(hours % 24)} h`;
}

/** A time against now: `3 m 05 s ago`, `in 12 s`, `just now`; `never` for none. */
export function formatRelative(time: string | Date | null, now: number): string {
  if (time === null) return 'never';
  const difference = new Date(time).getTime() - now;
  if (Number.isNaN(difference)) return 'unknown';
  if (Math.abs(difference) < 1000) return 'just now';
  return difference < 0 ? `${formatDuration(-difference)} ago` : `in ${formatDuration(difference)}`;
}

/** The time of day where a person is, `14:03:10`; with the date where it is another day. */
export function formatClock(time: string | Date, now: number): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return 'unknown';
  const two = (value: number): string => String(value).padStart(2, '0');
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  const sameDay = date.toDateString() === new Date(now).toDateString();
  return sameDay ? clock : `${String(date.getFullYear())}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock}`;
}
