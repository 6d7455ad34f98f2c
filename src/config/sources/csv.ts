import { block, oneOf, text, textThat } from '../schema/helpers.js';
import { absolute } from '../schema/values.js';
import type { CsvSourceConfig } from '../types.js';
import { SOURCE_SHAPE } from './base.js';
import { defineSource } from './define.js';
import { consentAtIsNoUpdateTime } from './rules.js';
import { z } from 'zod';

const delimiter = z.string({ error: 'one character' }).refine((value) => value.length === 1 && !/["\r\n]/.test(value), {
  error: 'one character, such as "," or ";"',
});

/** A CSV file with a header row. */
export const csvSource = defineSource({
  schema: block({
    type: oneOf('csv'),
    path: textThat((value) => !value.includes('\0'), 'the path of a CSV file').pipe(text('the path of a CSV file')),
    delimiter: delimiter.default(','),
    ...SOURCE_SHAPE,
  }),
  rules: consentAtIsNoUpdateTime,
  build: (name, parsed, directory): CsvSourceConfig => ({ name, ...parsed, path: absolute(directory, parsed.path) }),
});
