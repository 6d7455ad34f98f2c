// The part of SOQL a source needs, as strict as Salesforce: what it would refuse is refused, with its words.

export type Value = string | boolean | number | null;
/** Field → value; `Account.Name` is a field of its own here, and becomes an object when it is shown. */
export type Fields = Readonly<Record<string, Value>>;
export interface Parsed {
  readonly object: string;
  /** In the spelling of the schema; null: COUNT(). */
  readonly fields: readonly string[] | null;
  readonly matches: (record: Fields) => boolean;
  readonly order: readonly string[];
  readonly limit: number | null;
}
export class SoqlError extends Error {
  constructor(readonly errorCode: string, message: string) {
    super(message);
  }
}

const TOKEN = /\s*(?:(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:\d\d))|('(?:[^'\\]|\\['"\\nrtbf])*')|([A-Za-z][\w.]*)|(\d+)|(<=|>=|!=|[<>=(),]))/y;
const RESERVED = /^(?:select|from|where|and|or|not|in|order|by|limit|asc|desc|count)$/i;
const ID = /^(?:[A-Za-z0-9]{15}|[A-Za-z0-9]{18})$/;

type Test = (record: Fields) => boolean;

/** @param schema object → its fields, in the spelling of Salesforce */
export function parseSoql(text: string, schema: Readonly<Record<string, readonly string[]>>): Parsed {
  const tokens: { readonly text: string; readonly at: number }[] = [];
  TOKEN.lastIndex = 0;
  const refuse = (at: number, words: string, code = 'MALFORMED_QUERY'): never => {
    throw new SoqlError(code, `\n${text.slice(Math.max(0, at - 20), at + 20)}\n${' '.repeat(20)}^\nERROR at Row:1:Column:${at + 1}\n${words}`);
  };
  for (let at = 0; at < text.trimEnd().length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (found === null) return refuse(at, `line 1:${at} no viable alternative at character '${text[at]}'`);
    tokens.push({ text: found[0].trim(), at });
  }
  let position = 0;
  const peek = (): string => tokens[position]?.text ?? '<EOF>';
  const place = (): number => tokens[position]?.at ?? text.length;
  const is = (word: string): boolean => peek().toLowerCase() === word;
  const take = (): string => tokens[position++]?.text ?? refuse(text.length, 'unexpected token: <EOF>');
  const expect = (word: string): void => { if (take().toLowerCase() !== word) { position--; refuse(place(), `expecting '${word}', found '${peek()}'`); } };
  const word = (): string => (/^[A-Za-z]/.test(peek()) && !RESERVED.test(peek()) ? take() : refuse(place(), `unexpected token: '${peek()}'`));

  expect('select');
  const wanted: { readonly name: string; readonly at: number }[] = [];
  const counts = is('count');
  if (counts) for (const part of ['count', '(', ')']) expect(part);
  else do wanted.push({ at: place(), name: word() }); while (is(',') && take() !== '');
  expect('from');
  const objectAt = place();
  const asked = word();
  const object = Object.keys(schema).find((name) => name.toLowerCase() === asked.toLowerCase()) ?? refuse(objectAt, `sObject type '${asked}' is not supported.`, 'INVALID_TYPE');
  const field = (name: string, at: number): string => schema[object]!.find((known) => known.toLowerCase() === name.toLowerCase())
    ?? refuse(at, `No such column '${name}' on entity '${object}'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name.`, 'INVALID_FIELD');
  const fields = wanted.map(({ name, at }) => field(name, at));
  const twice = fields.find((name, i) => fields.indexOf(name) !== i);
  if (twice !== undefined) refuse(0, `duplicate field selected: ${twice}`, 'INVALID_FIELD');

  const literal = (name: string): Value => {
    const at = place();
    const token = take();
    const quoted = token.startsWith('\'');
    const bare = quoted ? token.slice(1, -1).replace(/\\(.)/g, '$1') : token;
    if (name === 'SystemModstamp') {
      if (quoted || !/^\d{4}-/.test(token)) refuse(at, `value of filter criterion for field '${name}' must be of type dateTime and should not be enclosed in quotes`, 'INVALID_FIELD');
      return new Date(token).toISOString().slice(0, 19);
    }
    if (!quoted) refuse(at, `value of filter criterion for field '${name}' must be of type string and should be enclosed in quotes`, 'INVALID_FIELD');
    if (name === 'Id' && !ID.test(bare)) refuse(at, `invalid ID field: ${bare}`, 'INVALID_QUERY_FILTER_OPERATOR');
    return bare;
  };
  // Salesforce compares whole seconds.
  const read = (record: Fields, name: string): string => (name === 'SystemModstamp' ? String(record[name]).slice(0, 19) : String(record[name] ?? null));
  const condition = (): Test => {
    if (is('(')) {
      take();
      const inner = conditions();
      expect(')');
      return inner;
    }
    const at = place();
    const name = field(word(), at);
    if (is('in')) {
      take();
      expect('(');
      const values = new Set<Value>();
      do values.add(literal(name)); while (is(',') && take() !== '');
      expect(')');
      return (record) => values.has(record[name] ?? null);
    }
    const operator = take();
    const value = literal(name);
    const compare: Record<string, (a: string, b: string) => boolean> = { '=': (a, b) => a === b, '>': (a, b) => a > b, '<': (a, b) => a < b, '>=': (a, b) => a >= b, '<=': (a, b) => a <= b };
    const test = compare[operator] ?? refuse(at, `unexpected token: '${operator}'`);
    return (record) => test(read(record, name), String(value));
  };
  const conditions = (): Test => {
    const tests = [condition()];
    const joined = is('or') ? 'or' : 'and';
    while (is('and') || is('or')) {
      if (!is(joined)) refuse(place(), `unexpected token: '${peek()}'`);
      take();
      tests.push(condition());
    }
    return joined === 'or' ? (record) => tests.some((test) => test(record)) : (record) => tests.every((test) => test(record));
  };
  let matches: Test = () => true;
  if (is('where')) {
    take();
    matches = conditions();
  }
  const order: string[] = [];
  if (is('order')) {
    take();
    expect('by');
    do order.push(field(peek(), place())); while (take() !== '' && is(',') && take() !== '');
  }
  let limit: number | null = null;
  if (is('limit')) {
    take();
    limit = /^\d+$/.test(peek()) ? Number(take()) : refuse(place(), 'a limit that is no number');
  }
  if (position < tokens.length) refuse(place(), `unexpected token: '${peek()}'`);
  return { object, fields: counts ? null : fields, matches, order, limit };
}
