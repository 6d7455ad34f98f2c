import { z } from 'zod';
import type { AlertChannelConfig, AlertEvent, AlertsConfig } from '../types.js';
import { block, choose, count, duration, isMapping, oneOf, oneOrMore, refuse, share, text, textThat } from './helpers.js';
import { isHttpUrl, isName, NAME_WORDS } from './values.js';

const ALERT_EVENTS = ['laneBlocked', 'lanePaused', 'runFailed', 'runHeld', 'runLate', 'gateFailed', 'rejects', 'schedulePaused', 'optOutWaits'] as const satisfies readonly AlertEvent[];

const on = z.array(oneOf(...ALERT_EVENTS), { error: `a list of ${ALERT_EVENTS.join(', ')}` }).min(1, { error: `a list of ${ALERT_EVENTS.join(', ')}` }).default([...ALERT_EVENTS]);
const address = (): ReturnType<typeof textThat> => textThat((value) => /^[^\s@]+@[^\s@]+$/.test(value) || /^[^<>\n]+<[^\s@<>]+@[^\s@<>]+>$/.test(value), 'an e-mail address');

const webhook = block({
  // One of another type is none of either.
  type: oneOf('webhook', 'email').pipe(z.literal('webhook')),
  url: textThat(isHttpUrl, 'a URL such as https://ops.example/alerts'),
  headers: z.record(z.string(), z.string({ error: 'text' }), { error: 'a mapping of header: value' }).default({}),
  secret: text('a secret').optional(),
  format: oneOf('json', 'text').default('json'),
  on,
});

const email = block({
  type: oneOf('email'),
  host: text('the name of an SMTP server'),
  port: count(1, 65_535).default(587),
  secure: z.boolean({ error: 'true or false' }).default(false),
  user: text('a user name').optional(),
  password: text('a password').optional(),
  from: address(),
  to: oneOrMore(address(), 'an e-mail address or a list of them'),
  on,
}).refine(({ user, password }) => (user === undefined) === (password === undefined), { error: 'both user and password, or neither', path: ['password'] });

const CHANNEL_WORDS = 'a mapping with type: webhook, email';
const channel = choose((value): z.ZodType<AlertChannelConfig> => {
  if (!isMapping(value)) return refuse(CHANNEL_WORDS);
  if (value['type'] === 'email') return email as unknown as z.ZodType<AlertChannelConfig>;
  return webhook as unknown as z.ZodType<AlertChannelConfig>;
});

export const alerts = block({
  channels: z.record(z.string().refine(isName, { error: NAME_WORDS }), channel, { error: 'a mapping of name: channel' }),
  late: count(1, 1000).default(3),
  rejects: block({ above: share().default(0.05), least: count(1).default(20) }, '{above: 5%, least: 20}').prefault({}),
  optOuts: block({ older: duration({ min: 60_000 }).default(3_600_000) }, '{older: 1h}').prefault({}),
  quiet: duration().default(300_000),
});

/** Completes what the file says about alerts. */
export function buildAlerts(parsed: z.output<typeof alerts> | undefined): AlertsConfig | null {
  if (parsed === undefined) return null;
  const { channels, ...rest } = parsed;
  return { ...rest, channels: Object.entries(channels).map(([name, settings]) => ({ ...settings, name })) };
}
