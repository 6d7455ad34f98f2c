import type { Contact, Json } from '../../contacts/index.js';

/** One property of a contact, named as on the endpoint's page; a value is always text, as in its example. */
export type Property =
  | { readonly propertyname: string; readonly propertyvalue: string }
  | { readonly propertyid: string; readonly propertyvalue: string };

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

interface Rule {
  /** The text before the value. */
  readonly head: string;
  /** Undefined: not mapped, left alone. */
  readonly value: (contact: Contact) => Json | undefined;
}

/**
 * The properties of a contact as the inside of a JSON array, in an order of their names, so that the order in a
 * configuration file makes no contact look changed. `firstname` and `lastname` come from the contact's names unless
 * the configuration gives those properties to an attribute.
 */
export function compileProperties(properties: Readonly<Record<string, string>>): (contact: Contact) => string {
  const given = new Set(Object.keys(properties).map((name) => name.toLowerCase()));
  const rules: Rule[] = [];
  if (!given.has('firstname')) rules.push({ head: headOf('firstname'), value: (contact) => contact.firstName });
  if (!given.has('lastname')) rules.push({ head: headOf('lastname'), value: (contact) => contact.lastName });
  for (const name of Object.keys(properties).sort()) {
    const attribute = properties[name] ?? '';
    rules.push({ head: headOf(name), value: (contact) => attributeOf(contact, attribute) });
  }
  return (contact) => {
    let text = '';
    for (const { head, value } of rules) {
      const one = value(contact);
      if (one !== undefined) text += `${text === '' ? '' : ','}${head}${JSON.stringify(textValue(one))}}`;
    }
    return text;
  };
}

function headOf(name: string): string {
  return `{"${UUID.test(name) ? 'propertyid' : 'propertyname'}":${JSON.stringify(name)},"propertyvalue":`;
}

/** `locale`, `country` and `consentVersion` are fields of their own, unless an attribute has that name. */
function attributeOf(contact: Contact, name: string): Json | undefined {
  const attributes = contact.attributes;
  if (attributes !== undefined && Object.hasOwn(attributes, name)) return attributes[name];
  if (name === 'locale') return contact.locale;
  if (name === 'country') return contact.country;
  return name === 'consentVersion' ? contact.consentVersion : undefined;
}

/** unknown: whether a value may be anything but text; every one in the page's example is. */
function textValue(value: Json): string {
  if (value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
