import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's version, for `User-Agent`; "0" where its package.json is not found above this file (a bundle). */
export const VERSION: string = versionAbove(dirname(fileURLToPath(import.meta.url)));

function versionAbove(folder: string): string {
  try {
    const found = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: string; version?: string };
    if (found.name === 'syncline' && found.version !== undefined) return found.version;
  } catch {
    // Not in this folder: look one higher.
  }
  const parent = dirname(folder);
  return parent === folder ? '0' : versionAbove(parent);
}
