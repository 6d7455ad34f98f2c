import { ESLint } from 'eslint';
import { describe, expect, test } from 'vitest';

const eslint = new ESLint({
  // Rules that need types would ask for a file of the project; those below read text alone.
  overrideConfig: { languageOptions: { parserOptions: { project: null } } },
  ruleFilter: ({ ruleId }) => ruleId.includes('no-restricted'),
});

async function faultsIn(code: string, filePath: string): Promise<number> {
  const [result] = await eslint.lintText(code, { filePath });
  if (result?.messages.some(({ fatal }) => fatal === true) === true) throw new Error(result.messages[0]?.message);
  return result?.messages.length ?? 0;
}

describe('workflow code touches nothing of the world', () => {
  test.each([
    "import axios from 'axios';",
    "import pg from 'pg';",
    "import { readFileSync } from 'node:fs';",
    "import fs from 'fs';",
    "import { Client } from '@temporalio/client';",
    "import { Worker } from '@temporalio/worker';",
    "import { loadConfig } from '../src/config/index.js';",
    "export * from '../src/ledger/index.js';",
    "const fs = await import('node:fs');",
    "void fetch('http://x');",
    'export const home = process.env.HOME;',
  ])('%s is refused', async (code) => {
    expect(await faultsIn(code, 'workflows/any.ts')).toBeGreaterThan(0);
  });

  test.each([
    "import { proxyActivities } from '@temporalio/workflow';",
    "import { ApplicationFailure } from '@temporalio/common';",
    "import { wake } from './names.js';",
    "import type { RunCounts } from '../src/ledger/index.js';",
    'export const now = Date.now();',
  ])('%s is fine', async (code) => {
    expect(await faultsIn(code, 'workflows/any.ts')).toBe(0);
  });

  test('other code is free to', async () => {
    expect(await faultsIn("import pg from 'pg';", 'src/ledger/any.ts')).toBe(0);
  });
});
