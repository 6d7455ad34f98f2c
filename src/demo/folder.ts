import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { placesOf, stopOrphans } from '../runtime/index.js';

const PREFIX = 'syncline-demo-';
/** A folder younger than this may belong to a demo that is just starting. Milliseconds. */
const STARTING_MS = 60_000;

/** A folder for one demo, and what takes it away. Demos do not see each other. */
export function makeFolder(): { readonly directory: string; remove(): void } {
  const directory = mkdtempSync(path.join(os.tmpdir(), PREFIX));
  // Passable for the user Postgres runs as where the demo is started by root.
  chmodSync(directory, 0o711);
  return { directory, remove: () => { rmSync(directory, { recursive: true, force: true }); } };
}

/** Stops and removes what demos left that were killed. */
export async function sweepFolders(): Promise<void> {
  for (const name of readdirSync(os.tmpdir())) {
    if (!name.startsWith(PREFIX)) continue;
    const directory = path.join(os.tmpdir(), name);
    try {
      if (Date.now() - statSync(directory).mtimeMs < STARTING_MS) continue;
      if (await stopOrphans(placesOf(directory))) rmSync(directory, { recursive: true, force: true });
    } catch {
      // Another user's, or another demo was faster.
    }
  }
}

/**
 * The sample contacts: `data/` of this installation, two folders up or, once compiled, three.
 * @throws Error where the file is missing
 */
export function sampleFile(): string {
  for (const above of ['../../data/', '../../../data/']) {
    const file = fileURLToPath(new URL(`${above}adventureworks-contacts.csv`, import.meta.url));
    if (existsSync(file)) return file;
  }
  throw new Error('the sample contacts (data/adventureworks-contacts.csv) are missing from this installation: install it again');
}
