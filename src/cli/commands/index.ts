import type { Register } from '../command.js';
import { register as alerts } from './alerts.js';
import { register as audit } from './audit.js';
import { register as backfill } from './backfill.js';
import { register as codec } from './codec.js';
import { register as completion } from './completion.js';
import { register as contact } from './contact.js';
import { register as demo } from './demo.js';
import { register as dev } from './dev.js';
import { register as doctor } from './doctor.js';
import { register as failures } from './failures.js';
import { register as forget } from './forget.js';
import { register as init } from './init.js';
import { register as lane } from './lane.js';
import { register as ledger } from './ledger.js';
import { register as plan } from './plan.js';
import { register as prune } from './prune.js';
import { register as run } from './run.js';
import { register as runs } from './runs.js';
import { register as sandbox } from './sandbox.js';
import { register as schedule } from './schedule.js';
import { register as source } from './source.js';
import { register as status } from './status.js';
import { register as suppress } from './suppress.js';
import { register as validate } from './validate.js';
import { register as verifications } from './verifications.js';
import { register as verify } from './verify.js';
import { register as worker } from './worker.js';

/** Every command, in the order of the help. */
export const COMMANDS: readonly Register[] = [
  init, validate, doctor, dev, worker, source, plan, contact, run, backfill, schedule, verify, verifications, status, runs, audit, failures, suppress, forget, lane, alerts,
  ledger, prune, codec, sandbox, demo, completion,
];
