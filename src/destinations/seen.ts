/**
 * Remembers which texts have come by, 8 bytes each at a load of at most one half, so that reading a million contacts
 * back stays flat. It keeps 64 bits of hash: that two of a million texts are taken for one has a chance of 3 in 10⁸.
 */
export class Seen {
  #high = new Uint32Array(2048);
  #low = new Uint32Array(2048);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** True the first time a text comes. */
  add(text: string): boolean {
    if (this.#size * 2 >= this.#high.length) this.#grow();
    const [high, low] = hash(text);
    const added = place(this.#high, this.#low, high, low);
    if (added) this.#size += 1;
    return added;
  }

  #grow(): void {
    const high = new Uint32Array(this.#high.length * 2);
    const low = new Uint32Array(high.length);
    for (let i = 0; i < this.#high.length; i++) {
      const h = this.#high[i] ?? 0;
      if (h !== 0) place(high, low, h, this.#low[i] ?? 0);
    }
    this.#high = high;
    this.#low = low;
  }
}

function place(high: Uint32Array, low: Uint32Array, h: number, l: number): boolean {
  const mask = high.length - 1;
  for (let i = l & mask; ; i = (i + 1) & mask) {
    if (high[i] === 0) {
      high[i] = h;
      low[i] = l;
      return true;
    }
    if (high[i] === h && low[i] === l) return false;
  }
}

/** cyrb53's two halves; the high one is never 0, which marks a free place. */
function hash(text: string): [number, number] {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    a = Math.imul(a ^ c, 2654435761);
    b = Math.imul(b ^ c, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return [a >>> 0 || 1, b >>> 0];
}
