/**
 * The ledger's clock as seen from here: each question that comes back with the ledger's time bounds the difference of
 * the two clocks by the time the question took. The tightest bound is kept.
 */
export class LedgerClock {
  private offset = 0;
  private bound = Infinity;

  /**
   * @param askedAt,answeredAt on this process's monotonic clock, milliseconds
   * @param ledgerMs the ledger's time in between, milliseconds since 1970
   */
  observe(askedAt: number, answeredAt: number, ledgerMs: number): void {
    const bound = (answeredAt - askedAt) / 2;
    if (bound > this.bound) return;
    this.bound = bound;
    this.offset = ledgerMs - (askedAt + bound);
  }

  /** A moment of the ledger's on this process's clock, rather too late than too early; Infinity while nothing was observed. */
  here(ledgerMs: number): number {
    return ledgerMs - this.offset + this.bound;
  }

  /** A local moment on the ledger's clock, rather too late than too early; null while nothing was observed. */
  at(local: number): number | null {
    return this.bound === Infinity ? null : local + this.offset + this.bound;
  }
}
