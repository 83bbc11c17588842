#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Figures of the house: node scripts/measure.js [--root FOLDER] [--json] [--list]. Casts that do nothing, exports nobody uses, cycles of
// imports, constants with a second definition, and so on, each beside what it was at commit 2402d2e, before the house was put in order.
// test/tidy keeps them where they are; --root measures another checkout, --list shows what was counted.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from '@babel/parser';

const { values: options } = parseArgs({
  options: { root: { type: 'string' }, json: { type: 'boolean' }, list: { type: 'boolean' } },
});
const ROOT = options.root ?? join(import.meta.dirname, '..');
/** Code that is built, and code that uses it. */
const PRODUCT = ['native-like', 'src'];
const USERS = ['bench', 'test', 'scripts', 'examples'];
/** Files whose exports the build, or the package's users, take. */
const ENTRIES = [
  'native-like/exec/kernel.ts',
  'src/index.ts',
  'src/vitest.ts',
  'src/fast-check.ts',
];
/** Recordings, and programs frozen by a benchmark. */
const SKIPPED = ['test/golden', 'bench/frozen', 'node_modules'];

const filesBelow = (folder) => {
  if (SKIPPED.includes(folder)) return [];
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return filesBelow(path);
    return /\.(ts|js)$/.test(entry.name) && !entry.name.endsWith('.d.ts') ? [path] : [];
  });
};

/** Calls `visit` with each node and its parent. */
function walk(node, visit, parent) {
  if (node === null || typeof node !== 'object' || typeof node.type !== 'string') return;
  visit(node, parent);
  for (const key of Object.keys(node)) {
    if (key === 'loc' || key.endsWith('omments')) continue;
    const child = node[key];
    if (Array.isArray(child)) for (const one of child) walk(one, visit, node);
    else walk(child, visit, node);
  }
}

const withoutParentheses = (node) =>
  node.type === 'ParenthesizedExpression' ? withoutParentheses(node.expression) : node;
const isElement = (node) => {
  const inner = withoutParentheses(node);
  return (
    inner.type === 'MemberExpression' && inner.computed && inner.property.type !== 'StringLiteral'
  );
};
const PRIMITIVE = ['TSNumberKeyword', 'TSStringKeyword', 'TSBooleanKeyword', 'TSBigIntKeyword'];
const isNumber = (init) =>
  init?.type === 'NumericLiteral' ||
  (init?.type === 'UnaryExpression' && init.argument.type === 'NumericLiteral') ||
  (init?.type === 'BinaryExpression' && isNumber(init.left) && isNumber(init.right));

