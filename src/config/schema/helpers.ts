import { z } from 'zod';
import { DURATION_WORDS, LONGEST_DURATION, formatDurationExact, parseDuration } from '../duration.js';

// Every message of these schemas is the phrase that completes "expected …"; ../report.ts builds the sentence.

/** Carried by the issue of an unknown key, so that a suggestion can be made. */
export interface UnknownKey {
  readonly known: readonly string[];
}

/** A mapping with these keys and no others. A key without a value counts as absent. */
export function block<Shape extends Record<string, z.ZodType>>(shape: Shape, expected?: string) {
  const known = Object.keys(shape);
  const unknownKey = z.custom<never>(() => false, {
    error: `one of ${known.join(', ')}`,
    params: { known } satisfies UnknownKey,
  });
  const words = expected ?? `a mapping with ${known.join(', ')}`;
  // Typed without the catch-all, which accepts nothing but would turn every other key's type into `never`.
  const schema = z.object(shape, { error: words }).catchall(unknownKey) as unknown as z.ZodObject<Shape>;
  return z.preprocess((value) => withoutEmpty(value, shape), schema);
}

function withoutEmpty(value: unknown, shape: Record<string, unknown>): unknown {
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([key, inner]) => !(Object.hasOwn(shape, key) && inner === null)));
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a key stands in the file with a value, whatever that is. */
export function isGiven(raw: Readonly<Record<string, unknown>>, key: string): boolean {
  return Object.hasOwn(raw, key) && raw[key] !== null;
}

/** Picks the schema by what was found: unlike a union, the mistakes inside the chosen one keep their place. */
export function choose<T extends z.ZodType>(pick: (value: unknown) => T) {
  return z.unknown().transform((value, context): z.output<T> => {
    const result = pick(value).safeParse(value);
    if (result.success) return result.data;
    for (const issue of result.error.issues) context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue);
    return z.NEVER;
  });
}

/** Refuses everything. */
export function refuse(expected: string) {
  return z.custom<never>(() => false, { error: expected });
}

/** Text that is not empty. */
export function text(expected: string) {
  return z.string({ error: expected }).trim().min(1, { error: expected, abort: true });
}

export function textThat(test: (value: string) => boolean, expected: string) {
  return text(expected).refine(test, { error: expected });
}

/** A whole number within bounds. */
export function count(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  const expected =
    max === Number.MAX_SAFE_INTEGER ? `a whole number, at least ${String(min)}` : `a whole number from ${String(min)} to ${String(max)}`;
  return z.number({ error: expected }).int({ error: expected }).min(min, { error: expected }).max(max, { error: expected });
}

export function numberThat(test: (value: number) => boolean, expected: string) {
  return z.number({ error: expected }).refine(test, { error: expected });
}

export function oneOf<const Values extends readonly [string, ...string[]]>(...values: Values) {
  return z.enum(values, { error: `one of ${values.join(', ')}` });
}

/** A duration as text, given back in milliseconds. */
export function duration(bounds: { min?: number; max?: number } = {}) {
  const { min = 0, max = LONGEST_DURATION } = bounds;
  const limits = [
    ...(min > 0 ? [`at least ${formatDurationExact(min)}`] : []),
    ...(max < LONGEST_DURATION ? [`at most ${formatDurationExact(max)}`] : []),
  ];
  const expected = [DURATION_WORDS, ...limits].join(', ');
  return z
    .string({ error: expected })
    .refine((value) => {
      const milliseconds = parseDuration(value);
      return milliseconds !== undefined && milliseconds >= min && milliseconds <= max;
    }, { error: expected })
    .transform((value) => parseDuration(value) ?? 0);
}

/** A share of something as text (`5%`), given back as 0 to 1. */
export function share() {
  const expected = 'a share such as 5%, above 0% and at most 100%';
  const usable = (value: string): boolean => /^\d{1,3}(\.\d+)?%$/.test(value) && Number(value.slice(0, -1)) > 0 && Number(value.slice(0, -1)) <= 100;
  return textThat(usable, expected).transform((value) => Number(value.slice(0, -1)) / 100);
}

/** A value of a list that is compared with what a source holds. */
export function plainValue(expected: string) {
  return z.union([z.string(), z.number(), z.boolean()], { error: expected });
}

/** One value or a list of them; always given back as a list. */
export function oneOrMore<T extends z.ZodType>(item: T, expected: string) {
  return z.preprocess(
    (value) => (Array.isArray(value) ? value : [value]),
    z.array(item, { error: expected }).min(1, { error: expected }),
  );
}
