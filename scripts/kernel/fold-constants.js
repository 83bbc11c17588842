// SPDX-License-Identifier: Apache-2.0
// A pass of the kernel's build: constant numbers of the module become literals, `(V_GR + 1)` -> `9`. V8 decides by the length of a
// function's bytecode whether it is inlined, and a literal is shorter there than a named constant; the sources keep the names. A local
// with the name of a constant is a local.
// Source: docs/reference/performance.md section 4 rule 3.
import * as t from '@babel/types';
import { isModuleLevel, replaceName } from './ast.js';

const BINARY = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '|': (a, b) => a | b,
  '&': (a, b) => a & b,
  '^': (a, b) => a ^ b,
  '<<': (a, b) => a << b,
  '>>': (a, b) => a >> b,
  '>>>': (a, b) => a >>> b,
};
const UNARY = { '-': (a) => -a, '~': (a) => ~a };

/** Numbers with a literal: no NaN, no infinity, no negative zero. */
const literalOf = (number) => {
  if (number === undefined || !Number.isFinite(number) || Object.is(number, -0)) return undefined;
  const literal = t.numericLiteral(Math.abs(number));
  return number < 0 ? t.unaryExpression('-', literal) : literal;
};

/** The number a node stands for, whatever runs; undefined when there is none. All names in it must have become literals. */
export const numberOf = (node) => {
  if (t.isNumericLiteral(node)) return node.value;
  if (t.isUnaryExpression(node)) {
    const argument = numberOf(node.argument);
    return argument === undefined ? undefined : UNARY[node.operator]?.(argument);
  }
  if (!t.isBinaryExpression(node)) return undefined;
  const left = numberOf(node.left);
  const right = left === undefined ? undefined : numberOf(node.right);
  return right === undefined ? undefined : BINARY[node.operator]?.(left, right);
};

/** Makes one literal of each expression of literals at and below a path, from the inside out. */
const simplify = (path) => {
  const fold = (one) => {
    const isNegative =
      one.isUnaryExpression({ operator: '-' }) && one.get('argument').isNumericLiteral();
    const literal = isNegative ? undefined : literalOf(numberOf(one.node));
    if (literal !== undefined) one.replaceWith({ ...literal, loc: one.node.loc });
  };
  path.traverse({ 'BinaryExpression|UnaryExpression': { exit: fold } });
  if (path.isBinaryExpression() || path.isUnaryExpression()) fold(path);
};

/** Replaces a constant wherever the module means it; its declaration goes unless something else needs it. */
const replaceAll = (binding, number) => {
  const uses = binding.referencePaths.filter(
    (path) => path.isIdentifier() && isModuleLevel(path) && !path.parentPath.isExportSpecifier(),
  );
  for (const use of uses) replaceName(use, { ...literalOf(number), loc: use.node.loc });
  const isLast = binding.path.parent.declarations.length === 1;
  if (uses.length === binding.referencePaths.length && isLast) binding.path.parentPath.remove();
};

/** The pass. */
export const foldConstants = (program) => {
  const constants = Object.values(program.scope.bindings)
    .filter(({ kind, path }) => kind === 'const' && path.isVariableDeclarator())
    .sort((a, b) => a.path.node.start - b.path.node.start);
  for (const binding of constants) {
    simplify(binding.path);
    const number = numberOf(binding.path.node.init);
    if (literalOf(number) !== undefined) replaceAll(binding, number);
  }
  simplify(program);
};
