import { maskPersonal } from './mask.js';

/** Codes of a connection that never came about: nothing can have been processed. */
const NEVER_CONNECTED: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
]);

/** TLS failures of the handshake, which ends before a byte of the request leaves. */
const HANDSHAKE = /^(?:CERT_|ERR_TLS_CERT|ERR_SSL_WRONG_VERSION|ERR_SSL_TLSV1_ALERT|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_CERT|HOSTNAME_MISMATCH)/;

const SAID: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ENOTFOUND: 'its host name is not known',
  EAI_AGAIN: 'its host name could not be looked up',
  EHOSTUNREACH: 'its host cannot be reached',
  ENETUNREACH: 'its network cannot be reached',
  ETIMEDOUT: 'connecting took too long',
  ECONNRESET: 'the connection was cut before the answer was complete',
  EPIPE: 'the connection was cut while sending',
  ERR_CANCELED: 'no complete answer before the deadline',
};

/** What went wrong with a call that has no complete answer, in words. */
export function wordsOfError(error: unknown): string {
  const code = codesOf(error)[0] ?? 'unknown error';
  return maskPersonal(SAID[code] ?? code);
}

/**
 * Whether the request certainly never left (pure). A reset of a kept-alive connection may have come before the request
 * was read, but nothing shows it.
 */
export function neverSent(error: unknown): boolean {
  const codes = codesOf(error);
  if (codes.length === 0) return false;
  if (codes.some((code) => code === 'ECONNRESET' || code === 'EPIPE' || code === 'ERR_CANCELED')) return false;
  if (codes.some((code) => NEVER_CONNECTED.has(code) || HANDSHAKE.test(code))) return true;
  return codes.includes('ETIMEDOUT') && failedToConnect(error);
}

/** The codes of an error and of its causes, outermost first. Bounded, for causes can be circular. */
function codesOf(error: unknown): string[] {
  const codes: string[] = [];
  let at: unknown = error;
  for (let depth = 0; depth < 5 && typeof at === 'object' && at !== null; depth++) {
    const { code, cause } = at as { code?: unknown; cause?: unknown };
    if (typeof code === 'string') codes.push(code);
    at = cause;
  }
  return codes;
}

/** Whether it happened in `connect`: of one address, or of every one that was tried. */
function failedToConnect(error: unknown): boolean {
  let at: unknown = error;
  for (let depth = 0; depth < 5 && typeof at === 'object' && at !== null; depth++) {
    const { syscall, errors, cause } = at as { syscall?: unknown; errors?: unknown; cause?: unknown };
    if (syscall === 'connect') return true;
    if (Array.isArray(errors) && errors.length > 0) return errors.every((one) => (one as { syscall?: unknown } | null)?.syscall === 'connect');
    at = cause;
  }
  return false;
}
