import type { AlertEvent } from '../config/index.js';
import type { AlertMessage } from '../ledger/index.js';

/** What a channel is told, whatever it is. Ids, counts and reasons: no contact's data, no secret. */
export interface Message {
  /** The same at every try: whoever hears it twice knows it by this. */
  readonly id: string;
  readonly state: 'open' | 'resolved' | 'test';
  readonly event: AlertEvent | 'test';
  /** An account, a sync, a destination. */
  readonly subject: string;
  /** A line. */
  readonly title: string;
  readonly reason: string;
  /** What to do about it; null: nothing. */
  readonly command: string | null;
  readonly openedAt: string;
  readonly resolvedAt: string | null;
}

const WHAT: Readonly<Record<AlertEvent, (subject: string) => string>> = {
  laneBlocked: (account) => `the lane ${account} is blocked`,
  lanePaused: (account) => `the lane ${account} is paused`,
  runFailed: (sync) => `a run of ${sync} failed`,
  runHeld: (sync) => `a run of ${sync} stopped and asks`,
  runLate: (sync) => `${sync} is late`,
  gateFailed: (sync) => `the verification of ${sync} failed`,
  rejects: (sync) => `many rows of ${sync} were refused`,
  schedulePaused: (sync) => `the schedule of ${sync} is paused`,
  optOutWaits: (destination) => `opt-outs wait for ${destination}`,
};

/** The message of an alert. Pure. */
export function messageOf({ id, state, event, subject, reason, command, openedAt, resolvedAt }: AlertMessage): Message {
  const what = WHAT[event](subject);
  return { id, state, event, subject, title: state === 'open' ? what : `over: ${what}`, reason, command: state === 'open' ? command : null, openedAt, resolvedAt };
}

/** The message that tries a channel. */
export function testMessage(id: string, at: string): Message {
  return {
    id, state: 'test', event: 'test', subject: 'test', title: 'a test of this channel', reason: 'Somebody asked for it by syncline alerts test: nothing is wrong.',
    command: null, openedAt: at, resolvedAt: null,
  };
}

/** The message as text, for people. */
export function textOf({ title, reason, command, openedAt, resolvedAt, state }: Message): string {
  const since = state === 'resolved' && resolvedAt !== null ? `from ${openedAt} to ${resolvedAt}` : state === 'open' ? `since ${openedAt}` : openedAt;
  return [`Syncline: ${title}`, ...(state === 'resolved' ? [] : [reason]), since, ...(command === null ? [] : [`What to do: ${command}`])].join('\n');
}
