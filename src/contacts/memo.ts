/**
 * Remembers a pure function's results by text. Bounded: when it holds `limit` entries it forgets all of them,
 * which costs less than keeping an order and serves repeating values as well.
 */
export function memo<T>(limit: number, compute: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    const result = compute(text);
    if (known.size >= limit) known.clear();
    known.set(text, result);
    return result;
  };
}
