import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** What stands behind the placeholders. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where relative paths of `${file:PATH}` start: the folder of the configuration file. */
  readonly directory: string;
}

export interface InterpolationFault {
  /** The placeholder as written. */
  readonly found: string;
  readonly expected: string;
  readonly hint?: string;
}

export interface Interpolated {
  readonly text: string;
  /** Whether anything was put in, so that the text is not what stands in the file. */
  readonly changed: boolean;
  readonly faults: readonly InterpolationFault[];
}

const PLACEHOLDER = /\$\$\{|\$\{([^}]*)\}|\$\{/g;
const VARIABLE = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([^]*))?$/;
const FORMS = '${NAME}, ${NAME:-default} or ${file:PATH}';

/**
 * Replaces `${NAME}`, `${NAME:-default}` (where NAME is unset or empty, as a shell does) and `${file:PATH}`
 * (its trailing newline dropped); `$${` stands for a plain `${`. Never throws: what cannot be replaced is a fault.
 */
export function interpolate(text: string, surroundings: Surroundings): Interpolated {
  const faults: InterpolationFault[] = [];
  let changed = false;
  const result = text.replace(PLACEHOLDER, (found: string, inner: string | undefined) => {
    if (found === '$${') return '${';
    changed = true;
    const replaced = inner === undefined ? { found: '${', expected: `a closing brace: ${FORMS}` } : replace(found, inner, surroundings);
    if (typeof replaced === 'string') return replaced;
    faults.push(replaced);
    return '';
  });
  return { text: result, changed, faults };
}

function replace(found: string, inner: string, { env, directory }: Surroundings): string | InterpolationFault {
  if (inner.startsWith('file:')) return readSecret(found, inner.slice('file:'.length).trim(), directory);
  const parts = VARIABLE.exec(inner);
  const name = parts?.[1];
  if (name === undefined) return { found, expected: FORMS, hint: 'write $${ for a plain ${' };
  const value = env[name];
  const fallback = parts?.[2];
  if (fallback !== undefined) return value === undefined || value === '' ? fallback : value;
  if (value !== undefined) return value;
  return { found: `\${${name}}`, expected: `the environment variable ${name} to be set` };
}

function readSecret(found: string, path: string, directory: string): string | InterpolationFault {
  if (path === '' || path.includes('${')) return { found, expected: 'a path after ${file:, without placeholders in it' };
  try {
    return readFileSync(resolve(directory, path), 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'it may not be read' : `reading it fails: ${code}`;
    return { found, expected: `a file that can be read at ${resolve(directory, path)}`, hint: why };
  }
}
