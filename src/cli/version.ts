import { readFileSync } from 'node:fs';

/** Syncline's version: from the nearest package.json above, which is further up once compiled. */
export function version(): string {
  for (const above of ['../../package.json', '../../../package.json']) {
    try {
      const { name, version: found } = JSON.parse(readFileSync(new URL(above, import.meta.url), 'utf8')) as { name?: string; version?: string };
      if (name === 'syncline' && found !== undefined) return found;
    } catch {
      // Not there: one further up.
    }
  }
  return 'unknown';
}
