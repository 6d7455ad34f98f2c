import { createHmac } from 'node:crypto';
import type { WebhookChannelConfig } from '../config/index.js';
import { createClient, maskPersonal, wordsOfError } from '../http/index.js';
import { textOf, type Message } from './message.js';

/** How a receiver answered. `words` are its own or of what went wrong, masked. */
export interface Told {
  readonly ok: boolean;
  readonly words: string;
}

/** The signature of a body: `t=SECONDS,v1=HEX`, the HMAC-SHA256 of `SECONDS.BODY`. */
export function signatureOf(secret: string, seconds: number, body: string): string {
  return `t=${String(seconds)},v1=${createHmac('sha256', secret).update(`${String(seconds)}.${body}`).digest('hex')}`;
}

/** The body of a webhook: all of a message, or what chats show. */
export function bodyOf(format: WebhookChannelConfig['format'], message: Message): string {
  return JSON.stringify(format === 'text' ? { text: textOf(message) } : { ...message, text: textOf(message) });
}

/** Posts a message. Never throws. @param signal bounds it from its start to the last byte */
export async function postMessage({ url, headers, secret, format }: WebhookChannelConfig, message: Message, signal: AbortSignal): Promise<Told> {
  const client = createClient({ baseUrl: url, headers });
  const body = bodyOf(format, message);
  try {
    const { status, body: answer } = await client.request('POST', '', body, signal, {
      'Syncline-Id': message.id,
      ...(secret === undefined ? {} : { 'Syncline-Signature': signatureOf(secret, Math.floor(Date.now() / 1000), body) }),
    });
    const said = maskPersonal(answer).slice(0, 120);
    return { ok: status >= 200 && status < 300, words: `${String(status)}${said === '' ? '' : `: ${said}`}` };
  } catch (error) {
    return { ok: false, words: `${client.host}: ${wordsOfError(error)}` };
  } finally {
    client.close();
  }
}
