import { createHubspotSource } from '../../../src/sources/hubspot/index.js';
import { configOf, quick, startHubspot } from '../../sources/hubspot/server.js';
import { strikes } from './strikes.js';
import { TROUBLES, type Row, type SourceRig } from './rig.js';

/** A strict local HubSpot; the suite's keys are a property of their own. */
export async function hubspot(): Promise<SourceRig> {
  const server = await startHubspot();
  const { ways, contacts } = server;
  const idOf = (key: string): number => 1_000_000 + Number(key.slice(1));
  const put = (rows: readonly Row[]): Promise<void> =>
    Promise.resolve(server.put(...rows.map(({ key, time, name }) => ({ id: idOf(key), time: Date.parse(time), properties: { external_id: key, firstname: name } }))));
  return {
    cases: ['late', 'changing', 'only', 'window', 'unchanged'],
    troubles: [...TROUBLES, 'refused', 'down', 'rubbish'],
    source: () => createHubspotSource(configOf(server.baseUrl, { key: 'external_id', overlap: 120_000 }), ['firstname'], quick()),
    config: () => configOf(server.baseUrl, { key: 'external_id', overlap: 120_000, fields: { firstName: 'firstname' } }),
    plant: (rows) => {
      contacts.clear();
      return put(rows);
    },
    put,
    remove: (keys) => {
      for (const key of keys) contacts.delete(idOf(key));
      return Promise.resolve();
    },
    trouble: (trouble) => {
      ways.strike = trouble === null ? undefined : strikes[trouble];
      ways.bend = undefined;
      if (trouble === 'repeatedPages') ways.bend = (call, body, before) => (call % 3 === 0 && before !== null ? before : body);
      if (trouble === 'reorderedPages') ways.bend = (call, body) => (call % 3 === 0 ? { ...body, results: [...(body as { results: unknown[] }).results].reverse() } : body);
    },
    secrets: ['pat-eu1-hush'],
    close: () => server.close(),
  };
}
