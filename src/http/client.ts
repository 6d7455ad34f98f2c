import axios from 'axios';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { VERSION } from './version.js';

/** An answer as it came, whatever its status. */
export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Calls one base URL. */
export interface HttpClient {
  /** Where it is, for messages: `api.mailingcore.com`, `127.0.0.1:8025`. */
  readonly host: string;
  /**
   * One HTTP call; `signal` bounds it from its start to the last byte (a time-out of axios alone does not bound a slow
   * answer). Rejects only where there is no complete answer: see `outcomeOfError`.
   */
  request(method: 'GET' | 'POST' | 'DELETE', path: string, body: string | null, signal: AbortSignal, headers?: Readonly<Record<string, string>>): Promise<HttpAnswer>;
  /** Ends idle connections. */
  close(): void;
}

/** The largest answer read: far above 1,000 failed rows or 500 contacts, far below what hurts. */
const MAX_ANSWER = 32 * 1024 * 1024;
/**
 * Idle connections are given up after this many milliseconds, before a server's usual five seconds do it: a call sent
 * into a connection that is just being closed is cut, and its outcome unknown for no reason.
 */
const IDLE = 4000;

/**
 * A client for one base URL, with kept-alive connections.
 * @param config.headers go with every call; a call's own headers beside them (a token that changes)
 */
export function createClient(config: { readonly baseUrl: string; readonly headers?: Readonly<Record<string, string>> }): HttpClient {
  const agentOptions = { keepAlive: true, timeout: IDLE };
  const httpAgent = new HttpAgent(agentOptions);
  const httpsAgent = new HttpsAgent(agentOptions);
  const http = axios.create({
    httpAgent,
    httpsAgent,
    adapter: 'http',
    // A redirect of a POST would be followed as a GET: it is a wrong baseUrl, and said so.
    maxRedirects: 0,
    decompress: true,
    validateStatus: () => true,
    responseType: 'text',
    maxContentLength: MAX_ANSWER,
    maxBodyLength: Infinity,
    // Bodies go out and come in as they are: no parsing, no second stringifying.
    transformRequest: [(data: unknown) => data],
    transformResponse: [(data: unknown) => data],
    ...(isLoopback(config.baseUrl) && { proxy: false as const }),
    headers: {
      ...config.headers,
      Accept: 'application/json',
      'User-Agent': `syncline/${VERSION}`,
    },
  });
  return {
    host: new URL(config.baseUrl).host,
    async request(method, path, body, signal, more) {
      const response = await http.request<string>({
        method,
        url: config.baseUrl + path,
        signal,
        headers: { ...(body !== null && { 'Content-Type': 'application/json' }), ...more },
        ...(body !== null && { data: Buffer.from(body) }),
      });
      const headers: Record<string, string> = {};
      for (const [name, value] of Object.entries(response.headers)) headers[name.toLowerCase()] = String(value);
      return { status: response.status, headers, body: typeof response.data === 'string' ? response.data : '' };
    },
    close() {
      httpAgent.destroy();
      httpsAgent.destroy();
    },
  };
}

/** A proxy from the environment must not come between us and a local sandbox. */
function isLoopback(baseUrl: string): boolean {
  return /^https?:\/\/(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?=[:/]|$)/i.test(baseUrl);
}
