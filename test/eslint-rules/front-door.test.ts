import { RuleTester } from 'eslint';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { frontDoor } from '../../eslint-rules/front-door.js';

const file = (...parts: string[]): string => join(process.cwd(), ...parts);

describe('a folder of src is entered by its index alone', () => {
  test('from outside, deep paths are refused and the front door is not', () => {
    new RuleTester().run('front-door', frontDoor, {
      valid: [
        { filename: file('src', 'lanes', 'claim.ts'), code: "import { a } from '../ledger/index.js';" },
        { filename: file('src', 'lanes', 'claim.ts'), code: "import { a } from './split.js';" },
        { filename: file('src', 'config', 'sources', 'csv.ts'), code: "import { a } from '../schema/helpers.js';" },
        { filename: file('activities', 'extract.ts'), code: "import { a } from '../src/sources/index.js';" },
        { filename: file('activities', 'extract.ts'), code: "import { a } from '../workflows/names.js'; import pg from 'pg';" },
      ],
      invalid: [
        {
          filename: file('src', 'lanes', 'claim.ts'),
          code: "import { a } from '../ledger/stage.js';",
          errors: [{ messageId: 'behind', data: { door: '../ledger/index.js', folder: 'ledger' } }],
        },
        { filename: file('src', 'sources', 'csv', 'read.ts'), code: "export * from '../../config/types.js';", errors: 1 },
        { filename: file('src', 'cli', 'context.ts'), code: "const a = import('../runtime/open.js');", errors: 1 },
        { filename: file('activities', 'extract.ts'), code: "import { a } from '../src/sources/postgres/index.js';", errors: 1 },
      ],
    });
  });
});
