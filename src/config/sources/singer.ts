import { z } from 'zod';
import { block, choose, duration, isGiven, isMapping, oneOf, text } from '../schema/helpers.js';
import { absolute, column } from '../schema/values.js';
import type { SingerSourceConfig } from '../types.js';
import { SOURCE_SHAPE } from './base.js';
import { defineSource } from './define.js';
import { consentAtIsNoUpdateTime } from './rules.js';

const COMMAND_WORDS = 'a program and its arguments, as text such as tap-hubspot, or as a list';
const part = text(COMMAND_WORDS).refine((value) => !value.includes('\0'), { error: COMMAND_WORDS });

const command = choose((value): z.ZodType<[string, ...string[]]> =>
  Array.isArray(value)
    ? z.array(part).min(1, { error: COMMAND_WORDS }).transform((parts) => parts as [string, ...string[]])
    : part.transform((line) => line.split(/\s+/) as [string, ...string[]]));

/** A mapping, whatever is in it: only the tap knows. */
const tapConfig = z.custom<Record<string, unknown>>(isMapping, { error: 'a mapping with the tap\'s own keys' });

/** A Singer tap. */
export const singerSource = defineSource({
  schema: block({
    type: oneOf('singer'),
    ...SOURCE_SHAPE,
    command,
    config: tapConfig.default({}),
    catalog: text('the path of a catalog file').optional(),
    properties: text('the path of a properties file').optional(),
    stream: text('the name of a stream of the tap'),
    key: column().optional(),
    replicationKey: column().optional(),
    timeout: duration({ min: 1_000, max: 86_400_000 }).default(300_000),
  }),
  rules: (raw) => {
    const given = ['catalog', 'properties'].filter((key) => isGiven(raw, key));
    const own = given[0];
    return [
      ...(given.length === 2 ? [{ at: ['properties'], found: 'both catalog and properties', expected: 'at most one of catalog and properties' }] : []),
      ...(own !== undefined && isGiven(raw, 'replicationKey')
        ? [{ at: ['replicationKey'], found: `both ${own} and replicationKey`, expected: `replicationKey only where no ${own} is given`, hint: `write the replication key into the file of ${own}` }]
        : []),
      ...consentAtIsNoUpdateTime(raw),
    ];
  },
  build: (name, { command: [program, ...args], catalog, properties, ...parsed }, directory): SingerSourceConfig => ({
    name,
    ...parsed,
    directory,
    // Only a program that is a path is relative to the file; others are looked for in PATH.
    command: [program.includes('/') ? absolute(directory, program) : program, ...args],
    ...(catalog === undefined ? {} : { catalog: absolute(directory, catalog) }),
    ...(properties === undefined ? {} : { properties: absolute(directory, properties) }),
  }),
});
