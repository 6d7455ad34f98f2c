import { parseTime } from '../../contacts/index.js';
import { compilePath, keyText, type Pick } from '../api/index.js';
import { SourceError, type SourceRow } from '../contract.js';

/** doc: the members of a v2 person. */
const MEMBERS = [
  'id', 'name', 'first_name', 'last_name', 'owner_id', 'org_id', 'add_time', 'update_time', 'emails', 'phones', 'is_deleted', 'visible_to',
  'label_ids', 'picture_id', 'postal_address', 'notes', 'im', 'birthday', 'job_title', 'custom_fields',
];

/** doc: members that come only when they are asked for; the last two only where the company has the marketing app. */
const ON_REQUEST = [
  'next_activity_id', 'last_activity_id', 'open_deals_count', 'related_open_deals_count', 'closed_deals_count', 'related_closed_deals_count',
  'participant_open_deals_count', 'participant_closed_deals_count', 'email_messages_count', 'activities_count', 'done_activities_count',
  'undone_activities_count', 'files_count', 'notes_count', 'followers_count', 'won_deals_count', 'related_won_deals_count', 'lost_deals_count',
  'related_lost_deals_count', 'last_incoming_mail_time', 'last_outgoing_mail_time', 'marketing_status', 'doi_status',
];

/** doc: no more custom fields than this can be asked for by name; without names all of them come. */
const MOST_CUSTOM = 15;

export const UPDATED_AT = 'update_time';
export const ID = 'id';

/** The `value` of the entry marked primary, else of the first that has one. */
function primary(entries: unknown): unknown {
  if (!Array.isArray(entries)) return null;
  const filled = entries.filter((entry: { value?: unknown } | null) => entry?.value !== undefined && entry.value !== null && entry.value !== '') as { value: unknown; primary?: unknown }[];
  return (filled.find((entry) => entry.primary === true) ?? filled[0])?.value ?? null;
}

/**
 * unknown: whether lists hold deleted persons and with which time. Where one says that it is deleted, its own
 * delete_time counts (seen in v1), else its last change.
 */
function deletedAt(person: unknown): unknown {
  const { is_deleted: deleted, delete_time: at, update_time: changed } = person as Record<string, unknown>;
  return at ?? (deleted === true ? changed : null);
}

/** Columns that are no members of a person. */
const DERIVED: Readonly<Record<string, Pick>> = {
  email: (person) => primary((person as Record<string, unknown>)['emails']),
  phone: (person) => primary((person as Record<string, unknown>)['phones']),
  deleted_at: deletedAt,
};

const headOf = (column: string): string => /^[^.[]*/.exec(column)![0];

/**
 * The parameters that ask for what the columns need.
 * @throws SourceError `misconfigured` where a column is nothing a person has: it would be sent as cleared for everybody
 */
export function parametersOf(source: string, key: string, columns: readonly string[]): Record<string, string> {
  const paths = [key, ...columns].filter((column) => !Object.hasOwn(DERIVED, column));
  const unknown = paths.filter((path) => !MEMBERS.includes(headOf(path)) && !ON_REQUEST.includes(headOf(path)));
  if (unknown.length > 0) {
    throw new SourceError(
      'misconfigured',
      `source ${source}: Pipedrive's persons have no ${[...new Set(unknown)].map((path) => `"${path}"`).join(', ')}`,
      `use ${Object.keys(DERIVED).join(', ')}, a member such as first_name or org_id, or custom_fields.KEY`,
    );
  }
  const asked = [...new Set(paths.map(headOf).filter((head) => ON_REQUEST.includes(head)))];
  const custom = customKeys(paths);
  return {
    ...(asked.length > 0 && { include_fields: asked.join(',') }),
    ...(custom.length > 0 && custom.length <= MOST_CUSTOM && { custom_fields: custom.join(',') }),
  };
}

/** The custom fields that columns name, each once. */
export function customKeys(columns: readonly string[]): string[] {
  return [...new Set(columns.flatMap((column) => /^custom_fields\.([^.[]+)/.exec(column)?.[1] ?? []))];
}

/** Compiles how a person becomes a row. */
export function rowReader(key: string, columns: readonly string[]): (person: unknown) => SourceRow {
  const pickOf = (column: string): Pick => (Object.hasOwn(DERIVED, column) ? DERIVED[column]! : compilePath(column));
  const keyOf = pickOf(key);
  const picks = columns.map(pickOf);
  return (entry) => {
    const person = typeof entry === 'object' && entry !== null ? entry : {};
    const time = timeOf(person);
    const row = { key: keyText(keyOf(person)), time, values: picks.map((pick) => pick(person) ?? null) };
    return time === null ? { ...row, oddTime: true } : row;
  };
}

/** When a person was last changed; doc: RFC 3339, whole seconds. */
export function timeOf(person: unknown): string | null {
  const value = (person as Record<string, unknown> | null)?.[UPDATED_AT];
  return typeof value === 'string' ? parseTime(value) : null;
}
