const SECRET_KEY = /(password|passphrase|secret|token|apikey|api_key|userkey|encryptionkey|authorization|credential)/i;
const SECRET_PARAMETER = /([?&][^=&#]*(?:password|passphrase|secret|token|key)[^=&#]*=)[^&#]*/gi;
const LONGEST = 60;

/** Whether the last key of a path names something that is never shown. */
export function isSecretKey(path: readonly (string | number)[]): boolean {
  // Whatever a header is called (X-Api-Key, Cookie), its value may be a credential.
  if (path.slice(0, -1).includes('headers')) return true;
  const last = path.filter((part) => typeof part === 'string').at(-1);
  // The address of a chat's webhook is all it takes to write there.
  if (path[0] === 'alerts' && last === 'url') return true;
  return last !== undefined && SECRET_KEY.test(last);
}

/** A URL (or what was meant as one) without user, password and secret parameters. */
export function maskUrl(text: string): string {
  // Up to the last @: a password may itself hold @ or / where somebody forgot to encode it.
  return text.replace(/^([a-z][a-z0-9+.-]*:\/*)?[^\n]*@/i, '$1***@').replace(SECRET_PARAMETER, '$1***');
}

/** As written in the file, with the defaults of `${NAME:-default}` left out: a default may be a secret too. */
function withoutDefaults(written: string): string {
  return written.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*):-[^}]*\}/g, '${$1:-…}');
}

/**
 * What was found, in words that may be printed: a value that came from the environment or a file appears as it
 * is written in the configuration file, one under a secret's key not at all.
 */
export function showFound(
  value: unknown,
  path: readonly (string | number)[],
  written: string | undefined,
): string {
  const secret = isSecretKey(path);
  if (written !== undefined) {
    // Only the placeholders of a secret: the text between them may be a part of it.
    const text = secret
      ? (withoutDefaults(written).match(/\$\{[^}]*\}/g) ?? []).join('…')
      : maskUrl(withoutDefaults(written));
    return value === '' || value === undefined || value === null ? `${cut(text)} (empty)` : cut(text);
  }
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (secret) return 'a value that is not shown';
  if (typeof value === 'string') {
    const shown = path.some((part) => /url/i.test(String(part))) || value.includes('://') ? maskUrl(value) : value;
    return cut(JSON.stringify(shown));
  }
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return `a value of type ${typeof value}`;
}

function cut(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}
