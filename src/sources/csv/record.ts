import { isUtf8 } from 'node:buffer';

/**
 * Where records end, and what is done about broken ones. Fields are those of RFC 4180: a field that begins with a
 * quote runs, over line ends too, to the next single quote, which a delimiter or line end must follow; a quote is
 * nowhere else. A record that breaks this rule, or does not close within {@link MAX_RECORD_BYTES} or the file, or
 * spans lines without having the header's number of fields, is given up with its **first line only**: reading goes
 * on at the line after it, so that a stray quote costs one row and never the rest of the file.
 */
export const MAX_RECORD_BYTES = 1 << 20;

const LF = 10;
const CR = 13;
const QUOTE = 34;
const NOT_UTF8 = 'not valid UTF-8 (save the file as UTF-8)';

export type Scan =
  /** The record runs past the bytes at hand. */
  | { readonly kind: 'more' }
  /** A line longer than {@link MAX_RECORD_BYTES}: to be skipped up to its end. */
  | { readonly kind: 'long' }
  /** `next`: where the next record begins; `lines`: lines passed on the way there. */
  | { readonly kind: 'blank' | 'record' | 'fault'; readonly next: number; readonly lines: number; readonly fields: readonly string[]; readonly fault?: string };

/** What the records of a file have in common. */
export interface Form {
  readonly delimiter: string;
  /** Fields a record must have; null: any number (the header). */
  readonly width: number | null;
}

/** Reads one record of `bytes[at, end)`. `final`: the file ends at `end`. */
export function scanRecord(bytes: Buffer, at: number, end: number, final: boolean, form: Form): Scan {
  const found = bytes.indexOf(LF, at);
  const lineEnds = found !== -1 && found < end;
  if (!lineEnds && end - at > MAX_RECORD_BYTES) return { kind: 'long' };
  if (!lineEnds && !final) return { kind: 'more' };
  const lineEnd = lineEnds ? found : end;
  const afterLine = lineEnds ? found + 1 : end;
  const contentEnd = lineEnd > at && bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
  if (contentEnd === at) return { kind: 'blank', next: afterLine, lines: 1, fields: [] };

  const giveUp = (fault: string): Scan => ({ kind: 'fault', next: afterLine, lines: 1, fields: [], fault });
  const text = bytes.toString('utf8', at, contentEnd);
  if (!text.includes('"')) {
    if (text.includes('\ufffd') && !isUtf8(bytes.subarray(at, contentEnd))) return giveUp(NOT_UTF8);
    const fields = text.split(form.delimiter);
    return form.width !== null && fields.length !== form.width ? giveUp(widthFault(fields.length, form.width)) : { kind: 'record', next: afterLine, lines: 1, fields };
  }
  return scanQuoted(bytes, at, end, final, form, giveUp);
}

const widthFault = (found: number, expected: number): string => `${found} fields where the header has ${expected}`;

function scanQuoted(bytes: Buffer, at: number, end: number, final: boolean, form: Form, giveUp: (fault: string) => Scan): Scan {
  const delimiter = Buffer.from(form.delimiter);
  const limit = Math.min(end, at + MAX_RECORD_BYTES);
  const truncated = !final && limit === end;
  const fields: string[] = [];
  let i = at;
  for (;;) {
    let stop: number;
    if (bytes[i] === QUOTE && i < end) {
      const close = closingQuote(bytes, i + 1, limit);
      if (close === -1) return truncated ? { kind: 'more' } : giveUp('a quoted field that does not close');
      stop = close + 1;
      // Whether a quote closes shows in the byte after it, and a CR only counts before an LF.
      if (!final && stop + delimiter.length + 1 >= end) return { kind: 'more' };
      fields.push(bytes.toString('utf8', i + 1, close).replaceAll('""', '"'));
    } else {
      stop = plainEnd(bytes, i, end, delimiter);
      if (stop === -1) return giveUp('a quote in the middle of a field');
      if (stop === end && !final) return end - at > MAX_RECORD_BYTES ? giveUp('a quoted field that does not close') : { kind: 'more' };
      fields.push(bytes.toString('utf8', i, bytes[stop] !== delimiter[0] && stop > i && bytes[stop - 1] === CR ? stop - 1 : stop));
    }
    if (stop < end && startsWith(bytes, stop, delimiter)) {
      i = stop + delimiter.length;
      continue;
    }
    if (bytes[stop] === CR && (bytes[stop + 1] === LF || stop + 1 >= end)) stop++;
    if (stop < end && bytes[stop] !== LF) return giveUp('text after a closing quote');
    return finish(bytes, at, Math.min(stop + 1, end), fields, form, giveUp);
  }
}

function finish(bytes: Buffer, at: number, next: number, fields: readonly string[], form: Form, giveUp: (fault: string) => Scan): Scan {
  if (form.width !== null && fields.length !== form.width) return giveUp(widthFault(fields.length, form.width));
  let lines = 1;
  for (let i = bytes.indexOf(LF, at); i !== -1 && i < next - 1; i = bytes.indexOf(LF, i + 1)) lines++;
  if (!isUtf8(bytes.subarray(at, next))) return { kind: 'fault', next, lines, fields: [], fault: NOT_UTF8 };
  return { kind: 'record', next, lines, fields };
}

/** The quote that is not one of a pair; -1 where there is none before `limit`. */
function closingQuote(bytes: Buffer, from: number, limit: number): number {
  let i = from;
  for (;;) {
    const quote = bytes.indexOf(QUOTE, i);
    if (quote === -1 || quote >= limit) return -1;
    if (quote + 1 >= limit || bytes[quote + 1] !== QUOTE) return quote;
    i = quote + 2;
  }
}

/** Where an unquoted field ends: its delimiter, its line's LF, or `end`; -1 where a quote is in it. */
function plainEnd(bytes: Buffer, from: number, end: number, delimiter: Buffer): number {
  for (let i = from; i < end; i++) {
    if (bytes[i] === LF || startsWith(bytes, i, delimiter)) return i;
    if (bytes[i] === QUOTE) return -1;
  }
  return end;
}

function startsWith(bytes: Buffer, at: number, part: Buffer): boolean {
  for (let i = 0; i < part.length; i++) if (bytes[at + i] !== part[i]) return false;
  return true;
}
