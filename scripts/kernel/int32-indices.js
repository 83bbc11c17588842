// SPDX-License-Identifier: Apache-2.0
// A pass of the kernel's build: index sums of the views become 32-bit sums, `I32[v + V_GR + 1]` -> `I32[(v + 9) | 0]`. Without it V8
// tests every sum for overflow; the sources stay readable. What is added must be integers: 32 bits of anything else are another index.
// Source: docs/reference/performance.md section 4 rule 2.
import * as t from '@babel/types';
import { isModuleLevel, viewsOf } from './ast.js';
import { numberOf } from './fold-constants.js';
import { Refusal } from './refusal.js';

const PASS = 'int32-indices';
const INTEGER_OPERATORS = new Set(['|', '&', '^', '<<', '>>', '>>>', '%']);
const SUM_OPERATORS = new Set(['+', '-', '*']);

/** Why an addend is no integer; undefined when nothing speaks against it. */
const fractionIn = (path, views) => {
  if (path.isNumericLiteral()) return Number.isInteger(path.node.value) ? undefined : 'a fraction';
  if (path.isStringLiteral() || path.isTemplateLiteral()) return 'a text';
  if (path.isBooleanLiteral()) return 'a truth value';
  if (path.isMemberExpression({ computed: true }) && path.get('object').isIdentifier())
    return /^(Float|BigUint)/.test(views.get(path.node.object.name))
      ? 'no integer view'
      : undefined;
  if (path.isBinaryExpression()) {
    const { operator } = path.node;
    if (INTEGER_OPERATORS.has(operator)) return undefined;
    if (!SUM_OPERATORS.has(operator)) return `the result of \`${operator}\``;
    return fractionIn(path.get('left'), views) ?? fractionIn(path.get('right'), views);
  }
  return path.isIdentifier() ? fractionBehind(path, views) : undefined;
};

/** The same for a local constant: what it was made of. */
const fractionBehind = (path, views) => {
  const binding = path.scope.getBinding(path.node.name);
  const isLocal = binding !== undefined && !isModuleLevel(path);
  if (!isLocal || binding.kind !== 'const' || !binding.path.isVariableDeclarator())
    return undefined;
  return fractionIn(binding.path.get('init'), views);
};

const addendsOf = (path) =>
  path.isBinaryExpression({ operator: '+' })
    ? [...addendsOf(path.get('left')), ...addendsOf(path.get('right'))]
    : [path];

/** Constant in one kernel instance: a literal, or a number the module computes when it is loaded. */
const isConstant = (path) =>
  numberOf(path.node) !== undefined ||
  (path.isIdentifier() &&
    isModuleLevel(path) &&
    path.scope.getBinding(path.node.name)?.kind === 'const');

const sum = (left, right) => t.binaryExpression('+', left, right);
const sum32 = (left, right) => t.binaryExpression('|', sum(left, right), t.numericLiteral(0));

/** Nodes of the addends in the order they are added: variable ones, then constants as one, literals as one number; no zero. */
const termsOf = (addends) => {
  const variable = addends.filter((one) => !isConstant(one)).map((one) => one.node);
  const constant = addends.filter(isConstant);
  const named = constant.filter((one) => numberOf(one.node) === undefined).map((one) => one.node);
  const number = constant.reduce((total, one) => total + (numberOf(one.node) ?? 0), 0);
  const literal =
    number < 0 ? t.unaryExpression('-', t.numericLiteral(-number)) : t.numericLiteral(number);
  const constants = number === 0 ? named : [...named, literal];
  return constants.length === 0 ? variable : [...variable, constants.reduce(sum)];
};

/** The pass. */
export const int32Indices = (program) => {
  const views = viewsOf(program);
  const isIndex = (path) =>
    path.node.computed &&
    path.get('object').isIdentifier() &&
    views.has(path.node.object.name) &&
    isModuleLevel(path.get('object'));
  program.traverse({
    MemberExpression: {
      exit(path) {
        const index = path.get('property');
        if (!isIndex(path) || !index.isBinaryExpression({ operator: '+' })) return;
        const addends = addendsOf(index);
        for (const addend of addends) {
          const why = fractionIn(addend, views);
          if (why !== undefined)
            throw new Refusal(
              PASS,
              addend,
              `an index of ${path.node.object.name} adds ${why}`,
              'make an integer of it: `| 0`',
            );
        }
        const terms = termsOf(addends);
        index.replaceWith({ ...terms.reduce(sum32), loc: index.node.loc });
      },
    },
  });
};
