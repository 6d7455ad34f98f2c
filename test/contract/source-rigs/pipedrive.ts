import { createPipedriveSource } from '../../../src/sources/pipedrive/index.js';
import { configOf, quick, startPipedrive } from '../../sources/pipedrive/server.js';
import { strikes } from './strikes.js';
import { TROUBLES, type Row, type SourceRig } from './rig.js';

/** A strict local Pipedrive whose markers count rows: the hardest they may be. The suite's keys are a custom field. */
export async function pipedrive(): Promise<SourceRig> {
  const server = await startPipedrive();
  const { ways, persons } = server;
  const idOf = (key: string): number => 1 + Number(key.slice(1));
  const put = (rows: readonly Row[]): Promise<void> =>
    Promise.resolve(server.put(...rows.map(({ key, time, name }) => ({ id: idOf(key), time: `${time.slice(0, 19)}Z`, first_name: name, custom_fields: { abc: key } }))));
  return {
    // Persons are chosen by id alone, so the suite's keys cannot be.
    cases: ['late', 'changing', 'window', 'unchanged'],
    troubles: [...TROUBLES, 'refused', 'down', 'rubbish'],
    source: () => createPipedriveSource(configOf(server.baseUrl, { key: 'custom_fields.abc' }), ['first_name'], quick()),
    config: () => configOf(server.baseUrl, { key: 'custom_fields.abc', fields: { firstName: 'first_name' } }),
    plant: (rows) => {
      persons.clear();
      return put(rows);
    },
    put,
    remove: (keys) => {
      for (const key of keys) persons.delete(idOf(key));
      return Promise.resolve();
    },
    trouble: (trouble) => {
      ways.strike = trouble === null ? undefined : strikes[trouble];
      ways.bend = undefined;
      if (trouble === 'repeatedPages') ways.bend = (call, body, before) => (call % 3 === 0 && before !== null ? before : body);
      if (trouble === 'reorderedPages') ways.bend = (call, body) => (call % 3 === 0 ? { ...body, data: [...(body as { data: unknown[] }).data].reverse() } : body);
    },
    secrets: ['pipe-hush'],
    close: () => server.close(),
  };
}