/** File of an import as a path in the project; undefined for packages and built files. */
function target(from, source) {
  if (source === 'apemu') return 'src/index.ts';
  if (!source.startsWith('.')) return undefined;
  const path = normalize(join(dirname(from), source));
  // Scripts and attacks take what is built.
  return path.startsWith('dist/')
    ? path.replace(/^dist\//, '').replace(/\.js$/, '.ts')
    : path.replace(/\.js$/, (ending) => (from.endsWith('.ts') ? '.ts' : ending));
}

/** What one file exports, imports, defines. */
function read(path) {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const plugins = path.endsWith('.ts') ? ['typescript'] : [];
  const ast = parse(text, { sourceType: 'module', plugins, createParenthesizedExpressions: true });
  const file = {
    path,
    text,
    lines: text.split('\n').length - 1,
    exports: [],
    imports: [],
    constants: [],
  };
  Object.assign(file, { casts: 0, assertions: 0, words: new Map(), types: new Set() });
  for (const statement of ast.program.body) readStatement(file, statement);
  walk(ast.program, (node) => {
    if (node.type === 'TSAsExpression' && PRIMITIVE.includes(node.typeAnnotation.type))
      file.casts += isElement(node.expression) ? 1 : 0;
    if (node.type === 'TSNonNullExpression' && isElement(node.expression)) file.assertions++;
    if (node.type === 'Identifier') file.words.set(node.name, (file.words.get(node.name) ?? 0) + 1);
    if (
      node.type === 'ImportExpression' ||
      (node.type === 'CallExpression' && node.callee.type === 'Import')
    ) {
      const source = node.source ?? node.arguments[0];
      const to = source?.type === 'StringLiteral' ? target(path, source.value) : undefined;
      if (to !== undefined) file.imports.push({ to, names: ['*'], typeOnly: false, lazy: true });
    }
    if (node.type === 'TSImportType' && node.argument?.value !== undefined) {
      const to = target(path, node.argument.value);
      if (to !== undefined) file.imports.push({ to, names: ['*'], typeOnly: true });
    }
  });
  return file;
}

function readStatement(file, statement) {
  const { declaration, specifiers = [], source } = statement;
  if (
    statement.type === 'ImportDeclaration' ||
    (statement.type === 'ExportNamedDeclaration' && source) ||
    statement.type === 'ExportAllDeclaration'
  ) {
    const to = target(file.path, source.value);
    const kind = statement.importKind ?? statement.exportKind;
    const typeOnly =
      kind === 'type' ||
      (specifiers.length > 0 &&
        specifiers.every((one) => (one.importKind ?? one.exportKind) === 'type'));
    const names = specifiers.map(({ imported, local }) => (imported ?? local)?.name ?? '*');
    const all =
      statement.type === 'ExportAllDeclaration' ||
      specifiers.some(({ type }) => type === 'ImportNamespaceSpecifier');
    if (to !== undefined) file.imports.push({ to, names: all ? ['*'] : names, typeOnly });
  }
  if (statement.type === 'ExportNamedDeclaration' && !source) {
    const declared = declaration?.declarations?.map(({ id }) => id.name) ?? [];
    if (declaration?.id) declared.push(declaration.id.name);
    if (/^TS(Interface|TypeAlias)/.test(declaration?.type)) file.types.add(declaration.id.name);
    file.exports.push(
      ...declared.filter(Boolean),
      ...specifiers.map(({ exported }) => exported.name),
    );
  }
  const variables = (declaration ?? statement).declarations ?? [];
  for (const { id, init } of variables)
    if (/^[A-Z][A-Z0-9_]+$/.test(id?.name ?? '') && isNumber(init)) file.constants.push(id.name);
}

/** Groups of files that reach each other, by Tarjan's algorithm. */
function cycles(files, follows) {
  const index = new Map();
  const low = new Map();
  const stack = [];
  const groups = [];
  const visit = (path) => {
    index.set(path, index.size);
    low.set(path, index.get(path));
    stack.push(path);
    for (const { to } of files.get(path).imports.filter(follows)) {
      if (!files.has(to)) continue;
      if (!index.has(to)) visit(to);
      if (stack.includes(to)) low.set(path, Math.min(low.get(path), low.get(to)));
    }
    if (low.get(path) !== index.get(path)) return;
    const group = stack.splice(stack.indexOf(path));
    if (group.length > 1) groups.push(group.sort());
  };
  for (const path of files.keys()) if (!index.has(path)) visit(path);
  return groups.sort((a, b) => b.length - a.length);
}

const product = new Map(PRODUCT.flatMap(filesBelow).map((path) => [path, read(path)]));
const users = USERS.flatMap(filesBelow).map(read);
const all = [...product.values(), ...users];

/** Names other files take from each file. */
const taken = new Map(
  [...product.keys()].map((path) => [path, { product: new Set(), any: new Set() }]),
);
for (const { path, imports } of all) {
  for (const { to, names } of imports) {
    for (const name of names) {
      taken.get(to)?.any.add(name);
      if (product.has(path) || !path.startsWith('test/')) taken.get(to)?.product.add(name);
    }
  }
}
const exported = [...product.values()].flatMap(({ path, exports, words, types }) =>
  exports.map((name) => ({
    path,
    name,
    usedHere: words.get(name) > 1 || ENTRIES.includes(path),
    type: types.has(name),
  })),
);
const takes = (path, name, who) => taken.get(path)[who].has(name) || taken.get(path)[who].has('*');
/** Taken by no file, not even a test. */
const unused = exported.filter(
  ({ path, name }) => !ENTRIES.includes(path) && !takes(path, name, 'any'),
);
/** Taken by tests alone. */
const forTests = exported.filter(
  ({ path, name }) =>
    !ENTRIES.includes(path) && takes(path, name, 'any') && !takes(path, name, 'product'),
);

const definitions = new Map();
for (const { path, constants } of product.values())
  for (const name of constants) definitions.set(name, [...(definitions.get(name) ?? []), path]);
const twice = [...definitions].filter(([, paths]) => paths.length > 1);

/** Files with a text in them, outside native-like. */
const having = (pattern) =>
  [...product.values()]
    .filter(({ path, text }) => path.startsWith('src/') && pattern.test(text))
    .map(({ path }) => path);

const basenames = [...product.keys()].map((path) => basename(path));
/** Files named by the steps of docs/life-of-an-instruction.md, flow by flow; none where there is no such page. */
const flows = () => {
  const page = join(ROOT, 'docs/life-of-an-instruction.md');
  if (!existsSync(page)) return [];
  const sections = readFileSync(page, 'utf8').split(/^## /m).slice(1);
  return sections.map((section) => {
    const files = [...section.matchAll(/\| `((?:src|native-like)\/[^`]+)` \| `/g)].map(
      (match) => match[1],
    );
    return { title: section.split('\n')[0], files: new Set(files).size };
  });
};

