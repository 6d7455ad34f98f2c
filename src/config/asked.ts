import type { DestinationConfig, FieldsConfig } from './types.js';

/**
 * The attributes a destination has columns or properties for. Those named like a field of the contact that the source
 * maps (`locale`, `country`) are not among them: where there is no such attribute the field goes there.
 */
export function attributesAskedBy(destination: DestinationConfig, fields: FieldsConfig): string[] {
  const named = [...Object.values('columns' in destination ? destination.columns : {}), ...Object.values('properties' in destination ? destination.properties : {})];
  return [...new Set(named)].filter((name) => !((name === 'locale' || name === 'country') && fields[name] !== undefined));
}
