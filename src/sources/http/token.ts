import type { HttpSourceConfig } from '../../config/index.js';
import { isRecord } from '../api/index.js';
import { SourceError } from '../contract.js';
import type { Answer } from './call.js';
import type { Request } from './request.js';

export interface AccessToken {
  /** A token that lives, fetched where there is none. */
  current(signal: AbortSignal): Promise<string>;
  /** It was refused: the next call fetches another. */
  drop(): void;
}

/** A token that does not say how long it lives is taken to live so many seconds. */
const LIFE = 3600;
/** Milliseconds before its end that a token is renewed, or a fifth of a shorter life. */
const AHEAD = 60_000;

/** doc: RFC 6749, 4.4 (client credentials) and 2.3.1 (where they stand). */
export function createToken(
  auth: NonNullable<HttpSourceConfig['auth']>,
  source: string,
  now: () => number,
  send: (request: Request, signal: AbortSignal, headers: Record<string, string>) => Promise<Answer>,
): AccessToken {
  let kept: { readonly value: string; readonly until: number } | null = null;

  return {
    async current(signal) {
      if (kept !== null && now() < kept.until) return kept.value;
      const inBody = auth.clientAuth === 'body';
      const form = new URLSearchParams({
        grant_type: 'client_credentials',
        ...(auth.scope === undefined ? {} : { scope: auth.scope }),
        ...(inBody && { client_id: auth.clientId, client_secret: auth.clientSecret }),
      });
      const basic = Buffer.from(`${encodeURIComponent(auth.clientId)}:${encodeURIComponent(auth.clientSecret)}`).toString('base64');
      const asked = now();
      const { body } = await send({ method: 'POST', url: new URL(auth.tokenUrl), body: form.toString() }, signal, {
        'Content-Type': 'application/x-www-form-urlencoded',
        ...(inBody ? {} : { Authorization: `Basic ${basic}` }),
      });
      const value = isRecord(body) ? body['access_token'] : undefined;
      if (typeof value !== 'string' || value === '') {
        throw new SourceError('misconfigured', `source ${source}: the token server ${new URL(auth.tokenUrl).host} answers without access_token`, 'check auth.tokenUrl');
      }
      const life = (Number((body as Record<string, unknown>)['expires_in']) || LIFE) * 1000;
      kept = { value, until: asked + life - Math.min(AHEAD, life / 5) };
      return value;
    },
    drop() {
      kept = null;
    },
  };
}
