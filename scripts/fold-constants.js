// SPDX-License-Identifier: Apache-2.0
// A step of the kernel's build: constant numbers of the module become literals, `(V_GR + 1)` -> `9`. V8 decides by the length of a
// function's bytecode whether it is inlined, and a literal is shorter there than a named constant; the sources keep the names.
// Source: docs/reference/performance.md section 4 rule 3.
import { parseAst } from 'rollup/parseAst';

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

/** The number a node stands for, whatever runs; undefined when there is none. */
const numberOf = (node, constants) => {
  switch (node.type) {
    case 'Literal':
      return typeof node.value === 'number' ? node.value : undefined;
    case 'Identifier':
      return constants.get(node.name);
    case 'UnaryExpression': {
      const argument = numberOf(node.argument, constants);
      return argument === undefined ? undefined : UNARY[node.operator]?.(argument);
    }
    case 'BinaryExpression': {
      const left = numberOf(node.left, constants);
      const right = left === undefined ? undefined : numberOf(node.right, constants);
      return right === undefined ? undefined : BINARY[node.operator]?.(left, right);
    }
    default:
      return undefined;
  }
};

/** Names and numbers of the module's constants, in the order of their declaration. */
const constantsOf = (program) => {
  const constants = new Map();
  for (const { type, kind, declarations } of program.body) {
    if (type !== 'VariableDeclaration' || kind !== 'const') continue;
    for (const { id, init } of declarations) {
      const number = numberOf(init, constants);
      if (number !== undefined) constants.set(id.name, number);
    }
  }
  return constants;
};

/** Children that are expressions: not the names of properties, nor what a declaration declares. */
const childrenOf = (node) =>
  Object.entries(node)
    .filter(([key]) => !(key === 'property' || key === 'key') || node.computed)
    .filter(([key]) => key !== 'id' && key !== 'params')
    .flatMap(([, child]) => child)
    .filter((child) => typeof child?.type === 'string');

/** Edits for the outermost constant expressions at and below a node. */
const collect = (node, constants, edits) => {
  const number = node.type === 'Literal' ? undefined : numberOf(node, constants);
  if (number === undefined) {
    for (const child of childrenOf(node)) collect(child, constants, edits);
  } else edits.push({ start: node.start, end: node.end, text: literal(number) });
};

const literal = (number) => (number < 0 || Object.is(number, -0) ? `(${number})` : `${number}`);

const isNumber = ({ type, kind, declarations }, constants) =>
  type === 'VariableDeclaration' &&
  kind === 'const' &&
  declarations.every(({ id }) => constants.has(id.name));

const folded = (code) => {
  const program = parseAst(code);
  const constants = constantsOf(program);
  const edits = [];
  for (const statement of program.body) {
    if (isNumber(statement, constants))
      edits.push({ start: statement.start, end: statement.end, text: '' });
    else collect(statement, constants, edits);
  }
  let text = '';
  let from = 0;
  for (const edit of edits) {
    text += code.slice(from, edit.start) + edit.text;
    from = edit.end;
  }
  return text + code.slice(from);
};

/** Rollup plugin. */
export const foldConstants = () => ({
  name: 'fold-constants',
  renderChunk: (code) => ({ code: folded(code), map: null }),
});
