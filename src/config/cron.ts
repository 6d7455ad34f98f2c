const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

/** minute, hour, day of month, month, day of week */
export const CRON_FIELDS: readonly { min: number; max: number; names?: readonly string[] }[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: MONTHS },
  { min: 0, max: 7, names: DAYS },
];

/** Whether a cron expression of five fields (minute hour day month weekday) is well formed. */
export function isCron(text: string): boolean {
  const fields = text.trim().split(/\s+/);
  return fields.length === CRON_FIELDS.length && fields.every((field, i) => field.split(',').every((part) => isPart(part, i)));
}

function isPart(part: string, index: number): boolean {
  const field = CRON_FIELDS[index];
  const [range, step, ...more] = part.split('/');
  if (field === undefined || range === undefined || more.length > 0) return false;
  if (step !== undefined && !(/^\d{1,2}$/.test(step) && Number(step) >= 1)) return false;
  if (range === '*' || (range === '?' && step === undefined)) return true;
  const numbers = range.split('-').map((end) => cronNumber(end, field));
  const [from, to = from] = numbers;
  return numbers.length <= 2 && from !== undefined && to !== undefined && from <= to;
}

/** A number or name of a field; undefined where it is neither, or out of range. */
export function cronNumber(text: string, field: { min: number; max: number; names?: readonly string[] }): number | undefined {
  const named = field.names?.indexOf(text.toUpperCase()) ?? -1;
  if (named >= 0) return named + field.min;
  if (!/^\d{1,2}$/.test(text)) return undefined;
  const number = Number(text);
  return number >= field.min && number <= field.max ? number : undefined;
}
