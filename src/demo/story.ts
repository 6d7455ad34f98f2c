import { audit, listFailures, type RunDocument, type RunPulse } from '../ledger/index.js';
import { CALLS_A_SECOND, SYNC } from './config-file.js';
import { compareStates } from './expected.js';
import { BURST, costOf, makeTrouble, platformFaults, type Cost } from './faults.js';
import { runAll } from './follow.js';
import { MAILINGCORE } from './forms.js';
import { grouped } from './numbers.js';
import { createDengage, createMainBrainer, type OtherRun } from './others.js';
import { chooseChanges, chooseSpoilt, type Changes, type Spoilt } from './plan.js';
import { audienceIsRight, booksBalance, proof, runEnded, sameKeys, statesAgree, type Proof } from './proofs.js';
import type { DemoWorld } from './world.js';

/** One step of the demo: a run into each platform at once, with what was checked about them. */
export interface Step {
  readonly name: 'first load' | 'a day later' | 'nothing new';
  /** What happened before and during it, in words. */
  readonly told: string;
  /** Into MailingCore, and what it cost. */
  readonly run: RunDocument;
  readonly cost: Cost;
  /** At the same time from the same table: into D·engage and MainBrainer. */
  readonly others: readonly OtherRun[];
  /** MailingCore's first. */
  readonly proofs: readonly Proof[];
}

export interface StoryOptions {
  readonly world: DemoWorld;
  /** Called several times a second while a run goes on. */
  readonly onPulse: (pulse: RunPulse) => void;
  readonly signal: AbortSignal;
  /** Called before a step. */
  readonly begin: (name: Step['name'], told: string) => void;
}

/** Tells the demo's three steps, each as soon as its runs have ended. */
export async function* tell({ world, onPulse, signal, begin }: StoryOptions): AsyncGenerator<Step> {
  const { crm, keys } = world;
  const platform = world.sandbox.mailingcore;
  const spoilt = chooseSpoilt(keys);
  const refused = new Set([...spoilt.addressless, ...spoilt.byRow, ...spoilt.byCall]);
  // What cannot be sent and what the platform refuses stays missing there. A contact without a key is nobody's.
  const missing = countByLocale((await crm.rows()).filter((row) => row.opt_in && refused.has(row.external_id)));
  await crm.spoil(spoilt);
  const usual = platformFaults(spoilt);
  platform.setFaults(usual);
  let changes: Changes = { moved: [], renamed: [], readdressed: [], optedOut: [] };
  const dengage = createDengage(world, spoilt);
  const others = [dengage, await createMainBrainer(world, spoilt, () => changes)];

  const step = async (name: Step['name'], told: string, touched: readonly string[] | null, own: (run: RunDocument, cost: Cost, since: number) => Promise<readonly Proof[]> | readonly Proof[]): Promise<Step> => {
    begin(name, told);
    const since = Date.now();
    const logged = platform.stats().log.length;
    const begun = others.map(({ control }) => control.stats().log.length);
    const runs = await runAll({ ...world, onPulse, signal }, [SYNC, ...others.map(({ sync }) => sync)]);
    const runOf = (sync: string): RunDocument => {
      const found = runs.get(sync);
      if (found === undefined) throw new Error(`${sync} was not run`);
      return found;
    };
    const run = runOf(SYNC);
    const cost = costOf(platform.stats().log.slice(logged));
    const state = compareStates(await crm.rows(), platform.contacts(), refused, MAILINGCORE);
    const proofs = [
      runEnded(run),
      booksBalance(await audit(world.pool, run.run)),
      ...(await own(run, cost, since)),
      statesAgree(state),
      audienceIsRight(run, missing),
    ];
    const elsewhere: OtherRun[] = [];
    for (const [place, other] of others.entries()) {
      const log = other.control.stats().log.slice(begun[place]);
      const its = runOf(other.sync);
      elsewhere.push({ platform: other.platform, run: its, bulkCalls: other.bulk(log).length, held: [...other.control.contacts()].length });
      proofs.push(...(await other.prove(its, log, touched)).map((one): Proof => ({ platform: other.platform, ...one })));
    }
    return { name, told, run, cost, others: elsewhere, proofs };
  };
  const touchedSince = (since: number): string[] =>
    [...platform.contacts()].filter((contact) => Date.parse(String(contact['updatedAt'])) >= since).map((contact) => String(contact['externalId']));

  const stop = new AbortController();
  const trouble = makeTrouble(platform, usual, AbortSignal.any([signal, stop.signal])).catch(() => undefined);
  try {
    yield await step('first load', firstWords(spoilt, keys.length), null, async (_run, cost) => [
      ...(await onlySpoiltFailed(world, spoilt)),
      proof('a burst of 429s and a cut connection cost time, not contacts', cost.rateLimited === BURST && cost.cut === 1, `${String(cost.rateLimited)} × 429 waited out, ${String(cost.cut)} unknown outcome settled by sending again`),
      proof('the pace of the account is kept', cost.mostInASecond <= CALLS_A_SECOND, `at most ${String(cost.mostInASecond)} calls in any second, of ${String(CALLS_A_SECOND)} allowed; no 429 but the planted ones`),
    ]);
  } finally {
    stop.abort();
    await trouble;
  }

  platform.setFaults(usual);
  changes = chooseChanges(await crm.optedIn([...refused]));
  const changed = await crm.change(changes);
  for (const key of changes.moved.slice(0, 1)) dengage.optOut(key);
  const words = '200 contacts changed, 50 opted out, 20 new; one of the 200 opted out at D·engage itself';
  yield await step('a day later', words, changed, (run, cost, since) => [
    proof('only what changed is sent', cost.rowsStored === changed.length, `${String(cost.rowsStored)} rows in ${cost.bulkCalls === 1 ? 'one call' : `${String(cost.bulkCalls)} calls`}, by the platform's own log${run.counts.unchanged > 0 ? `; ${grouped(run.counts.unchanged)} more were read again (overlap) and are unchanged` : ''}`),
    sameKeys('exactly those contacts were touched there', changed, touchedSince(since), `the ${String(changed.length)} keys changed in the CRM are the ${String(changed.length)} the platform updated`),
  ]);

  yield await step('nothing new', 'the same runs once more', [], (_run, cost, since) => [
    proof('nothing to send makes no call', cost.bulkCalls === 0 && touchedSince(since).length === 0, `${String(cost.bulkCalls)} bulk calls; the verification's reads are all the platform saw`),
  ]);
}