const sum = (of) => [...product.values()].reduce((total, file) => total + of(file), 0);
const figures = {
  files: product.size,
  lines: sum(({ lines }) => lines),
  casts: sum(({ casts }) => casts),
  assertions: sum(({ assertions }) => assertions),
  exports: exported.length,
  dead: unused.filter(({ usedHere }) => !usedHere).map(({ path, name }) => `${path} ${name}`),
  /** Values; a type that stands in an exported signature may be named by whoever wants to. */
  forNobodyElse: unused
    .filter(({ path, usedHere, type }) => usedHere && !type && !ENTRIES.includes(path))
    .map(({ path, name }) => `${path} ${name}`),
  forTests: forTests.map(({ path, name }) => `${path} ${name}`),
  cyclesAtRunTime: cycles(product, ({ typeOnly, lazy }) => !typeOnly && !lazy),
  cyclesOfTypes: cycles(product, ({ lazy }) => !lazy),
  constantsTwice: twice.map(([name, paths]) => `${name}: ${paths.join(', ')}`),
  contextBuilders: having(/new AdapterService\(/),
  layoutReaders: [...product.values()]
    .filter(
      ({ path, imports }) =>
        path.startsWith('src/') && imports.some(({ to }) => to === 'native-like/machine/layout.ts'),
    )
    .map(({ path }) => path),
  namesOften: [...new Set(basenames)]
    .map((name) => [name, basenames.filter((one) => one === name).length])
    .filter(([, count]) => count > 3)
    .map(([name, count]) => `${name}: ${count}`),
  operationLoops: having(/\boperation\.next\(\)/),
  flows: flows(),
};

/** Files of the flows of docs/life-of-an-instruction.md at that commit. */
const FLOWS_BEFORE = [26, 33, 31];

/** What the figures mean, and what they were. */
const ROWS = [
  ['files', 'files of the product', 397],
  ['lines', 'lines of the product', 48_474],
  ['contextBuilders', 'places that put together what executes AP instructions', 3],
  ['casts', 'casts of an element to the type it has', 477],
  ['assertions', 'assertions that an element is there', 85],
  ['constantsTwice', 'names of constants with a second definition', 48],
  ['layoutReaders', 'files above native-like that read the map of the image', 48],
  ['namesOften', 'names of files in more than three folders', 4],
  ['operationLoops', 'files that drive an operation step by step', 5],
  ['cyclesAtRunTime', 'cycles of imports at run time', 0],
  ['cyclesOfTypes', 'cycles of imports of types', 5],
  ['exports', 'exports', 2_297],
  ['dead', 'exports nobody uses', 11],
  ['forNobodyElse', 'exports for nobody else', 108],
  ['forTests', 'exports for tests alone', 121],
];

if (options.json) process.stdout.write(`${JSON.stringify(figures, undefined, 1)}\n`);
else {
  process.stdout.write(`${'now'.padStart(7)}${'before'.padStart(8)}\n`);
  for (const [name, meaning, before] of ROWS) {
    const value = figures[name];
    const count = Array.isArray(value) ? value.length : value;
    process.stdout.write(`${String(count).padStart(7)}${String(before).padStart(8)}  ${meaning}\n`);
    if (options.list !== true || !Array.isArray(value)) continue;
    for (const one of value)
      process.stdout.write(`${' '.repeat(17)}${Array.isArray(one) ? one.join(' ') : one}\n`);
  }
  // Before, the files of each flow were counted by hand.
  for (const [n, { title, files }] of figures.flows.entries())
    process.stdout.write(
      `${String(files).padStart(7)}${String(FLOWS_BEFORE[n]).padStart(8)}  files: ${title}\n`,
    );
}
