import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { Register } from '../../src/cli/command.js';
import type { Context } from '../../src/cli/context.js';
import { CliError, EXIT } from '../../src/cli/exit.js';
import type { ExitCode } from '../../src/cli/exit.js';
import { run } from './support.js';

/** A command `do` that does what it is given. */
function command(action: (context: Context) => Promise<ExitCode | undefined> | ExitCode | undefined): readonly Register[] {
  return [(program, act) => { program.command('do').argument('[what]').action(act((context) => action(context))); }];
}

describe('exit codes', () => {
  test('done is 0, and a command may say otherwise', async () => {
    expect((await run(['do'], { commands: command(() => undefined) })).code).toBe(0);
    expect((await run(['do'], { commands: command(() => EXIT.unverified) })).code).toBe(4);
  });

  test.each([[['nonsense']], [['do', '--nope']], [['do', 'a', 'b']], [[]], [['--config']]])('wrong use is 2 with words on stderr: %j', async (argv) => {
    const ran = await run(argv, { commands: command(() => undefined) });
    expect(ran.code).toBe(2);
    expect(ran.out).toBe('');
    expect(ran.err).toMatch(/error: /);
  });

  test('a near command is suggested', async () => {
    expect((await run(['valdiate'])).err).toContain('validate');
  });

  test('an unexpected error is 1 with one line, its stack only when debugging', async () => {
    const commands = command(() => { throw new Error('it broke\nin two lines'); });
    expect(await run(['do'], { commands })).toMatchObject({ code: 1, out: '', err: 'error: it broke in two lines\n' });
    expect((await run(['do'], { commands, env: { SYNCLINE_DEBUG: '1' } })).err).toContain('frame.test.ts');
  });

  test('a refused connection has words', async () => {
    const commands = command(() => { throw new AggregateError([new Error('connect ECONNREFUSED 127.0.0.1:1')]); });
    expect((await run(['do'], { commands })).err).toContain('ECONNREFUSED');
  });

  test('what nobody caught ends the command with 1, in order', async () => {
    let closed = false;
    const commands = command((context) => {
      context.onClose(() => { closed = true; });
      return new Promise(() => undefined);
    });
    const ran = await run(['do'], { commands, fatal: Promise.resolve().then(() => { throw new Error('stray'); }) });
    expect(ran).toMatchObject({ code: 1, err: 'error: stray\n' });
    expect(closed).toBe(true);
  });

  test('a server that was not reached is 5, one that refuses us is 2', async () => {
    const failing = (fault: string): readonly Register[] =>
      command(() => { throw Object.assign(new Error('no'), { name: 'RuntimeError', fault, hint: 'start it' }); });
    expect(await run(['do'], { commands: failing('unreachable') })).toMatchObject({ code: 5, err: 'error: no\n  start it\n' });
    expect((await run(['do'], { commands: failing('misconfigured') })).code).toBe(2);
    expect((await run(['do'], { commands: failing('failed') })).code).toBe(1);
  });
});

describe('one JSON document on stdout, always', () => {
  test('a result', async () => {
    const commands = command(({ output }) => {
      output.print('words');
      output.progress('more words');
      output.printJson({ a: 1 });
      return undefined;
    });
    const ran = await run(['do', '--json'], { commands });
    expect(JSON.parse(ran.out)).toEqual({ a: 1 });
    expect(await run(['do'], { commands })).toMatchObject({ out: 'words\n', err: 'more words\n' });
    expect((await run(['do', '--quiet'], { commands })).err).toBe('');
  });

  test.each([
    [['do', '--json'], 'unreached', 5],
    [['--json', 'do'], 'unreached', 5],
    [['nonsense', '--json'], 'misused', 2],
    [['--json'], 'misused', 2],
  ])('an error: %j', async (argv, code, exit) => {
    const ran = await run(argv, { commands: command(() => { throw new CliError('gone', EXIT.unreached, 'wait'); }) });
    expect(ran.code).toBe(exit);
    expect(JSON.parse(ran.out)).toMatchObject({ error: { message: expect.any(String) as string, code } });
  });

  test('an error after the result goes to stderr alone', async () => {
    const ran = await run(['do', '--json'], { commands: command(({ output }) => { output.printJson([]); throw new Error('late'); }) });
    expect(ran).toMatchObject({ code: 1, out: '[]\n', err: 'error: late\n' });
  });

  test('the help', async () => {
    const ran = await run(['validate', '--help', '--json']);
    expect(JSON.parse(ran.out)).toEqual({ help: expect.stringContaining('Examples:') as string });
  });
});

describe('help', () => {
  test('every command shows the global options and an example', async () => {
    const ran = await run(['validate', '--help']);
    expect(ran.code).toBe(0);
    for (const words of ['--config', '--json', '--quiet', '$ syncline validate']) expect(ran.out).toContain(words);
  });

  test('--version is that of the package', async () => {
    expect((await run(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('ending', () => {
  test('what was opened is closed, the last first, also after an error and when closing fails', async () => {
    const order: string[] = [];
    const commands = command((context) => {
      context.onClose(() => order.push('first'));
      context.onClose(() => { throw new Error('cannot close'); });
      context.onClose(() => order.push('last'));
      return undefined;
    });
    const ran = await run(['do'], { commands });
    expect(order).toEqual(['last', 'first']);
    expect(ran).toMatchObject({ code: 1, err: 'error: cannot close\n' });
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'])('the first %s closes in order with 130', async (signal) => {
    const signals = new EventEmitter();
    let closed = false;
    const commands = command(async (context) => {
      context.onClose(() => { closed = true; });
      setImmediate(() => signals.emit(signal));
      await new Promise((_, reject) => { context.signal.addEventListener('abort', () => { reject(context.signal.reason as Error); }); });
      return undefined;
    });
    const ran = await run(['do', '--json'], { commands, signals });
    expect(ran).toMatchObject({ code: 130, atOnce: [] });
    expect(JSON.parse(ran.out)).toEqual({ error: { message: 'interrupted', code: 'interrupted' } });
    expect(closed).toBe(true);
    expect(signals.eventNames()).toEqual([]);
  });

  test('a second Ctrl-C ends at once', async () => {
    const signals = new EventEmitter();
    const commands = command(() => {
      signals.emit('SIGINT');
      signals.emit('SIGINT');
      return undefined;
    });
    expect(await run(['do'], { commands, signals })).toMatchObject({ code: 130, atOnce: [130] });
  });

  test('a command whose normal end is Ctrl-C may say it is done', async () => {
    const signals = new EventEmitter();
    expect((await run(['do'], { signals, commands: command(() => { signals.emit('SIGINT'); return EXIT.done; }) })).code).toBe(0);
  });

  test('a reader of stdout that is gone ends the command without words', async () => {
    const controller = new AbortController();
    const commands = command(({ signal }) => {
      controller.abort(new Error('stdout was closed'));
      signal.throwIfAborted();
      return undefined;
    });
    expect(await run(['do'], { commands, controller })).toMatchObject({ code: 0, err: '' });
  });
});
