import { audit, listFailures, type RunDocument } from '../ledger/index.js';
import type { Call, PlatformControl } from '../sandbox/index.js';
import { BATCH, DENGAGE_GAP_MS, DENGAGE_SYNC, MAINBRAINER_LIMIT, MAINBRAINER_SYNC } from './config-file.js';
import type { CrmRow } from './crm.js';
import { compareStates } from './expected.js';
import { mostWithin } from './faults.js';
import { dengageForm, MAINBRAINER } from './forms.js';
import { grouped } from './numbers.js';
import type { Changes, Spoilt } from './plan.js';
import { booksBalance, proof, runEnded, sameKeys, statesAgree, type PlatformName, type Proof } from './proofs.js';
import type { DemoWorld } from './world.js';

/** What became of a step's run into one of the platforms beside MailingCore. */
export interface OtherRun {
  readonly platform: PlatformName;
  readonly run: RunDocument;
  /** Bulk calls that arrived, by the platform's own log. */
  readonly bulkCalls: number;
  /** Contacts held there when it had ended. */
  readonly held: number;
}

/** One of the platforms beside MailingCore, as the story tells of it. */
export interface Other {
  readonly platform: PlatformName;
  readonly sync: string;
  /** Bulk calls of the log. */
  readonly bulk: (log: readonly Call[]) => readonly Call[];
  readonly control: PlatformControl;
  /** What is claimed of a run. @param log the platform's calls since it began; `changed`: the keys changed before it, null in the first run */
  prove(run: RunDocument, log: readonly Call[], changed: readonly string[] | null): Promise<readonly Proof[]>;
}

const callsText = (calls: number): string => `${String(calls)} ${calls === 1 ? 'call' : 'calls'}`;

/** D·engage with its minute scaled to a second. Twenty of its contacts are refused by row. */
export function createDengage({ sandbox, crm, pool }: DemoWorld, { keyless, byRow }: Spoilt): Other & { optOut(key: string): void } {
  const control = sandbox.dengage;
  const optedOut = new Set<string>();
  control.setFaults({ gap: DENGAGE_GAP_MS, latency: 30, badRows: { keys: [...byRow], message: 'mailbox does not exist' } });
  const bulk = (log: readonly Call[]): Call[] => log.filter((call) => call.method === 'POST' && call.route === '/rest/bulk/contacts');
  return {
    platform: 'D·engage', sync: DENGAGE_SYNC, bulk, control,
    optOut(key) {
      control.optOut(key);
      optedOut.add(key);
    },
    async prove(run, log, changed) {
      const calls = bulk(log);
      const rows = calls.reduce((sum, call) => sum + call.rows, 0);
      const { minGapMs, maxOpen, refused } = control.stats();
      const { failures } = await listFailures(pool, DENGAGE_SYNC, 10_000);
      const rejected = failures.filter((one) => one.code !== 'invalid').map((one) => one.key ?? '');
      const full = calls.filter((call) => call.rows === BATCH).length;
      const proofs = [
        runEnded(run),
        booksBalance(await audit(pool, run.run)),
        sameKeys('exactly the planted contacts are rejected', byRow, rejected, `${String(byRow.length)}, with the platform's words; ${String(keyless.length)} more have no key`),
        proof('one call a minute, one at a time', refused === 0 && maxOpen <= 1 && (minGapMs ?? Infinity) >= DENGAGE_GAP_MS,
          `by its own clock at least ${((minGapMs ?? 0) / 1000).toFixed(3)} s between two calls, of ${String(DENGAGE_GAP_MS / 1000)} s asked for (its minute takes a second here); none refused`),
      ];
      if (changed === null) {
        proofs.push(proof('every call is full while rows wait', calls.length === Math.ceil(rows / BATCH) && full >= calls.length - 1, `${grouped(rows)} rows in ${callsText(calls.length)}, ${String(full)} of them of ${grouped(BATCH)}`));
      } else if (changed.length > 0) {
        proofs.push(
          proof('only what changed is sent', rows === changed.length, `${String(rows)} rows in ${callsText(calls.length)}: consent goes out only where it changed`),
          proof('an opt-out made at D·engage itself stands', [...optedOut].every((key) => control.contact(key)?.['email_permission'] === false), `the CRM changed the city of ${String(optedOut.size)} such contact; it is there, and so is the opt-out`),
        );
      } else {
        proofs.push(proof('nothing to send makes no call', calls.length === 0, '0 bulk calls'));
      }
      return [
        ...proofs,
        statesAgree(compareStates(await crm.rows(), control.contacts(), new Set(byRow), dengageForm(optedOut))),
        proof('a random sample says so too', run.verification?.method === 'sample' && run.verification.verdict === 'pass', sampleWords(run)),
      ];
    },
  };
}