function firstWords({ keyless, addressless, byRow, byCall }: Spoilt, contacts: number): string {
  return `${grouped(contacts)} contacts, of which ${String(keyless.length)} have no key, ${String(addressless.length)} an impossible e-mail,\n` +
    `${String(byRow.length)} are refused by row and for ${String(byCall.length)} the platform refuses the whole call;\n` +
    'on the way a burst of 429s, then a cut connection. At the same time into D·engage\n' +
    '(its minute takes a second here) and MainBrainer (202, the result comes later).';
}

/** The failures the ledger lists are the planted ones, by key and by kind. */
async function onlySpoiltFailed({ pool }: DemoWorld, { keyless, addressless, byRow, byCall }: Spoilt): Promise<readonly Proof[]> {
  const { failures } = await listFailures(pool, SYNC, 10_000);
  const keysOf = (invalid: boolean): string[] => failures.filter((one) => one.key !== null && (one.code === 'invalid') === invalid).map((one) => one.key as string);
  const nameless = failures.filter((one) => one.key === null).length;
  return [
    proof('rows without a key are named as such', nameless === keyless.length, `${String(nameless)} of them`),
    sameKeys('impossible e-mails were never sent', addressless, keysOf(true), `${String(addressless.length)} invalid, each with its reason`),
    sameKeys('a refused call cost only the row at fault', [...byRow, ...byCall], keysOf(false), `${String(byRow.length + byCall.length)} rejected with the platform's words; their neighbours were delivered`),
  ];
}

function countByLocale(rows: readonly { readonly locale: string | null }[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { locale } of rows) counts[locale ?? 'none'] = (counts[locale ?? 'none'] ?? 0) + 1;
  return counts;
}
