/** The value a path names in a record; undefined where there is none. */
export type Pick = (record: unknown) => unknown;

/** Compiles a path of names and positions: `custom_fields.abc.value`, `emails[0].label`. Own properties only. */
export function compilePath(path: string): Pick {
  const steps = path.split(/\.|\[(\d+)\]/).filter((step) => step !== undefined && step !== '');
  return (record) => {
    let at: unknown = record;
    for (const step of steps) {
      if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined;
      at = (at as Record<string, unknown>)[step];
    }
    return at;
  };
}

/** A key as text: numbers become text, all else that is no text is none. */
export function keyText(value: unknown): string | null {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return typeof value === 'string' && value !== '' ? value : null;
}
