import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createDestination, type OptOut, type WebhookNews } from '../../../src/destinations/index.js';
import { CONFIG, NOW } from './tenant.js';

const SECRET = 'whsec_hush';
const UNIX = NOW / 1000;
const signed = (body: string, time: number | string = UNIX, secret = SECRET): string => createHmac('sha256', secret).update(`${time}.${body}`).digest('hex');
const EVENT = {
  id: 'evt_1', type: 'contact.unsubscribed', createdAt: '2026-01-15T11:59:00Z', tenantId: 'tenant',
  data: { contactId: 'mcc_7', externalId: 'crm-7', email: 'p7@example.com', unsubscribedAt: '2026-01-15T11:58:00+00:00', source: 'link' },
};
const body = (more: object = {}, data: object = {}): string => JSON.stringify({ ...EVENT, ...more, data: { ...EVENT.data, ...data } });
const told = (text: string, header = `t=${UNIX},v1=${signed(text)}`, more: Partial<typeof CONFIG> & { webhookSecret?: string } = {}, id: Record<string, string> = { 'x-mailingcore-delivery-id': 'dlv_1' }): WebhookNews | null | undefined => {
  const destination = createDestination({ ...CONFIG, webhookSecret: SECRET, ...more }, { now: () => NOW });
  return destination.webhook?.({ query: {}, headers: { 'x-mailingcore-signature': header, ...id }, body: Buffer.from(text) });
};
const optOuts = (news: WebhookNews | null | undefined): readonly OptOut[] | null => (news?.kind === 'optOuts' ? news.optOuts : null);

describe('a webhook of MailingCore', () => {
  it('tells who unsubscribed, when, and by what the delivery is known again', () => {
    expect(told(body())).toEqual({
      kind: 'optOuts', delivery: 'dlv_1',
      optOuts: [{ key: 'crm-7', email: 'p7@example.com', channel: 'email', at: '2026-01-15T11:58:00.000Z', evidence: 'act', reason: 'unsubscribed' }],
    });
    expect(told(body(), undefined, {}, {})).toMatchObject({ delivery: 'evt_1' });
  });

  it('is dated by its own time where the person\'s is not told, and never ahead of us', () => {
    expect(optOuts(told(body({}, { unsubscribedAt: null })))).toMatchObject([{ at: '2026-01-15T11:59:00.000Z' }]);
    expect(optOuts(told(body({}, { unsubscribedAt: '2031-01-01T00:00:00Z' })))).toMatchObject([{ at: new Date(NOW).toISOString() }]);
    expect(optOuts(told(body({ createdAt: 'soon' }, { unsubscribedAt: 0 })))).toMatchObject([{ at: null }]);
  });

  it('is taken with any one of several signatures that is right, as while a secret is exchanged', () => {
    const text = body();
    expect(told(text, `t=${UNIX}, v1=${'0'.repeat(64)}, v1=${signed(text).toUpperCase()}`)).not.toBeNull();
  });

  it.each<[string, string | undefined]>([
    ['no signature', ''],
    ['another secret', `t=${UNIX},v1=${signed(body(), UNIX, 'other')}`],
    ['the signature of another body', `t=${UNIX},v1=${signed(body({ id: 'evt_2' }))}`],
    ['the signature of another time', `t=${UNIX},v1=${signed(body(), UNIX - 1)}`],
    ['a time that is none', `t=x,v1=${signed(body(), 'x')}`],
    ['no time', `v1=${signed(body())}`],
    ['half a signature', `t=${UNIX},v1=${signed(body()).slice(0, 32)}`],
    ['another scheme', `t=${UNIX},v0=${signed(body())}`],
  ])('with %s it is not genuine', (_name, header) => {
    expect(told(body(), header)).toBeNull();
  });

  it('is taken up to five minutes either way, and not a second more', () => {
    const at = (seconds: number): unknown => told(body(), `t=${UNIX + seconds},v1=${signed(body(), UNIX + seconds)}`);
    expect(at(-300)).not.toBeNull();
    expect(at(300)).not.toBeNull();
    expect(at(-301)).toBeNull();
    expect(at(301)).toBeNull();
  });

  it('of another tenant is not ours', () => {
    expect(told(body({ tenantId: 'stranger' }))).toBeNull();
  });

  it.each([
    ['contact.unsubscribed', 'unsubscribed'], ['contact.complained', 'complained'], ['contact.complaint', 'complained'], ['contact.spam_complaint', 'complained'],
    ['contact.bounced', 'bounced'], ['contact.hard_bounced', 'bounced'], ['contact.suppressed', 'suppressed'], ['suppression.created', 'suppressed'],
  ])('%s is an opt-out', (type, reason) => {
    expect(optOuts(told(body({ type })))).toMatchObject([{ reason }]);
  });

  it.each(['contact.updated', 'contact.subscribed', 'contact.resubscribed', 'contact.unsuppressed', 'campaign.sent', 'suppression.deleted', 'not contact.unsubscribed', ''])('%j is genuine and tells of nobody', (type) => {
    expect(optOuts(told(body({ type })))).toEqual([]);
  });

  it('a bounce that passes by itself is no opt-out', () => {
    expect(optOuts(told(body({ type: 'contact.bounced' }, { bounceType: 'soft' })))).toEqual([]);
    expect(optOuts(told(body({ type: 'contact.bounced' }, { bounceType: 'hard' })))).toHaveLength(1);
  });

  it('that names nobody, or is no JSON, is genuine and tells of nobody', () => {
    expect(optOuts(told(body({}, { externalId: null, email: null })))).toEqual([]);
    for (const text of ['', '[]', 'null', '{', '{"type":"contact.unsubscribed","data":7}']) expect(optOuts(told(text))).toEqual([]);
  });

  it('where contacts are matched by e-mail, an externalId that is not ours names nobody beside the address', () => {
    expect(optOuts(told(body(), undefined, { matchBy: 'email' }))).toMatchObject([{ key: null, email: 'p7@example.com' }]);
    expect(optOuts(told(body({}, { externalId: null }), undefined, { matchBy: 'email' }))).toMatchObject([{ key: null, email: 'p7@example.com' }]);
    expect(optOuts(told(body({}, { email: null }), undefined, { matchBy: 'email' }))).toMatchObject([{ key: 'crm-7', email: null }]);
  });

  it('without a secret there are none', () => {
    expect(createDestination(CONFIG).webhook).toBeUndefined();
  });
});
