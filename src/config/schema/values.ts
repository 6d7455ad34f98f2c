import { isSupportedCountry } from 'libphonenumber-js/min';
import { resolve } from 'node:path';
import { text, textThat } from './helpers.js';

/** Ten minutes: the longest a single call or a pause before one may take. */
export const LONGEST_CALL = 600_000;

/** A column of a table or a file. */
export function column() {
  return text('the name of a column');
}

/** A Postgres URL. A password with special characters has to be percent-encoded to be one. */
export function postgresUrl() {
  return textThat(
    (value) => /^postgres(ql)?:\/\//.test(value) && URL.canParse(value),
    'a URL such as postgres://user:password@host:5432/database',
  );
}

/** Whether a text is an http(s) URL with a host of its own: `http:///path` is read as one with the host `path`. */
export const isHttpUrl = (value: string): boolean => /^https?:\/\/[^/?#]/i.test(value) && URL.canParse(value);

/** An http(s) URL without credentials or parameters; given back without its trailing slash. */
export function baseUrl(example: string) {
  const usable = (value: string): boolean => {
    if (!isHttpUrl(value)) return false;
    const url = new URL(value);
    return url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  };
  return textThat(usable, `a URL such as ${example}, without credentials or parameters`).transform((value) => value.replace(/\/+$/, ''));
}

/** `host:port`, also `[::1]:port`. */
export function hostAndPort() {
  const usable = (value: string): boolean => {
    const port = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})$/.exec(value)?.[1];
    return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
  };
  return textThat(usable, 'host:port, such as temporal.internal:7233');
}

/** 32 bytes as text. */
export function encryptionKey() {
  return textThat((value) => /^([0-9a-f]{64}|[A-Za-z0-9+/]{43}=)$/i.test(value), '32 bytes in hexadecimal or base64, such as openssl rand -base64 32 makes');
}

/** With these our ids begin anyway: as a prefix they could be taken for others. */
const TAKEN = ['sync', 'backfill', 'lane', 'verify', 'retry', 'syncline'];

/** What ids in a shared namespace begin with. */
export function prefix() {
  return textThat(
    (value) => /^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/.test(value) && !TAKEN.includes(value),
    `letters, digits, dashes and underscores that begin with a letter or digit, at most 40, and none of ${TAKEN.join(', ')}`,
  );
}

/** ISO 3166 alpha-2, of those whose phone numbers are known. */
export function country() {
  return textThat((value) => /^[A-Z]{2}$/.test(value) && isSupportedCountry(value), 'a country code of two capital letters (ISO 3166), such as US');
}

/** An IANA time zone as a Temporal server takes it: no bare offsets, and spelt with its capitals. */
export function timeZone() {
  const usable = (value: string): boolean => {
    if (!/^[A-Z]/.test(value)) return false;
    try {
      return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone !== '';
    } catch {
      return false;
    }
  };
  return textThat(usable, 'a time zone such as Europe/Paris or UTC');
}

/** Names become parts of workflow ids, file names and command lines. */
export const NAME_WORDS = 'a name of letters, digits, dashes, underscores and dots that begins with a letter or digit, at most 100';

export function isName(value: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(value);
}

/** An account's name: like a name, and colons, as in the names that are derived. */
export function account() {
  return textThat((value) => /^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/.test(value), `${NAME_WORDS}; colons are allowed too`);
}

/** A path of a file, absolute or relative to the folder of the configuration file; given back absolute. */
export function absolute(directory: string, path: string): string {
  return resolve(directory, path);
}
