import { pino, type Logger } from 'pino';
import { maskPersonal } from '../http/index.js';
import type { VerificationDocument } from '../ledger/index.js';
import type { Observer } from './observer.js';

/** Locales of a verification that a line tells. */
const MOST_LOCALES = 30;

/** Where a log's lines go. */
export interface Sink {
  write(text: string): unknown;
}

export interface Log {
  /** What a worker does, a line each. */
  readonly observer: Observer;
  /** Something that happened, in words, with its fields. */
  line(level: 'info' | 'warn' | 'error', words: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** A log of JSON lines: level, time, pid, `event`, ids and numbers, and `msg` for people. Words of platforms are masked. */
export function makeLog(sink: Sink, quiet: boolean): Log {
  const logger = pino(
    { level: quiet ? 'warn' : 'info', base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (level) => ({ level }) } },
    { write: (text: string) => { sink.write(text); } },
  );
  return {
    observer: observing(logger),
    line: (level, words, fields = {}) => {
      const { reason } = fields;
      // A lane's reason can be the words of a platform.
      if (typeof reason !== 'string') logger[level](fields, words);
      else logger[level]({ ...fields, reason: maskPersonal(reason) }, words.replace(reason, () => maskPersonal(reason)));
    },
  };
}

function observing(logger: Logger): Observer {
  return {
    runOpened: ({ run, sync, kind, workflowId }) => { logger.info({ event: 'run_opened', run, sync, kind, workflowId }, `run ${run} of ${sync} (${kind}): running`); },
    runEnded: ({ run, sync, kind, workflowId, status, counts, startedAt, endedAt }) => {
      const seconds = ((endedAt === null ? Date.now() : Date.parse(endedAt)) - Date.parse(startedAt)) / 1000;
      logger[status === 'failed' ? 'error' : 'info'](
        { event: endedAt === null ? 'run_left_delivering' : 'run_closed', run, sync, kind, workflowId, status, seconds, counts }, `run ${run} of ${sync} (${kind}): ${status.replaceAll('_', ' ')}`);
    },
    called: ({ account, destination, kind, batch, rows, outcome, httpStatus, runs, tookMs }) => {
      logger.info(
        { event: kind === 'send' ? 'call' : 'poll', batch, runs, account, destination, rows, outcome, httpStatus, ms: Math.round(tookMs) },
        `${kind === 'send' ? 'call' : 'question for the result'} of batch ${batch} to ${destination}: ${outcome}`);
    },
    asked: () => undefined,
    paced: () => undefined,
    abandoned: (account, calls) => { logger.warn({ event: 'calls_abandoned', account, calls }, `${calls} calls to ${account} were left by a worker that died: their outcome is unknown`); },
    read: ({ run, sync, activity, pages, tookMs, error }) => {
      const sum = (name: 'queued'): number => pages.reduce((total, page) => total + page[name], 0);
      logger.info(
        { event: 'read', run, sync, workflowId: activity.workflowId, attempt: activity.attempt, pages: pages.length, extracted: pages.at(-1)?.extracted ?? 0, queued: sum('queued'), ms: Math.round(tookMs), ...(error !== null && { error }) },
        `read ${pages.length} pages of ${sync}`);
    },
    verified: ({ sync, run, activity, document, tookMs, error }) => {
      logger[document?.verdict === 'pass' ? 'info' : 'warn'](
        { event: 'verification', run, sync, workflowId: activity.workflowId, ms: Math.round(tookMs), ...(document === null ? { error } : verdictOf(document)) },
        `verification of ${sync}: ${document?.verdict ?? 'not carried out'}`);
    },
    troubled: ({ run, sync, step, reason }) => { logger.warn({ event: 'trouble', run, sync, step, reason: maskPersonal(reason) }, `run ${run} of ${sync} waits: ${maskPersonal(reason)}`); },
  };
}

function verdictOf({ verdict, method, against, locales, foreign }: VerificationDocument): Record<string, unknown> {
  return {
    verdict, method, against, foreign,
    locales: locales.slice(0, MOST_LOCALES).map(({ locale, expected, found, missing, unexpected, pass }) => ({ locale, expected, found, missing, unexpected, pass })),
  };
}
