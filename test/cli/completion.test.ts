import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands/index.js';
import { run } from './support.js';

const scriptOf = async (shell: string): Promise<string> => (await run(['completion', shell])).out;

/** What bash offers for a command line, the last word under way. */
function offered(script: string, words: readonly string[]): string[] {
  const line = `${script}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${String(words.length - 1)}; _syncline; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['--norc', '-c', line], { encoding: 'utf8' }).split('\n').filter((word) => word !== '');
}

describe('completion', () => {
  test('bash completes commands, subcommands, options, fixed values and files', async () => {
    const script = await scriptOf('bash');
    const at = (...words: string[]): string[] => offered(script, ['syncline', ...words]);
    expect(at('')).toEqual(expect.arrayContaining(['init', 'doctor', 'run', 'verify', '--json']));
    expect(at('ver')).toEqual(['verify', 'verifications']);
    expect(at('source', '')).toContain('preview');
    expect(at('run', '--res')).toEqual(['--resend']);
    expect(at('--config', 'other.yaml', 'run', 'crm', '--deta')).toEqual(['--detach']);
    expect(at('verify', 'crm', '--against', '')).toEqual(['source', 'ledger']);
    expect(at('completion', 'f')).toEqual(['fish']);
    expect(at('--config', '/etc/host')).toContain('/etc/hosts');
    // The value of an option is no command.
    expect(at('--config', 'run', '--res')).toEqual([]);
  });

  test.each(['bash', 'zsh', 'fish'])('%s knows every command', async (shell) => {
    const script = await scriptOf(shell);
    const help = (await run(['--help'])).out;
    const names = [...help.matchAll(/^ {2}([a-z]+)\b/gm)].map(([, name]) => name as string).filter((name) => name !== 'help');
    expect(names.length).toBeGreaterThanOrEqual(COMMANDS.length);
    for (const name of names) expect(script).toContain(name);
    // zsh ties `path` to PATH: a local of that name would lose every program.
    expect(script).not.toMatch(/local path|set -l path/);
  });

  test('a shell that is not known is wrong use', async () => {
    expect(await run(['completion', 'powershell'])).toMatchObject({ code: 2, out: '' });
  });
});
