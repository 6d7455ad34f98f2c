/**
 * Where a URL points, without user or password: `Postgres at db.internal:5432, database crm`.
 * @param otherwise what to say of a text that is no URL
 */
export function databaseWords(url: string, otherwise: string): string {
  try {
    const { hostname, port, pathname, searchParams } = new URL(url);
    const host = hostname || searchParams.get('host') || 'localhost';
    return `Postgres at ${host}:${port || searchParams.get('port') || '5432'}, database ${decodeURIComponent(pathname.slice(1)) || '(default)'}`;
  } catch {
    return otherwise;
  }
}

/** Whether an error's code is an SQLSTATE, and not one of Node's (EPIPE is five letters, too). */
export function isSqlState(code: string): boolean {
  return /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code);
}

const TLS = /^(ERR_TLS|ERR_SSL|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO|CERT_)/;

/** Whether an error of pg is about encryption: both sides do not agree on it, or the certificate is not trusted. */
export function isTlsTrouble(code: string, message: string): boolean {
  return TLS.test(code) || message.includes('does not support SSL');
}

/** Whether the server asks for a password and the URL has none that works; pg finds out before the server says so. */
export function isPasswordMissing(message: string): boolean {
  return message.startsWith('SASL') || message.includes('client password must be');
}