function sampleWords({ verification }: RunDocument): string {
  if (verification === null) return 'there was no verification';
  const { sampleSize, confidence, foreign } = verification;
  return `${String(sampleSize ?? 0)} contacts read by key, confidence ${String(confidence ?? 0)}; ${String(foreign)} foreign ones; spoilt ones that were drawn are within the tolerance`;
}

/** MainBrainer: it says 202 and tells the result later; a bad contact refuses its whole call. */
export async function createMainBrainer({ sandbox, crm, pool }: DemoWorld, { keyless, addressless, byCall }: Spoilt, changes: () => Changes): Promise<Other> {
  const control = sandbox.mainbrainer;
  const before = new Map((await crm.rows()).map((row) => [row.external_id, row]));
  control.setFaults({
    limit: { calls: MAINBRAINER_LIMIT.calls, per: MAINBRAINER_LIMIT.perMs },
    latency: 30,
    processing: { delay: 200, jitter: 300 },
    badRows: { emails: byCall.map((key) => before.get(key)?.email ?? ''), message: 'contact is not acceptable' },
  });
  const bulk = (log: readonly Call[]): Call[] => log.filter((call) => call.method === 'POST' && call.route === '/contacts/batch');
  const unreachable = addressless.filter((key) => {
    const row = before.get(key);
    return row !== undefined && MAINBRAINER.keyOf({ ...row, email: '' }) === null;
  });
  return {
    platform: 'MainBrainer', sync: MAINBRAINER_SYNC, bulk, control,
    async prove(run, log, changed) {
      const calls = bulk(log);
      const { failures } = await listFailures(pool, MAINBRAINER_SYNC, 10_000);
      const keysOf = (code: 'invalid' | 'held' | null): string[] =>
        failures.filter((one) => one.key !== null && (code === null ? one.code !== 'invalid' && one.code !== 'held' : one.code === code)).map((one) => one.key ?? '');
      const held = new Set(keysOf('held'));
      const refused = log.filter((call) => call.status === 429).length;
      const most = mostWithin(log, MAINBRAINER_LIMIT.perMs);
      const polls = log.filter((call) => call.method === 'GET').length;
      const open = run.batches.filter(({ status }) => status === 'accepted' || status === 'sending' || status === 'unknown').length;
      const committed = calls.reduce((sum, call) => sum + (call.committed ? call.rows : 0), 0);
      const proofs = [
        runEnded(run),
        booksBalance(await audit(pool, run.run)),
        sameKeys('a refused call cost only the contact at fault', byCall, keysOf(null), `${String(byCall.length)} rejected, found by splitting; their neighbours were delivered`),
        sameKeys('who has neither e-mail nor mobile is invalid', unreachable, keysOf('invalid'), `${String(unreachable.length)}, and ${String(keyless.length)} without a key`),
        proof('what was accepted is followed to its result', open === 0 && run.counts.inFlight === 0, `${callsText(calls.filter((call) => call.committed).length)} accepted, none open; ${String(polls)} ${polls === 1 ? 'poll' : 'polls'}`),
        proof('the pace of the account is kept', refused === 0 && most <= MAINBRAINER_LIMIT.calls, `at most ${callsText(most)} in any ten seconds, polls and log-ins included, of ${String(MAINBRAINER_LIMIT.calls)} allowed; no 429`),
      ];
      if (changed !== null && changed.length > 0) {
        // Who moved to another country may have another mobile now: the region of its digits changed.
        const { readdressed, moved } = changes();
        const changeable = new Set([...readdressed, ...moved]);
        const others = changed.length - held.size;
        proofs.push(
          proof('only what changed is sent', committed === others, `${String(committed)} rows in ${callsText(calls.length)}`),
          proof('a changed e-mail or mobile makes no second contact', held.size > 0 && [...held].every((key) => changeable.has(key)),
            `${String(held.size)} are held (onKeyChange: hold): MainBrainer knows a contact by both together, and would make another`),
        );
      } else if (changed !== null) {
        proofs.push(proof('nothing to send makes no call', calls.length === 0, '0 bulk calls'));
      }
      const now = (row: CrmRow): CrmRow => (held.has(row.external_id) ? before.get(row.external_id) ?? row : row);
      return [
        ...proofs,
        statesAgree(compareStates((await crm.rows()).map(now), control.contacts(), new Set(byCall), MAINBRAINER)),
        proof('the receipts say so too', run.verification?.method === 'receipts' && run.verification.verdict === 'pass', 'every Status result counts what its batch delivered'),
      ];
    },
  };
}
