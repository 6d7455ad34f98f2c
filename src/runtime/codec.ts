import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { DataConverter, Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import type { TemporalConfig } from '../config/index.js';
import { failureConverterPath } from './bundle.js';
import { RuntimeError } from './errors.js';

const { Payload: PayloadMessage } = proto.temporal.api.common.v1;

const ENCODING = 'binary/encrypted';
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Names a key without telling it. */
function nameOf(key: Buffer): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 12);
}

/** A key of 32 bytes, in hexadecimal or base64. */
function keyOf(text: string): Buffer {
  return Buffer.from(text, /^[0-9a-f]{64}$/i.test(text) ? 'hex' : 'base64');
}

/**
 * Encrypts what Temporal stores: inputs, results, heartbeats, memos, summaries, failures. What was written without a key,
 * or under an older one that is still named, is read.
 */
export class Codec implements PayloadCodec {
  private readonly keys: ReadonlyMap<string, Buffer>;
  private readonly own: { readonly name: string; readonly key: Buffer } | undefined;

  constructor({ encryptionKey, encryptionKeys = [] }: Pick<TemporalConfig, 'encryptionKey' | 'encryptionKeys'>) {
    const key = encryptionKey === undefined ? undefined : keyOf(encryptionKey);
    this.own = key && { name: nameOf(key), key };
    this.keys = new Map([...(key ? [key] : []), ...encryptionKeys.map(keyOf)].map((one) => [nameOf(one), one]));
  }

  encode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.resolve(payloads.map((payload) => this.encrypted(payload)));
  }

  /** @throws RuntimeError where a payload is encrypted with a key that is not at hand, or was tampered with */
  decode(payloads: Payload[]): Promise<Payload[]> {
    return new Promise((resolve) => { resolve(payloads.map((payload) => this.plain(payload))); });
  }

  private encrypted(payload: Payload): Payload {
    if (this.own === undefined) return payload;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.own.key, nonce);
    const sealed = [cipher.update(PayloadMessage.encode(payload).finish()), cipher.final()];
    return {
      metadata: { encoding: Buffer.from(ENCODING), 'encryption-key-id': Buffer.from(this.own.name) },
      data: Buffer.concat([nonce, ...sealed, cipher.getAuthTag()]),
    };
  }

  private plain(payload: Payload): Payload {
    if (textIn(payload, 'encoding') !== ENCODING) return payload;
    const name = textIn(payload, 'encryption-key-id');
    const key = this.keys.get(name);
    if (key === undefined) {
      throw new RuntimeError('misconfigured', `what Temporal holds is encrypted with the key ${name}, which this configuration does not have`,
        'set temporal.encryptionKey to it, or name it among temporal.encryptionKeys');
    }
    const data = Buffer.from(payload.data ?? []);
    const decipher = createDecipheriv(CIPHER, key, data.subarray(0, NONCE_BYTES));
    decipher.setAuthTag(data.subarray(-TAG_BYTES));
    try {
      return PayloadMessage.decode(Buffer.concat([decipher.update(data.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]));
    } catch {
      throw new RuntimeError('failed', `what Temporal holds under the key ${name} was not written with it, or was changed since`);
    }
  }
}

const textIn = ({ metadata }: Payload, name: string): string => Buffer.from(metadata?.[name] ?? []).toString();

/** How client and worker write and read what Temporal stores. Without a key only what is encrypted is told from what is not. */
export function dataConverterOf(config: Pick<TemporalConfig, 'encryptionKey' | 'encryptionKeys'>): DataConverter {
  return { payloadCodecs: [new Codec(config)], failureConverterPath: failureConverterPath(config.encryptionKey !== undefined) };
}
