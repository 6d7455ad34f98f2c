import { readFile } from 'node:fs/promises';
import { parse, YAMLParseError } from 'yaml';
import type { MailingCoreFaults } from './mailingcore/index.js';
import { FaultsError } from './platform.js';
import { PLATFORMS } from './platforms.js';
import type { FaultsByPlatform } from './platforms.js';

/** Faults a platform, by its name; or MailingCore's alone, written flat. */
export type Faults = MailingCoreFaults | FaultsByPlatform;

/** Sorts faults by platform: `{dengage: {…}}` as it is; written flat, they are the named platform's. */
export function faultsByPlatform(faults: unknown, flat: string = 'mailingcore'): Readonly<Record<string, unknown>> {
  if (faults === undefined || faults === null) return {};
  if (typeof faults !== 'object' || Array.isArray(faults)) throw new FaultsError('faults: expected a mapping of fault names');
  const names = Object.keys(faults);
  const sectioned = names.length > 0 && names.some((name) => Object.hasOwn(PLATFORMS, name));
  if (!sectioned) return { [flat]: faults };
  const strangers = names.filter((name) => !Object.hasOwn(PLATFORMS, name));
  if (strangers.length > 0) throw new FaultsError(`faults: ${strangers.join(', ')} beside a platform's section; put each fault inside its platform`);
  return faults as Record<string, unknown>;
}

/** Reads a faults file (YAML or JSON). Throws {@link FaultsError} where it cannot be read or parsed; keys are checked by `startSandbox`. */
export async function loadFaults(file: string): Promise<Faults> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new FaultsError(`${file}: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`);
  }
  try {
    return (parse(text) ?? {}) as Faults;
  } catch (error) {
    const line = error instanceof YAMLParseError ? error.linePos?.[0].line : undefined;
    throw new FaultsError(`${file}${line === undefined ? '' : `:${line}`}: neither YAML nor JSON`);
  }
}
