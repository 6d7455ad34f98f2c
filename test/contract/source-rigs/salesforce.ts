import { createSalesforceSource } from '../../../src/sources/salesforce/index.js';
import { configOf, quick, startSalesforce } from '../../sources/salesforce/server.js';
import { strikes } from './strikes.js';
import { TROUBLES, type Row, type SourceRig } from './rig.js';

/** A strict local Salesforce; the suite's keys are a field of their own. */
export async function salesforce(): Promise<SourceRig> {
  const server = await startSalesforce();
  const { ways, records } = server;
  // Some locators outlive a restart, and some do not outlive a page.
  Object.assign(ways, { locatorsOfSession: false, losesEvery: 5 });
  const idOf = (key: string): number => 1_000_000 + Number(key.slice(1));
  const put = (rows: readonly Row[]): Promise<void> =>
    Promise.resolve(server.put(...rows.map(({ key, time, name }) => ({ id: idOf(key), time: Date.parse(time), fields: { External__c: key, FirstName: name } }))));
  return {
    cases: ['late', 'changing', 'only', 'window', 'unchanged'],
    troubles: [...TROUBLES, 'refused', 'down', 'rubbish'],
    source: () => createSalesforceSource(configOf(server.loginUrl, { key: 'External__c', overlap: 120_000, pageSize: 500 }), ['FirstName', 'DeletedAt'], quick()),
    config: () => configOf(server.loginUrl, { key: 'External__c', overlap: 120_000, pageSize: 500, fields: { firstName: 'FirstName', deletedAt: 'DeletedAt' } }),
    plant: (rows) => {
      records.clear();
      return put(rows);
    },
    put,
    // To the recycle bin.
    remove: (keys) => {
      for (const key of keys) {
        const kept = records.get(idOf(key));
        if (kept !== undefined) server.put({ ...kept, time: Date.now(), deleted: true });
      }
      return Promise.resolve();
    },
    trouble: (trouble) => {
      ways.strike = trouble === null ? undefined : strikes[trouble];
      ways.bend = undefined;
      if (trouble === 'repeatedPages') ways.bend = (call, body, before) => (call % 3 === 0 && before !== null ? before : body);
      if (trouble === 'reorderedPages') ways.bend = (call, body) => (call % 3 === 0 ? { ...body, records: [...(body as { records: unknown[] }).records].reverse() } : body);
    },
    secrets: ['sf-hush', 'token-hush'],
    close: () => server.close(),
  };
}
