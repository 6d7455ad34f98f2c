import type { Consent } from './contact.js';
import { isEmpty, scalarText } from './text.js';

const GRANTED = ['true', 't', 'yes', 'y', 'on', '1'];
const DENIED = ['false', 'f', 'no', 'n', 'off', '0'];

type Listed = readonly (string | number | boolean)[];

const plain = (value: string | number | boolean): string => String(value).trim().toLowerCase();

/**
 * Compiles what a consent column's values mean. Without lists: true/false and their usual spellings.
 * With a list, only the listed values grant, so that nothing grants by accident; where only `granted` is listed,
 * the usual spellings of false still deny. A value in both lists denies; one that is listed as unknown says nothing, unless it
 * is listed elsewhere too. Letter case and blanks at the ends are ignored.
 * @returns the consent; null for a value that is not recognised (empty is recognised, as unknown)
 */
export function compileConsent(lists: { readonly granted?: Listed; readonly denied?: Listed; readonly unknown?: Listed }): (value: unknown) => Consent | null {
  const meaning = new Map<string, Consent>();
  const listed = lists.granted !== undefined || lists.denied !== undefined || lists.unknown !== undefined;
  if (lists.denied === undefined) for (const text of DENIED) meaning.set(text, 'denied');
  for (const value of lists.unknown ?? []) meaning.set(plain(value), 'unknown');
  for (const value of listed ? (lists.granted ?? []) : GRANTED) meaning.set(plain(value), 'granted');
  for (const value of lists.denied ?? []) meaning.set(plain(value), 'denied');
  const whenTrue = meaning.get('true') ?? null;
  const whenFalse = meaning.get('false') ?? null;

  return (value) => {
    if (value === true) return whenTrue;
    if (value === false) return whenFalse;
    if (isEmpty(value)) return meaning.get('') ?? 'unknown';
    const text = scalarText(value);
    if (text === null) return null;
    const known = meaning.get(text);
    if (known !== undefined) return known;
    const folded = plain(text);
    return meaning.get(folded) ?? (folded === '' ? 'unknown' : null);
  };
}
