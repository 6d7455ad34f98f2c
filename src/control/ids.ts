import type { Orchestrator } from './start.js';

/** The ids of everything we have in Temporal. Whoever needs one asks here: a prefix keeps installations of one namespace apart. */
export interface Ids {
  readonly lane: (account: string) => string;
  readonly sync: (sync: string, run: string) => string;
  readonly backfill: (sync: string, run: string) => string;
  readonly retry: (sync: string, run: string) => string;
  readonly verify: (sync: string, id: string) => string;
  /** Of the runs a Schedule starts: the server appends the time. */
  readonly scheduled: (sync: string) => string;
  readonly schedule: (sync: string) => string;
  /** The sync of a Schedule of this installation; undefined for any other Schedule. */
  readonly syncOfSchedule: (id: string) => string | undefined;
}

const SCHEDULES = 'syncline';

/** The ids of an installation: `sync/crm-newsletter/01J…`, with the prefix `acme` `acme/sync/crm-newsletter/01J…`. */
export function idsOf({ prefix }: Pick<Orchestrator, 'prefix'>): Ids {
  const start = prefix === undefined ? '' : `${prefix}/`;
  const schedules = `${start}${SCHEDULES}/`;
  return {
    lane: (account) => `${start}lane/${account}`,
    sync: (sync, run) => `${start}sync/${sync}/${run}`,
    backfill: (sync, run) => `${start}backfill/${sync}/${run}`,
    retry: (sync, run) => `${start}retry/${sync}/${run}`,
    verify: (sync, id) => `${start}verify/${sync}/${id}`,
    scheduled: (sync) => `${start}sync/${sync}/scheduled`,
    schedule: (sync) => `${schedules}${sync}`,
    syncOfSchedule: (id) => (id.startsWith(schedules) ? id.slice(schedules.length) : undefined),
  };
}
