// SPDX-License-Identifier: Apache-2.0
// What the passes of the kernel's build share: Babel's parts by their names, and questions about a module's bindings.
import generateModule from '@babel/generator';
import traverseModule from '@babel/traverse';

// Babel's packages are CommonJS modules: their default export is a property of what Node imports; test runners take it out.
export const generate = generateModule.default ?? generateModule;
export const traverse = traverseModule.default ?? traverseModule;

/** The program of a tree with its scopes computed anew: passes change trees, and none works with another's leftovers. */
export const programOf = (tree) => {
  let program;
  traverse.cache.clear();
  traverse(tree, {
    Program(path) {
      program = path;
      path.stop();
    },
  });
  return program;
};

/** Functions a module declares at its top, `const f = (…) => …` or `function f(…) {…}`, by name. */
export const functionsOf = (program) => {
  const functions = new Map();
  for (const { identifier, path } of Object.values(program.scope.bindings)) {
    const init = path.isVariableDeclarator() ? path.get('init') : path;
    if (init.isFunction()) functions.set(identifier.name, init);
  }
  return functions;
};

/** Whether an identifier stands for what the module itself declares under this name, not for a local of the same name. */
export const isModuleLevel = (path) => {
  const program = path.scope.getProgramParent();
  return path.scope.getBinding(path.node.name) === program.getOwnBinding(path.node.name);
};

const VIEW = /^(Int32|Uint8|Uint16|BigUint64|Float64)Array$|^DataView$/;

/** The module's views over the image, by name with their class: constants made of `new …Array(….buffer)`. */
export const viewsOf = (program) => {
  const views = new Map();
  for (const { identifier, kind, path } of Object.values(program.scope.bindings)) {
    const init = kind === 'const' && path.isVariableDeclarator() ? path.node.init : undefined;
    const isView =
      init?.type === 'NewExpression' &&
      VIEW.test(init.callee.name) &&
      init.arguments[0]?.property?.name === 'buffer';
    if (isView) views.set(identifier.name, init.callee.name);
  }
  return views;
};

/** Puts an expression where a name stood. In `{ name }` the property's name stays. */
export const replaceName = (path, node) => {
  if (path.parentPath.isObjectProperty() && path.parent.shorthand) path.parent.shorthand = false;
  path.replaceWith(node);
};

/** A name like `base` that the module uses nowhere. */
export const freshName = (program, base) => {
  const { scope } = program;
  let name = base;
  for (let n = 2; scope.references[name] || scope.uids[name]; n++) name = `${base}${n}`;
  scope.references[name] = true;
  return name;
};
