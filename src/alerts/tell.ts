import { randomUUID } from 'node:crypto';
import type { AlertChannelConfig } from '../config/index.js';
import { withDeadline } from '../http/index.js';
import { noteTold, takeMessage, type Pool } from '../ledger/index.js';
import { mailMessage } from './email.js';
import { messageOf, testMessage, type Message } from './message.js';
import { postMessage, type Told } from './webhook.js';

/** A receiver that takes longer is told again later. Milliseconds. */
const DEADLINE_MS = 10_000;
/** Whoever took a message has so long to tell it: then it is anybody's again. Milliseconds. */
const TAKEN_MS = 60_000;
const FIRST_AGAIN_MS = 15_000;
const LONGEST_AGAIN_MS = 900_000;

/** Tells a channel something. Never throws, and never takes longer than its deadline. */
export function tell(channel: AlertChannelConfig, message: Message, signal: AbortSignal): Promise<Told> {
  return withDeadline(signal, DEADLINE_MS, (bounded) => (channel.type === 'webhook' ? postMessage(channel, message, bounded) : mailMessage(channel, message, bounded)));
}

/**
 * Tells each channel what is due, side by side: one that is down or slow holds up none of the others. Several workers
 * may do this at once.
 */
export async function tellDue(pool: Pool, channels: readonly AlertChannelConfig[], signal: AbortSignal, random: () => number = Math.random): Promise<void> {
  await Promise.all(channels.map((channel) => tellChannel(pool, channel, signal, random)));
}

async function tellChannel(pool: Pool, channel: AlertChannelConfig, signal: AbortSignal, random: () => number): Promise<void> {
  while (!signal.aborted) {
    const taken = await takeMessage(pool, channel.name, TAKEN_MS);
    if (taken === undefined) return;
    const { ok, words } = await tell(channel, messageOf(taken), signal);
    await noteTold(pool, taken, ok ? null : words, ok ? 0 : againMs(taken.attempts, random));
    // What else is due would fare no better just now.
    if (!ok) return;
  }
}

/** Milliseconds until a message that could not be told is tried again, longer and longer, with jitter. Pure. */
export function againMs(attempts: number, random: () => number): number {
  return Math.min(FIRST_AGAIN_MS * 2 ** Math.min(attempts - 1, 10), LONGEST_AGAIN_MS) * (0.75 + random() / 2);
}

/** How a test of a channel went. */
export interface ChannelTest extends Told {
  readonly channel: string;
  readonly type: AlertChannelConfig['type'];
}

/** Sends a test message to each channel, at once. */
export function testChannels(channels: readonly AlertChannelConfig[], signal: AbortSignal): Promise<readonly ChannelTest[]> {
  return Promise.all(channels.map(async (channel) => ({
    channel: channel.name, type: channel.type, ...(await tell(channel, testMessage(randomUUID(), new Date().toISOString()), signal)),
  })));
}
