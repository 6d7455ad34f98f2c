import type { DestinationConfig } from '../config/index.js';
import { CONSENT, createDestination } from '../destinations/index.js';

export type Channel = 'email' | 'sms';

/** A contact with everything a destination can ask for. */
const ANYBODY = { key: '1', email: 'a@example.com', phone: '+4791234567', emailConsent: 'granted', smsConsent: 'granted' } as const;

/** Whether a destination is told of consent for this channel at all: it is asked what it makes of a contact. Connects to nothing. */
export async function takesConsent(config: DestinationConfig, channel: Channel): Promise<boolean> {
  const destination = createDestination(config);
  const prepared = destination.prepare(ANYBODY);
  await destination.close();
  return !('invalid' in prepared) && (channel === 'email' ? prepared.emailConsent : prepared.smsConsent) !== CONSENT.unmapped;
}
