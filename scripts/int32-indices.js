// SPDX-License-Identifier: Apache-2.0
// A step of the kernel's build: index sums of the views become 32-bit sums, `I32[v + V_GR + 1]` -> `I32[(v + (V_GR + 1)) | 0]`.
// Without it V8 tests every sum for overflow; the sources stay readable. Source: docs/reference/performance.md section 4 rule 2.
import { parseAst } from 'rollup/parseAst';

/** Names of the views over the image. */
export const VIEWS = new Set(['I32', 'U8', 'U16', 'U64', 'F64', 'BYTES']);

/** Layout numbers and region addresses: upper case by convention, constant in one kernel instance. */
const isConstant = (node) =>
  node.type === 'Literal' || (node.type === 'Identifier' && /^[A-Z][A-Z0-9_$]*$/.test(node.name));

const addendsOf = (node) =>
  node.type === 'BinaryExpression' && node.operator === '+'
    ? [...addendsOf(node.left), ...addendsOf(node.right)]
    : [node];

/** Text of an index: its sums in 32 bits, constants added to each other first. */
const indexText = (code, node) => {
  const addends = addendsOf(node);
  if (addends.length === 1) return textOf(code, node);
  const constants = addends.filter(isConstant).map((one) => code.slice(one.start, one.end));
  const others = addends.filter((one) => !isConstant(one));
  const sums = others.map((one) => `(${textOf(code, one)})`);
  if (constants.length > 0)
    sums.push(constants.length === 1 ? constants[0] : `(${constants.join(' + ')})`);
  return sums.reduce((left, right) => `(${left} + ${right} | 0)`);
};

/** Text of any node with the indices inside it rewritten. */
const textOf = (code, node) => {
  const edits = [];
  collect(code, node, edits);
  let text = code.slice(node.start, node.end);
  for (const { start, end, replacement } of edits.sort((a, b) => b.start - a.start))
    text = text.slice(0, start - node.start) + replacement + text.slice(end - node.start);
  return text;
};

/** Edits for the outermost indices below a node. */
const collect = (code, node, edits) => {
  const isIndex = node.type === 'MemberExpression' && node.computed && VIEWS.has(node.object.name);
  if (isIndex) {
    const { start, end } = node.property;
    edits.push({ start, end, replacement: indexText(code, node.property) });
    return;
  }
  for (const child of Object.values(node)) {
    for (const one of Array.isArray(child) ? child : [child]) {
      if (typeof one?.type === 'string') collect(code, one, edits);
    }
  }
};

/** Rollup plugin. */
export const int32Indices = () => ({
  name: 'int32-indices',
  renderChunk: (code) => ({
    code: textOf(code, { ...parseAst(code), start: 0, end: code.length }),
    map: null,
  }),
});
