import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from './place.js';

/** Ends one worker after the other, and starts each again at once, as a supervisor would, or somebody who brings a new version. */
export class Kills {
  /** When something was killed, milliseconds since 1970. */
  readonly times: number[] = [];
  private playing: Promise<void> | undefined;
  private restarting: Promise<void> | undefined;
  private ended = false;

  constructor(
    private readonly place: Place,
    private readonly workers: number,
    private readonly everyMs: number,
    /** They are told to stop, and Temporal is left alone: nothing may be lost by that. */
    readonly gently: boolean,
  ) {}

  start(): void {
    this.playing = this.play();
    // Told by `end`.
    this.playing.catch(() => undefined);
  }

  /** Temporal is killed and started again on its state; only the first time this is called. */
  restartTemporal(): void {
    if (this.gently) return;
    this.restarting ??= this.restarted();
    this.restarting.catch(() => undefined);
  }

  async end(): Promise<void> {
    this.ended = true;
    await Promise.all([this.playing, this.restarting]);
  }

  private async play(): Promise<void> {
    const { workers, signal } = this.place;
    for (let next = performance.now() + this.everyMs, index = 0; ; next += this.everyMs, index = (index + 1) % this.workers) {
      while (performance.now() < next) {
        if (this.ended) return;
        await sleep(100, undefined, { signal });
      }
      this.times.push(Date.now());
      await (this.gently ? workers.stop(index) : workers.kill(index));
      await workers.start(index);
    }
  }

  private async restarted(): Promise<void> {
    const { temporal } = this.place.servers;
    this.times.push(Date.now());
    await temporal.stop();
    await temporal.start();
  }
}
