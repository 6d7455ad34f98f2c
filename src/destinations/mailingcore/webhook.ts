import { createHmac, timingSafeEqual } from 'node:crypto';
import { parsed } from '../../http/index.js';
import type { OptOut, WebhookCall, WebhookNews } from '../contract.js';
import { isObject, textOf } from './page.js';
import type { MatchBy } from './mapping.js';
import { atOf, whoOf } from './opt-outs.js';

/** doc: a webhook whose time is further from ours is a replay, or two clocks apart. Milliseconds. */
const TOLERANCE = 5 * 60_000;
/** doc: one v1 a secret; more than a rotation has are not looked at. */
const MOST_SIGNATURES = 10;

/**
 * doc: `contact.unsubscribed`. unknown: what else there is, so names that can only mean that a contact is not to be
 * written to are read, and any other type tells of nobody.
 */
const ACTS: readonly (readonly [RegExp, string])[] = [
  [/^contact[._](?:unsubscribed?|opted[._-]?out)$/i, 'unsubscribed'],
  [/^contact[._](?:complained|complaint|spam[._-]?complaint|marked[._-]?as[._-]?spam)$/i, 'complained'],
  [/^contact[._](?:hard[._-]?)?bounced?$/i, 'bounced'],
  [/^(?:contact[._]suppressed|suppression[._](?:created|added))$/i, 'suppressed'],
];

/** A bounce that passes by itself is no opt-out. */
const PASSING = /soft|transient|temporary|deferred/i;

export interface Signed {
  readonly secret: string;
  readonly tenantId: string;
  readonly matchBy: MatchBy;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Reads a webhook (doc: `X-MailingCore-Signature: t=<unix>,v1=<hex HMAC-SHA256(secret, t + "." + raw body)>`,
 * `X-MailingCore-Delivery-Id`). Never throws.
 * @returns null where it is not genuine, too old, or another tenant's
 */
export function readWebhook({ headers, body }: WebhookCall, { secret, tenantId, matchBy, now }: Signed): WebhookNews | null {
  if (!isSigned(headers['x-mailingcore-signature'] ?? '', body, secret, now())) return null;
  const event = parsed(body.toString('utf8'));
  const told = isObject(event) ? event : {};
  if (told['tenantId'] !== undefined && told['tenantId'] !== tenantId) return null;
  const delivery = textOf(headers['x-mailingcore-delivery-id']) ?? textOf(told['id']);
  const optOut = optOutOf(told, matchBy, now());
  return { kind: 'optOuts', delivery, optOuts: optOut === null ? [] : [optOut] };
}

function isSigned(header: string, body: Buffer, secret: string, now: number): boolean {
  const parts = header.split(',').map((part) => part.trim());
  const time = parts.find((part) => part.startsWith('t='))?.slice(2) ?? '';
  if (!/^\d{1,12}$/.test(time) || Math.abs(Number(time) * 1000 - now) > TOLERANCE) return false;
  const expected = createHmac('sha256', secret).update(`${time}.`).update(body).digest();
  const given = parts.filter((part) => /^v1=[0-9a-f]{64}$/i.test(part)).slice(0, MOST_SIGNATURES);
  return given.map((part) => timingSafeEqual(Buffer.from(part.slice(3), 'hex'), expected)).includes(true);
}

function optOutOf(event: Readonly<Record<string, unknown>>, matchBy: MatchBy, now: number): OptOut | null {
  const type = textOf(event['type']) ?? '';
  const reason = ACTS.find(([names]) => names.test(type))?.[1];
  const data = isObject(event['data']) ? event['data'] : {};
  if (reason === undefined || (reason === 'bounced' && passes(data))) return null;
  const at = atOf(now, data['unsubscribedAt'], event['createdAt']);
  return whoOf([data, isObject(data['contact']) ? data['contact'] : {}], matchBy, { at, evidence: 'act', reason });
}

function passes(data: Readonly<Record<string, unknown>>): boolean {
  return ['bounceType', 'bounce', 'type', 'reason', 'classification'].some((name) => typeof data[name] === 'string' && PASSING.test(data[name]));
}
