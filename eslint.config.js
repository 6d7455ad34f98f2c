import tseslint from 'typescript-eslint';
import { frontDoor } from './eslint-rules/front-door.js';

// Workflow code runs again from its history: whatever it imports must give the same answer every time. So it may
// use values of other workflow files and of these two packages, and only the types of everything else.
const OUTSIDE_OF_WORKFLOWS = '^(?!\\./|@temporalio/(?:workflow|common)$)';

const NO_ENUMS = { selector: 'TSEnumDeclaration', message: 'Use a const object: enums leave code behind.' };
// On Node 20 AbortSignal.any() does not keep a timeout alive: a garbage collection takes it, and it never fires (nodejs/node#57736).
const NO_LOST_DEADLINES = {
  selector: "MemberExpression[object.name='AbortSignal'][property.name='timeout']",
  message: 'A garbage collection can take it: use withDeadline of src/http.',
};

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'coverage/', '**/.syncline/'] },
  {
    files: ['**/*.{js,mjs}'],
    rules: { eqeqeq: 'error', 'no-unused-vars': 'error', 'no-undef': 'off', 'prefer-const': 'error', 'no-var': 'error' },
  },
  {
    files: ['**/*.ts'],
    ignores: ['**/*.d.ts'],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { '@typescript-eslint': tseslint.plugin, syncline: { rules: { 'front-door': frontDoor } } },
    rules: {
      eqeqeq: ['error', 'always'],
      'no-var': 'error',
      'prefer-const': 'error',
      'no-constant-condition': ['error', { checkLoops: false }],
      'no-debugger': 'error',
      'no-self-compare': 'error',
      'no-unsafe-finally': 'error',
      'no-unreachable': 'error',
      'no-promise-executor-return': 'off',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-for-in-array': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unsafe-function-type': 'error',
      '@typescript-eslint/ban-ts-comment': 'error',
      '@typescript-eslint/no-unnecessary-type-assertion': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/no-require-imports': 'error',
      'no-restricted-syntax': ['error', NO_ENUMS, NO_LOST_DEADLINES],
      'syncline/front-door': 'error',
    },
  },
  {
    files: ['workflows/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: OUTSIDE_OF_WORKFLOWS,
              allowTypeImports: true,
              message: 'Workflow code takes values only from workflows/, @temporalio/workflow and @temporalio/common; import type is fine.',
            },
          ],
        },
      ],
      'no-restricted-syntax': [
        'error',
        NO_ENUMS,
        { selector: 'ImportExpression', message: 'Workflow code loads nothing while it runs.' },
      ],
      'no-restricted-globals': ['error', 'fetch', 'process', 'Buffer', 'WebSocket'],
    },
  },
  {
    // Tests reach into a folder to hold its parts to their rules.
    files: ['test/**/*.ts'],
    rules: { 'syncline/front-door': 'off', 'no-restricted-syntax': ['error', NO_ENUMS] },
  },
);
