import { parseArgs } from 'node:util';
import { parseDuration } from './duration.js';
import { PLATFORMS, platformNamed, type PlatformName } from './platforms.js';
import type { BackfillBench } from './backfill.js';
import type { OperateBench } from './operate/operate.js';
import type { OutageBench } from './operate/outage.js';
import type { Pace } from './pace.js';

export const USAGE = `npm run bench -- BENCHMARK [options]
  pace   sends at a platform's limit against a server that enforces it; prints the allowed rate, the achieved one, their ratio
    --platform P      ${Object.keys(PLATFORMS).join(', ')} (mailingcore)
    --seconds S       how long rows wait (60)
    --limit N/D       calls in a window (300/60s, 1/1s, 100/10s)
    --gap D           D·engage: one call every D, such as 60s; prints how late each was
    --calls N         so many bulk calls instead of --seconds
    --latency MS      the platform answers so late (50, 0, 400)
    --busy            keeps every core busy meanwhile
  load   loads contacts without a limit, again without and with changes; prints rows a second, CPU and memory
    --platform P      as above
    --rows N,…        (100000,1000000)
    --latency MS,…    (0,50)
    --concurrency N   calls at once (4; D·engage 1)
  backfill   measures incremental runs of one contact, without a backfill and beside one, at a limit the server enforces
    --platform P      as above
    --rows N          contacts the backfill sends (100000)
    --limit N/D       calls in a window, as above
    --runs N          incremental runs of each (20)
  operate   a backfill of MailingCore with scheduled runs beside it, two workers killed in turn, Temporal started again; prints delays, memory, histories
    --rows N          contacts the backfill sends (1000000)
    --limit N/D       calls in a window (50/1s), 100 contacts each
    --every D         a scheduled run each (30s)
    --workers N       worker processes (2)
    --kill-every D    a worker is killed each (60s)
    --gently          it is told to stop instead, and Temporal is left alone: a rolling restart, which may lose no call
    --opted-out N     per cent of the contacts that are (0); each run reads back those sent lately, 500 a call
  outage    takes Temporal away from scheduled runs, then the ledger's Postgres; looks whether all is well afterwards by itself
    --every D         a scheduled run each (20s)
    --workers N       as above
    --temporal D      how long Temporal is away (120s)
    --postgres D      how long Postgres is away (60s)`;

export type Options =
  | { readonly what: 'operate'; readonly operate: OperateBench }
  | { readonly what: 'backfill'; readonly backfill: BackfillBench }
  | { readonly what: 'outage'; readonly outage: OutageBench }
  | { readonly what: 'pace'; readonly pace: Pace }
  | { readonly what: 'load'; readonly platform: PlatformName; readonly rows: readonly number[]; readonly latency: readonly number[]; readonly concurrency: number };

/** Reads the command line; null: nothing was asked for. @throws Error in words a person can act on */
export function readOptions(argv: readonly string[]): Options | null {
  const { values, positionals } = parseArgs({
    args: [...argv], allowPositionals: true,
    options: {
      platform: { type: 'string', default: 'mailingcore' }, rows: { type: 'string' }, latency: { type: 'string' },
      concurrency: { type: 'string' }, seconds: { type: 'string' }, calls: { type: 'string' }, gap: { type: 'string' }, runs: { type: 'string', default: '20' }, limit: { type: 'string' }, every: { type: 'string' }, temporal: { type: 'string', default: '120s' }, postgres: { type: 'string', default: '60s' }, 'kill-every': { type: 'string', default: '60s' }, workers: { type: 'string', default: '2' }, 'opted-out': { type: 'string', default: '0' }, busy: { type: 'boolean', default: false }, gently: { type: 'boolean', default: false },
    },
  });
  const [what] = positionals;
  if (what === undefined) return null;
  const platform = platformNamed(values.platform);
  const usual = PLATFORMS[platform];
  const concurrency = number('--concurrency', values.concurrency ?? String(usual.concurrency));
  if (what === 'load') {
    const list = (name: string, text: string): number[] => text.split(',').map((one) => number(name, one, 0));
    return { what, platform, concurrency, rows: list('--rows', values.rows ?? '100000,1000000'), latency: list('--latency', values.latency ?? '0,50') };
  }
  if (what === 'operate') {
    const operate = {
      rows: number('--rows', values.rows ?? '1000000'), rate: rateOf(values.limit ?? '50/1s'), concurrency,
      everyMs: parseDuration('--every', values.every ?? '30s'), workers: number('--workers', values.workers), killEveryMs: parseDuration('--kill-every', values['kill-every']), gently: values.gently, optedOut: number('--opted-out', values['opted-out'], 0),
    };
    return { what, operate };
  }
  if (what === 'outage') {
    const outage = {
      rate: rateOf(values.limit ?? '50/1s'), concurrency, everyMs: parseDuration('--every', values.every ?? '20s'), workers: number('--workers', values.workers),
      temporalMs: parseDuration('--temporal', values.temporal), postgresMs: parseDuration('--postgres', values.postgres),
    };
    return { what, outage };
  }
  if (what !== 'pace' && what !== 'backfill') throw new Error(`there is no benchmark "${what}": pace, load, backfill, operate, outage`);
  const rate = values.gap !== undefined ? { calls: 1, per: parseDuration('--gap', values.gap) } : values.limit === undefined ? usual.rate : rateOf(values.limit);
  if (what === 'backfill') {
    return { what, backfill: { platform, rate, concurrency, rows: number('--rows', values.rows ?? '100000'), runs: number('--runs', values.runs) } };
  }
  const calls = values.calls === undefined ? Math.ceil((number('--seconds', values.seconds ?? '60') * 1_000 * rate.calls * usual.bulkShare) / rate.per) : number('--calls', values.calls);
  return { what, pace: { platform, rate, calls, concurrency, latency: number('--latency', values.latency ?? String(usual.latency), 0), busy: values.busy } };
}

function rateOf(text: string): { calls: number; per: number } {
  const [calls = '', per = ''] = text.split('/');
  return { calls: number('--limit', calls), per: parseDuration('--limit', per) };
}

function number(name: string, text: string, least = 1): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least) throw new Error(`${name}: expected a whole number from ${least}`);
  return value;
}
