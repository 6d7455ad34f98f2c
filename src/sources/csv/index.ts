import type { CsvSourceConfig } from '../../config/index.js';
import { later, microTime, parseTime } from '../../contacts/index.js';
import { SourceError, type ReadPlan, type Source, type SourceRow } from '../contract.js';
import { RecordFile, type FileRecord, type Stamp } from './file.js';

/** A csv plan's notes: the file it was made for, and the clock of that moment. */
interface Notes extends Stamp {
  readonly now: string;
  readonly keys?: readonly string[];
}

interface Layout {
  readonly width: number;
  readonly key: number;
  readonly time: number;
  readonly values: readonly number[];
}

/**
 * A CSV file with a header row as a source. Every run reads the whole file; a file has no clock, so its bound is null.
 * @param options.now milliseconds since 1970; times later than that are not usable. @default Date.now
 */
export function createCsvSource(config: CsvSourceConfig, columns: readonly string[], options: { readonly now?: () => number } = {}): Source {
  const { path, delimiter } = config;
  const now = options.now ?? Date.now;

  const opened = async <T>(work: (file: RecordFile, layout: Layout | null) => Promise<T>): Promise<T> => {
    const file = await RecordFile.open(path);
    try {
      return await work(file, layoutOf(config, columns, await file.header(delimiter)));
    } finally {
      await file.close();
    }
  };

  return {
    check: () =>
      opened((file, layout) =>
        Promise.resolve(layout === null ? `${path}: empty, no header` : `${path}: ${layout.width} columns, ${file.stamp.size} bytes, key ${config.key}`),
      ),

    begin: (request) =>
      opened((file, layout): Promise<ReadPlan> => {
        if (request.kind === 'window' && config.updatedAt === undefined) {
          throw new SourceError('misconfigured', `source ${config.name}: a window of time needs updatedAt`, 'set updatedAt, or read without a window');
        }
        const notes = { ...file.stamp, now: microTime(now()), ...(request.kind === 'only' ? { keys: [...(request.keys ?? [])] } : {}) };
        const warnings = layout === null ? [`the file ${path} is empty: it has not even a header`] : [];
        const window = request.kind === 'window';
        const whole = request.kind === 'incremental' || request.kind === 'full' ? { whole: true as const } : {};
        return Promise.resolve({ kind: request.kind, ...whole, from: (window && request.from) || null, to: (window && request.to) || null, warnings, notes });
      }),

    async *pages(plan, position, signal) {
      signal.throwIfAborted();
      const notes = plan.notes as unknown as Notes;
      const file = await RecordFile.open(path);
      try {
        assertSame(path, notes, file.stamp);
        const layout = layoutOf(config, columns, await file.header(delimiter));
        const at = position as { offset: number; line: number } | null;
        if (at !== null) file.seek(at.offset, at.line);
        const wanted = wantedBy(plan, notes);
        for (let last = layout === null; ; ) {
          const records = layout === null ? [] : await file.records(config.pageSize, { delimiter, width: layout.width }, signal);
          last ||= records.length < config.pageSize;
          const rows = layout === null ? [] : records.map((record) => rowOf(record, layout, notes.now)).filter(wanted);
          if (last) assertSame(path, notes, await file.restat());
          // A page nobody wants is not worth a transaction; the position of the next one covers it.
          if (last || rows.length > 0) yield { rows, position: { ...file.position }, last };
          if (last) return;
        }
      } finally {
        await file.close();
      }
    },

    finish: (plan, previous, maxTime) => {
      if (plan.kind === 'window' || plan.kind === 'only') return Promise.resolve(previous ?? { cursor: null, notes: null });
      return Promise.resolve({ cursor: later(previous?.cursor ?? null, maxTime), notes: null });
    },

    count: (plan) =>
      opened(async (file, layout) => {
        const { keys } = plan.notes as unknown as Notes;
        if (keys !== undefined) return keys.length;
        if (layout === null) return 0;
        const start = file.position.offset;
        const sample = await file.records(1000, { delimiter, width: layout.width });
        const read = file.position.offset - start;
        return read === 0 ? 0 : Math.round((sample.length * (file.stamp.size - start)) / read);
      }),

    close: () => Promise.resolve(),
  };
}

function assertSame(path: string, begun: Stamp, now: Stamp): void {
  if (begun.size === now.size && begun.modified === now.modified) return;
  throw new SourceError('misconfigured', `the file ${path} changed while it was read`, 'run again; replace a file in one step (write beside it, then rename)');
}

const LONGEST_NAME = 60;

/** A column's name as a message may show it. */
function printable(name: string): string {
  const shown = name.replace(/\p{C}/gu, '\ufffd');
  return shown.length > LONGEST_NAME ? `${shown.slice(0, LONGEST_NAME - 1)}…` : shown;
}

/** Which fields of a record are what. Null where there is no header. */
function layoutOf(config: CsvSourceConfig, columns: readonly string[], header: readonly string[] | null): Layout | null {
  if (header === null) return null;
  const needed = [...new Set([config.key, ...(config.updatedAt === undefined ? [] : [config.updatedAt]), ...columns])];
  const missing = needed.filter((name) => !header.includes(name));
  if (missing.length > 0) {
    throw new SourceError(
      'misconfigured',
      `source ${config.name}: the header of ${config.path} has no column ${missing.map((name) => `"${name}"`).join(', ')}`,
      needed.some((name) => header.includes(name))
        ? `it has ${header.map(printable).join(', ')}; correct key, updatedAt, fields or delimiter of the source`
        // Not one name fits: perhaps it is no header but a contact, whose values belong into no message.
        : 'not one of the columns is there: see that the first line of the file names the columns, and that delimiter is right',
    );
  }
  const twice = needed.filter((name) => header.indexOf(name) !== header.lastIndexOf(name));
  if (twice.length > 0) {
    throw new SourceError('misconfigured', `source ${config.name}: the header of ${config.path} has "${twice.join('", "')}" twice`, 'rename one of them');
  }
  return {
    width: header.length,
    key: header.indexOf(config.key),
    time: config.updatedAt === undefined ? -1 : header.indexOf(config.updatedAt),
    values: columns.map((name) => header.indexOf(name)),
  };
}

function rowOf(record: FileRecord, layout: Layout, now: string): SourceRow {
  const { fields, fault } = record;
  const place = `line ${record.line}`;
  if (fault !== undefined) return { key: null, time: null, values: [], place, fault };
  const key = fields[layout.key]!;
  const values = layout.values.map((index) => fields[index]);
  const time = layout.time < 0 ? null : parseTime(fields[layout.time]!.trim());
  const row = { key: key === '' ? null : key, values, place };
  const odd = layout.time >= 0 && (time === null || time > now);
  return odd ? { ...row, time: null, oddTime: true } : { ...row, time };
}

/** Which rows a plan is about. */
function wantedBy(plan: ReadPlan, notes: Notes): (row: SourceRow) => boolean {
  if (plan.kind === 'only') {
    const keys = new Set(notes.keys);
    return (row) => row.key !== null && keys.has(row.key);
  }
  if (plan.kind === 'window') {
    return (row) => row.time !== null && (plan.from === null || row.time >= plan.from) && (plan.to === null || row.time < plan.to);
  }
  return () => true;
}
