// SPDX-License-Identifier: Apache-2.0
// A pass of the kernel's build: a function that uses a view more than once takes it into a local, `const $I32 = I32;`. The compiler knows
// the constant all the same, but the bytecode loads and tests the module's variable once: a fifth shorter, and so inlined sooner.
// Source: docs/reference/performance.md section 4 rule 3.
import * as t from '@babel/types';
import { freshName, replaceName, viewsOf } from './ast.js';

/** The outermost function around a path, if it has a body of statements that the path is in. */
const bodyAround = (path) => {
  let body;
  for (let one = path; one !== null; one = one.parentPath)
    if (one.key === 'body' && one.parentPath.isFunction()) body = one;
  return body?.isBlockStatement() ? body : undefined;
};

/** Uses of a view by the function they are in. */
const usesByBody = (binding) => {
  const bodies = new Map();
  for (const use of binding.referencePaths) {
    const body = use.isIdentifier() ? bodyAround(use) : undefined;
    if (body !== undefined) bodies.set(body, [...(bodies.get(body) ?? []), use]);
  }
  return bodies;
};

/** The pass. */
export const localViews = (program) => {
  for (const view of viewsOf(program).keys()) {
    const name = freshName(program, `$${view}`);
    for (const [body, uses] of usesByBody(program.scope.getBinding(view))) {
      if (uses.length < 2) continue;
      for (const use of uses) replaceName(use, { ...t.identifier(name), loc: use.node.loc });
      body.node.body.unshift(
        t.variableDeclaration('const', [
          t.variableDeclarator(t.identifier(name), t.identifier(view)),
        ]),
      );
    }
  }
};
