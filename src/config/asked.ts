import { ATTRIBUTE } from './columns.js';
import type { DestinationConfig, FieldsConfig, MappingConfig } from './types.js';

/**
 * The attributes a destination has columns or properties for. Those named like a field of the contact that is
 * mapped (`locale`, `country`, `consentVersion`) are not among them: where there is no such attribute the field goes there.
 */
export function attributesAskedBy(destination: DestinationConfig, fields: FieldsConfig, mapping: MappingConfig = {}): string[] {
  if (destination.type === 'postgres') {
    return Object.values(destination.columns).filter((from) => from.startsWith(ATTRIBUTE)).map((from) => from.slice(ATTRIBUTE.length));
  }
  const named = [...Object.values('columns' in destination ? destination.columns : {}), ...Object.values('properties' in destination ? destination.properties : {})];
  return [...new Set(named)].filter((name) => !((name === 'locale' || name === 'country' || name === 'consentVersion') && (fields[name] ?? mapping[name]) !== undefined));
}
