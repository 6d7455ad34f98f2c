import { readFile } from 'node:fs/promises';
import { parse, YAMLParseError } from 'yaml';
import type { MailingCoreFaults } from './mailingcore/index.js';
import { FaultsError } from './platform.js';

/** Faults a platform, by its name; or MailingCore's alone, written flat. */
export type Faults = MailingCoreFaults | { readonly mailingcore?: MailingCoreFaults };

const PLATFORMS: ReadonlySet<string> = new Set(['mailingcore']);

/** Sorts faults by platform: `{mailingcore: {…}}` as it is, anything else is MailingCore's. */
export function faultsByPlatform(faults: unknown): Readonly<Record<string, unknown>> {
  if (faults === undefined || faults === null) return {};
  if (typeof faults !== 'object' || Array.isArray(faults)) throw new FaultsError('faults: expected a mapping of fault names');
  const names = Object.keys(faults);
  const sectioned = names.length > 0 && names.some((name) => PLATFORMS.has(name));
  if (!sectioned) return { mailingcore: faults };
  const strangers = names.filter((name) => !PLATFORMS.has(name));
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
