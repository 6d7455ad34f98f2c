import { createMailingCoreSource } from '../../../src/sources/mailingcore/index.js';
import { configOf, quick, startPlatform, type Shown } from '../../sources/mailingcore/platform.js';
import { TROUBLES, type Row, type SourceRig, type Trouble } from './rig.js';

/** A strict server whose list is paged by number and puts at the end whoever changes: the hardest it may be. */
export async function mailingcore(): Promise<SourceRig> {
  const platform = await startPlatform();
  const { ways } = platform;
  const shown = ({ key, time, name }: Row): Shown => ({ id: `mcc_${key}`, externalId: key, attributes: { firstName: name }, updatedAt: `${time.slice(0, 23)}Z` });
  const put = (rows: readonly Row[]): Promise<void> => Promise.resolve(platform.put(rows.map(shown)));
  return {
    cases: ['late', 'changing', 'only', 'window', 'unchanged'],
    troubles: [...TROUBLES, 'refused', 'down', 'rubbish'],
    source: () => createMailingCoreSource(configOf(platform.baseUrl), ['attributes.firstName'], quick()),
    // Waits are real in another process.
    config: () => configOf(platform.baseUrl, { fields: { firstName: 'attributes.firstName' }, limits: { calls: 60_000, per: 60_000 } }),
    plant: (rows) => {
      platform.clear();
      return put(rows);
    },
    put,
    remove: (keys) => Promise.resolve(platform.remove(keys.map((key) => `mcc_${key}`))),
    trouble: (trouble) => {
      ways.strike = trouble === null ? undefined : STRIKES[trouble];
      ways.bend = trouble === null ? undefined : BENDS[trouble];
    },
    secrets: ['mc_test_hush'],
    close: () => platform.close(),
  };
}

type Strike = NonNullable<Awaited<ReturnType<typeof startPlatform>>['ways']['strike']>;
type Bend = NonNullable<Awaited<ReturnType<typeof startPlatform>>['ways']['bend']>;

/** Every third call. */
const some = (strike: Strike): Strike => (call, request, reply) => (call % 3 === 0 ? strike(call, request, reply) : undefined);

const STRIKES: Partial<Record<Trouble, Strike>> = {
  throttled: some((_call, _request, reply) => reply.code(429).header('retry-after', '1').send({ statusCode: 429, message: 'Too many requests' })),
  serverError: some((_call, _request, reply) => reply.code(500).send({ statusCode: 500, message: 'Internal server error' })),
  brokenJson: some((_call, _request, reply) => reply.send('{"data":[{"id":"mcc_k1"')),
  cut: some((_call, request, reply) => {
    reply.hijack();
    request.raw.socket.destroy();
    return reply;
  }),
  refused: (_call, _request, reply) => reply.code(401).send({ statusCode: 401, message: 'Unauthorized' }),
  down: (_call, _request, reply) => reply.code(503).send({ statusCode: 503, message: 'down' }),
  rubbish: (_call, _request, reply) => reply.send('<html>hello</html>'),
};

const BENDS: Partial<Record<Trouble, Bend>> = {
  repeatedPages: (call, body, before) => (call % 3 === 0 && before !== null ? before : body),
  reorderedPages: (call, body) => (call % 3 === 0 ? { ...body, data: [...(body as { data: unknown[] }).data].reverse() } : body),
};
