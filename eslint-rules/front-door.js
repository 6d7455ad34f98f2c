import path from 'node:path';

/**
 * A folder of `src/` is entered by its index.ts alone: what lies behind may change without anybody else noticing.
 *
 * @type {import('eslint').Rule.RuleModule}
 */
export const frontDoor = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { behind: 'Import from "{{ door }}": what lies behind the front door of src/{{ folder }} is its own business.' },
  },
  create(context) {
    const src = path.join(context.cwd, 'src');
    const folderOf = (file) => {
      const parts = path.relative(src, file).split(path.sep);
      return parts[0] === '..' || parts.length < 2 ? null : parts[0];
    };
    const home = folderOf(context.filename);

    const look = (node) => {
      const specifier = node.source?.value;
      if (typeof specifier !== 'string' || !specifier.startsWith('.')) return;
      const target = path.resolve(path.dirname(context.filename), specifier);
      const folder = folderOf(target);
      if (folder === null || folder === home || path.relative(path.join(src, folder), target) === 'index.js') return;
      let door = path.relative(path.dirname(context.filename), path.join(src, folder, 'index.js')).split(path.sep).join('/');
      if (!door.startsWith('.')) door = `./${door}`;
      context.report({ node: node.source, messageId: 'behind', data: { door, folder } });
    };
    return { ImportDeclaration: look, ImportExpression: look, ExportNamedDeclaration: look, ExportAllDeclaration: look };
  },
};
