#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { COMMANDS } from './commands/index.js';
import { runCli } from './run-cli.js';

// Rows stream through: a heap that grows in small steps stays at half the memory and costs next to nothing (measured).
setFlagsFromString('--heap-growing-percent=30');

const controller = new AbortController();
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    // Nobody reads on (`| head`): no reason for words, but one to end.
    controller.abort(new Error('stdout was closed'));
  });
}

const fatal = new Promise<never>((_, reject) => {
  process.on('uncaughtException', reject);
  process.on('unhandledRejection', reject);
});
fatal.catch(() => undefined);

const code = await runCli({
  argv: process.argv.slice(2),
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  commands: COMMANDS,
  signals: process,
  controller,
  exitAtOnce: (now) => process.exit(now),
  fatal,
});
// Everything is closed; a timer or socket that a library keeps shall not hold the terminal.
process.stdout.write('', () => process.exit(code));
