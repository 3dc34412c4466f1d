import js from '@eslint/js'
import tseslint from 'typescript-eslint'

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'no-control-regex': 'off',
      eqeqeq: 'error',
    },
  },
  {
    // A promise that nobody waits for ends Haraka when it rejects, and all mail with it.
    files: ['plugins/**/*.ts', 'test/**/*.ts'],
    languageOptions: {
      parserOptions: { project: ['test/tsconfig.json'], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
    },
  },
  {
    // Here "void" does not do: whoever begins work says who takes its errors.
    files: ['plugins/**/*.ts'],
    rules: { '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: false }] },
  },
  {
    // Scripts of browsers: tsc knows the names that they have there (web/tsconfig.json).
    files: ['web/**/*.js'],
    rules: { 'no-undef': 'off' },
  },
  {
    // CommonJS that Node runs as it is.
    files: ['scripts/*.js', 'test/unit.js'],
    rules: { 'no-undef': 'off', '@typescript-eslint/no-require-imports': 'off' },
  },
  {
    // Haraka's API is untyped; the one folder that meets it may say so.
    files: ['plugins/tdc/haraka/**'],
    rules: { '@typescript-eslint/no-explicit-any': 'off' },
  },
)
