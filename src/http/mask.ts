/** What a platform's words may take of a message. */
const LONGEST = 300;
/** Masking looks at this much at most, so that a megabyte of HTML costs nothing. */
const LOOKED_AT = 4000;

const EMAIL = /[^\s@<>"(),;:[\]]{1,100}(?:@|%40)[^\s@<>"'(),;:[\]]{1,255}/gi;
/** Seven digits or more, with the separators phones are written with. */
const NUMBER = /\+?\d(?:[\s().\-/]{0,2}\d){6,}/g;

/**
 * Makes a platform's words fit for logs and errors: e-mails and long digit runs are masked, white space is
 * folded, the length bounded to 300 characters.
 */
export function maskPersonal(text: string): string {
  const masked = text.slice(0, LOOKED_AT).replace(EMAIL, '[e-mail]').replace(NUMBER, '[number]').replace(/\s+/g, ' ').trim();
  return masked.length > LONGEST ? `${masked.slice(0, LONGEST - 1)}…` : masked;
}

/**
 * Also masks the given values, where a platform echoes what it was sent (names, cities).
 * Values shorter than three characters are left: hiding "en" would spoil the words and hides nobody.
 */
export function maskValues(text: string, values: Iterable<string>): string {
  let masked = text.slice(0, LOOKED_AT);
  for (const value of values) {
    if (value.length < 3 || !masked.includes(value)) continue;
    // Whole words only: a contact called Ema must not turn "email" into a riddle.
    masked = masked.replace(new RegExp(`(?<![\\p{L}\\p{N}])${escaped(value)}(?![\\p{L}\\p{N}])`, 'gu'), '[value]');
  }
  return maskPersonal(masked);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
