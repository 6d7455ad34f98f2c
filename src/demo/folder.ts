import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isAlive, ownProcess, placesOf, stopOrphans, type ProcessId } from '../runtime/index.js';

const PREFIX = 'syncline-demo-';
/** Names the process a folder belongs to. */
const OWNER = 'owner.json';

/** A folder for one demo, and what takes it away. Demos do not see each other. */
export function makeFolder(): { readonly directory: string; remove(): void } {
  const directory = mkdtempSync(path.join(os.tmpdir(), PREFIX));
  // Passable for the user Postgres runs as where the demo is started by root.
  chmodSync(directory, 0o711);
  writeFileSync(path.join(directory, OWNER), JSON.stringify(ownProcess()));
  return { directory, remove: () => { rmSync(directory, { recursive: true, force: true }); } };
}

/** Stops and removes what demos left that were killed. */
export async function sweepFolders(): Promise<void> {
  for (const name of readdirSync(os.tmpdir())) {
    if (!name.startsWith(PREFIX)) continue;
    const directory = path.join(os.tmpdir(), name);
    try {
      if (isAlive(JSON.parse(readFileSync(path.join(directory, OWNER), 'utf8')) as ProcessId)) continue;
      if (await stopOrphans(placesOf(directory))) rmSync(directory, { recursive: true, force: true });
    } catch {
      // Just being made, another user's, or another demo was faster.
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
