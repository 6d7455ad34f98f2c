/** ASCII characters of a local part without quotes (RFC 5321 "atext" and the dot). */
const LOCAL = asciiSet("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~.");
const DOMAIN = asciiSet('abcdefghijklmnopqrstuvwxyz0123456789-.');

/** Controls, halves of characters, blanks of every kind: never part of an address. */
const NEVER = /[\p{C}\p{Z}]/u;

function asciiSet(characters: string): Uint8Array {
  const set = new Uint8Array(128);
  for (const character of characters) set[character.charCodeAt(0)] = 1;
  return set;
}

/** Octets in UTF-8, which is what the limits of RFC 5321 count. */
function octets(text: string, ascii: boolean): number {
  return ascii ? text.length : Buffer.byteLength(text);
}

/**
 * Trims, lower-cases the domain and checks that the address is possible: one @, a local part of at most
 * 64 octets without quotes or misplaced dots, a domain with a dot, sane labels and a last label that is no number,
 * 254 octets in all. Letters beyond ASCII are taken on both sides.
 * @returns null where it is no possible address
 */
export function normaliseEmail(text: string): string | null {
  const trimmed = text.trim();
  const at = trimmed.indexOf('@');
  if (at < 1 || trimmed.length > 254) return null;
  const local = trimmed.slice(0, at);
  const domain = trimmed.slice(at + 1).toLowerCase();
  const localAscii = allowed(local, LOCAL);
  const domainAscii = allowed(domain, DOMAIN);
  if (localAscii === null || domainAscii === null) return null;
  if (octets(local, localAscii) > 64 || octets(local, localAscii) + 1 + octets(domain, domainAscii) > 254) return null;
  if (local.charCodeAt(0) === 46 || local.charCodeAt(at - 1) === 46 || local.includes('..')) return null;
  return saneLabels(domain) ? `${local}@${domain}` : null;
}

/** Whether all is ASCII; null where a character is not allowed. */
function allowed(text: string, set: Uint8Array): boolean | null {
  let ascii = true;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 128) ascii = false;
    else if (set[code] === 0) return null;
  }
  return ascii || !NEVER.test(text) ? ascii : null;
}

/** At least two labels of 1 to 63 characters, no hyphen at an end, and a last one of two or more that is no number. */
function saneLabels(domain: string): boolean {
  let start = 0;
  let labels = 0;
  for (;;) {
    const dot = domain.indexOf('.', start);
    const end = dot === -1 ? domain.length : dot;
    const length = end - start;
    if (length < 1 || length > 63) return false;
    if (domain.charCodeAt(start) === 45 || domain.charCodeAt(end - 1) === 45) return false;
    labels++;
    if (dot === -1) return labels >= 2 && length >= 2 && !isNumber(domain, start);
    start = dot + 1;
  }
}

function isNumber(text: string, start: number): boolean {
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57) return false;
  }
  return true;
}
