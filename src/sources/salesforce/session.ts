import type { SalesforceSourceConfig } from '../../config/index.js';
import { createApi, type Api, type Wait } from '../api/index.js';
import { SourceError } from '../contract.js';
import { hintOf, LOGIN_HINT, loginSpentOf, reasonOf, spentOf } from './refusals.js';
import { isLocator } from './soql.js';

export interface Session {
  /** The calls of the org, logged in. @throws SourceError where logging in fails */
  api(signal: AbortSignal): Promise<Api>;
  close(): void;
}

const TOKENS = '/services/oauth2/token';
/** doc: no batch of a query is smaller. */
const SMALLEST = 200;

interface Token {
  readonly value: string;
  /** Where the calls go. */
  readonly instance: string;
}

/**
 * Logs in and keeps the token until it is refused. doc: an answer with a token does not say how long it lives; that is
 * the org's session time-out, renewed by use.
 */
export function createSession(config: SalesforceSourceConfig, options: { readonly gap: number; readonly wait?: Wait }): Session {
  const { name, loginUrl, clientId, clientSecret, refreshToken, timeout, pageSize } = config;
  const common = { platform: 'Salesforce', timeout };
  const login = createApi({ ...common, baseUrl: loginUrl, headers: {}, gap: 0, spent: loginSpentOf, hint: () => LOGIN_HINT }, options.wait);
  let token: Token | null = null;
  let opened: { readonly instance: string; readonly api: Api } | null = null;

  const current = async (signal: AbortSignal): Promise<Token> => {
    if (token !== null) return token;
    const { body } = await login.call('POST', TOKENS, new URLSearchParams({
      ...(refreshToken === undefined ? { grant_type: 'client_credentials' } : { grant_type: 'refresh_token', refresh_token: refreshToken }),
      client_id: clientId,
      ...(clientSecret !== undefined && { client_secret: clientSecret }),
    }), signal);
    const value = body['access_token'];
    if (typeof value !== 'string' || value === '') throw new SourceError('misconfigured', `source ${name}: ${login.place} logs in without an access_token`, LOGIN_HINT);
    token = { value, instance: instanceOf(body['instance_url'], loginUrl) };
    return token;
  };

  return {
    async api(signal) {
      const { instance } = await current(signal);
      if (opened?.instance === instance) return opened.api;
      opened?.api.close();
      const api = createApi(
        {
          ...common,
          baseUrl: instance,
          headers: { 'Sforce-Query-Options': `batchSize=${Math.max(SMALLEST, pageSize)}` },
          gap: options.gap,
          spent: spentOf,
          hint: hintOf,
          reason: reasonOf,
          credentials: {
            headers: async (bound) => ({ Authorization: `Bearer ${(await current(bound)).value}` }),
            // doc: INVALID_SESSION_ID, expired or revoked. A locator may just be that of another session: its page is
            // asked for by a query then, which renews the token where that has ended.
            ended({ status }, path) {
              if (status !== 401 || isLocator(path)) return false;
              token = null;
              return true;
            },
          },
        },
        options.wait,
      );
      opened = { instance, api };
      return api;
    },
    close() {
      login.close();
      opened?.api.close();
      opened = null;
    },
  };
}

/** doc: where the org's calls go. The token is taken nowhere that is less safe than where it came from. */
function instanceOf(told: unknown, loginUrl: string): string {
  if (typeof told !== 'string' || !URL.canParse(told)) return loginUrl;
  const { protocol, origin } = new URL(told);
  return protocol === 'https:' || protocol === new URL(loginUrl).protocol ? origin : loginUrl;
}
