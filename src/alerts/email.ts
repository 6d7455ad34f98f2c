import type { EmailChannelConfig } from '../config/index.js';
import { maskPersonal } from '../http/index.js';
import { textOf, type Message } from './message.js';
import type { Told } from './webhook.js';

/** Between two bytes of a server. Milliseconds; `signal` bounds the whole. */
const SILENT_MS = 8_000;

/** Mails a message. Never throws. Credentials are given to a server only over TLS, unless it is on this machine. */
export async function mailMessage({ host, port, secure, user, password, from, to }: EmailChannelConfig, message: Message, signal: AbortSignal): Promise<Told> {
  const { createTransport } = await import('nodemailer');
  const local = host === 'localhost' || host === '::1' || host.startsWith('127.');
  const transport = createTransport({
    host, port, secure, requireTLS: !secure && user !== undefined && !local, ignoreTLS: local && !secure,
    ...(user === undefined ? {} : { auth: { user, pass: password ?? '' } }),
    connectionTimeout: SILENT_MS, greetingTimeout: SILENT_MS, socketTimeout: SILENT_MS, disableFileAccess: true, disableUrlAccess: true,
  });
  let cut: () => void = () => undefined;
  const late = new Promise<never>((_resolve, reject) => {
    cut = () => { reject(new Error('no complete answer before the deadline')); };
    signal.addEventListener('abort', cut, { once: true });
    if (signal.aborted) cut();
  });
  try {
    const sending = transport.sendMail({
      from, to: [...to], subject: `[syncline] ${message.title}`, text: `${textOf(message)}\n`, messageId: `<${message.id}@syncline>`,
      headers: { 'X-Syncline-Id': message.id, 'Auto-Submitted': 'auto-generated' },
    });
    sending.catch(() => undefined);
    const { response } = (await Promise.race([sending, late])) as { response?: string };
    return { ok: true, words: maskPersonal(response ?? 'accepted') };
  } catch (error) {
    return { ok: false, words: `${host}: ${maskPersonal(error instanceof Error ? error.message : 'unknown error')}` };
  } finally {
    signal.removeEventListener('abort', cut);
    transport.close();
  }
}
