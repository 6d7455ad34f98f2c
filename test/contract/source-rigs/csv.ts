import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SourceConfig } from '../../../src/config/index.js';
import { createSource } from '../../../src/sources/index.js';
import type { Row, SourceRig } from './rig.js';

/** A file, replaced in one step. It is read whole by every run, and must not change meanwhile. */
export function csv(): Promise<SourceRig> {
  const folder = mkdtempSync(join(tmpdir(), 'syncline-contract-'));
  const path = join(folder, 'contacts.csv');
  const rows = new Map<string, Row>();
  const config: SourceConfig = { type: 'csv', name: 'crm', path, delimiter: ',', key: 'id', updatedAt: 'updated', overlap: 120_000, pageSize: 500, fields: { firstName: 'name' } };
  const write = (): Promise<void> => {
    const text = ['id,name,updated', ...[...rows.values()].map(({ key, time, name }) => `${key},${name},${time}`)].join('\n');
    writeFileSync(`${path}.new`, `${text}\n`);
    renameSync(`${path}.new`, path);
    return Promise.resolve();
  };
  const put = (some: readonly Row[]): Promise<void> => {
    for (const row of some) rows.set(row.key, row);
    return write();
  };
  return Promise.resolve({
    cases: ['late', 'only', 'window'],
    troubles: [],
    source: () => createSource(config, ['name']),
    config: () => config,
    plant: (all) => {
      rows.clear();
      return put(all);
    },
    put,
    remove: (keys) => {
      for (const key of keys) rows.delete(key);
      return write();
    },
    trouble: () => undefined,
    secrets: [],
    close: () => {
      rmSync(folder, { recursive: true });
      return Promise.resolve();
    },
  });
}
