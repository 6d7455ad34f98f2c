import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { postgresIdentity } from '../../src/runtime/postgres-binaries.js';

// initdb looks for its own programs with access(2), as Node's accessSync does; `test -x` asks in another way.
test.skipIf(process.getuid?.() !== 0)('under root, programs in a folder that is closed to others can be found by who runs them', async () => {
  const closed = mkdtempSync(join(tmpdir(), 'syncline-closed-'));
  try {
    const program = join(closed, 'bin', 'program');
    mkdirSync(join(closed, 'bin'));
    writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 });
    const { prefix, uid, gid } = await postgresIdentity([program]);
    const [command = '', ...rest] = [...prefix, process.execPath, '-e', 'require("fs").accessSync(process.argv[1], 1); console.log(process.getuid())', program];
    const asked = execFileSync(command, rest, { uid, gid, cwd: '/', encoding: 'utf8' });
    expect(Number(asked)).not.toBe(0);
  } finally {
    rmSync(closed, { recursive: true });
  }
});
