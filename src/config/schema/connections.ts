import { block, duration, isGiven, isMapping, text } from './helpers.js';
import type { BrokenRule } from './registry.js';
import { absolute, encryptionKey, hostAndPort, postgresUrl, prefix } from './values.js';
import type { RetentionConfig, TemporalConfig } from '../types.js';
import { z } from 'zod';

export const database = block({ url: postgresUrl() });

/** Payloads of rejected rows. Ninety days: long enough to be mended and tried again. */
const RETENTION = { rejected: 90 * 86_400_000 } as const;
export const retention = block({ rejected: duration({ min: 3_600_000 }).optional() }, '{rejected: 90d}');

/** Completes what the file says about keeping. */
export function buildRetention(parsed: z.output<typeof retention> | undefined): RetentionConfig {
  return { rejected: parsed?.rejected ?? RETENTION.rejected };
}

const file = text('the path of a file').optional();

export const temporal = block({
  address: hostAndPort().optional(),
  namespace: text('a namespace').default('default'),
  taskQueue: text('the name of a task queue').default('syncline'),
  prefix: prefix().optional(),
  apiKey: text('an API key').optional(),
  encryptionKey: encryptionKey().optional(),
  encryptionKeys: z.array(encryptionKey(), { error: 'a list of keys' }).optional(),
  tls: block({ certFile: file, keyFile: file, caFile: file }).optional(),
});

/** A certificate is of no use without its key, nor a key without its certificate. */
export function temporalRules(raw: unknown): BrokenRule[] {
  const tls = isMapping(raw) ? raw['tls'] : undefined;
  if (!isMapping(tls) || isGiven(tls, 'certFile') === isGiven(tls, 'keyFile')) return [];
  return [{ at: ['tls'], found: 'only one of certFile and keyFile', expected: 'both or neither' }];
}

/** Completes what the file says about Temporal; the paths become absolute. */
export function buildTemporal(parsed: z.output<typeof temporal> | undefined, directory: string): TemporalConfig {
  const { address = null, namespace = 'default', taskQueue = 'syncline', prefix, apiKey, encryptionKey: key, encryptionKeys: keys, tls } = parsed ?? {};
  const place = (path: string | undefined): string | undefined => (path === undefined ? undefined : absolute(directory, path));
  return {
    address,
    namespace,
    // Of two installations that are kept apart by their prefix alone, neither must take the other's work.
    taskQueue: prefix === undefined ? taskQueue : `${prefix}/${taskQueue}`,
    ...(prefix === undefined ? {} : { prefix }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(key === undefined ? {} : { encryptionKey: key }),
    ...(keys === undefined ? {} : { encryptionKeys: keys }),
    ...(tls === undefined ? {} : { tls: { certFile: place(tls.certFile), keyFile: place(tls.keyFile), caFile: place(tls.caFile) } }),
  };
}
