import type { FastifyReply, FastifyRequest } from 'fastify';
import { setTimeout as delay } from 'node:timers/promises';
import type { z } from 'zod';
import { cut, drip, hang, json } from './answers.js';
import { callOf } from './arrivals.js';
import type { troubles } from './fault-schema.js';
import { seededRandom } from './random.js';
import { createTrigger } from './trigger.js';
import type { Trigger } from './trigger.js';

/** The checked faults that any platform's bulk route can have. */
export type Troubles = z.output<z.ZodObject<typeof troubles>>;

/** Faults in play: the randomness and the counts that belong to them. Made anew whenever the faults are replaced. */
export interface Trouble {
  readonly random: () => number;
  /** Also for the platform's own faults. */
  readonly trigger: Trigger;
  /**
   * What happens to a bulk call before it is looked at.
   * @param refuse answers with an error in the platform's own form
   * @returns the answer where the call ends here; `hangs` where it is stored and then never answered
   */
  before(request: FastifyRequest, reply: FastifyReply, refuse: (status: number) => FastifyReply): { readonly ended: FastifyReply } | { readonly hangs: boolean };
  /** Answers a call that was stored, or does not. */
  after(request: FastifyRequest, reply: FastifyReply, hangs: boolean, status: number, body: unknown): Promise<FastifyReply>;
}

/** Puts faults in play. */
export function createTrouble(faults: Troubles): Trouble {
  const random = seededRandom(faults.seed);
  const trigger = createTrigger(random);
  let burst429 = faults.burst429 ?? 0;
  let cutNext = faults.cutNext ?? 0;
  return {
    random,
    trigger,
    before(request, reply, refuse) {
      const call = callOf(request);
      if (burst429 > 0) {
        burst429 -= 1;
        return { ended: refuse(429) };
      }
      if (trigger('errorsBeforeCommit', faults.errorsBeforeCommit)) {
        const fault = faults.errorsBeforeCommit;
        const status = fault !== undefined && 'status' in fault ? fault.status : undefined;
        return { ended: refuse(status ?? [500, 502, 503][Math.floor(random() * 3)] ?? 500) };
      }
      if (trigger('cutBeforeCommit', faults.cutBeforeCommit)) {
        call.fault = 'cut';
        return { ended: cut(request, reply) };
      }
      const hangs = trigger('hang', faults.hang);
      if (hangs) call.fault = 'hang';
      if (hangs && faults.hang !== undefined && 'commit' in faults.hang && faults.hang.commit === false) return { ended: hang(reply) };
      return { hangs };
    },
    async after(request, reply, hangs, status, body) {
      const call = callOf(request);
      if (faults.latency !== undefined && faults.latency > 0) await delay(faults.latency);
      if (cutNext > 0 || trigger('cutAfterCommit', faults.cutAfterCommit)) {
        cutNext = Math.max(0, cutNext - 1);
        call.fault = 'cut';
        return cut(request, reply);
      }
      if (hangs) return hang(reply);
      if (!trigger('drip', faults.drip)) return json(reply, status, body);
      call.fault = 'drip';
      call.status = status;
      const interval = faults.drip !== undefined && 'interval' in faults.drip ? faults.drip.interval : undefined;
      return drip(reply, status, body, interval ?? 100);
    },
  };
}
