const GROUPED = new Intl.NumberFormat('en');

/** `19972` → `19,972`. */
export function grouped(value: number): string {
  return GROUPED.format(value);
}
