// SPDX-License-Identifier: Apache-2.0
// A step of the kernel's build: calls a function ends with become part of it, where the table says so. V8 inlines by a budget, and
// spends it on whatever it meets first: a long handler that it takes into its caller leaves three of the handler's own calls outside.
// What is longer than its limit of 460 bytes of bytecode is called, once, and has the budget for itself.
// Source: docs/reference/performance.md section 1 item 5, section 4 rule 3.
import { parseAst } from 'rollup/parseAst';

/** The callee of a statement that is nothing but a call, or nothing but the return of one. */
const calleeOf = (statement) => {
  const call = statement.type === 'ReturnStatement' ? statement.argument : statement.expression;
  return call?.type === 'CallExpression' ? call.callee.name : undefined;
};

const statementsBelow = (node) => {
  const own = node.type === 'ReturnStatement' || node.type === 'ExpressionStatement' ? [node] : [];
  const children = Object.values(node)
    .flat()
    .filter((child) => typeof child?.type === 'string');
  return [...own, ...children.flatMap(statementsBelow)];
};

const functionsOf = (code) => {
  const declarations = parseAst(code).body.flatMap(({ declarations: all = [] }) => all);
  const functions = declarations.filter(({ init }) => init?.type === 'ArrowFunctionExpression');
  return new Map(functions.map(({ id, init }) => [id.name, init]));
};

/** Statements of a function's body. Where its value is dropped, the one return it may end with becomes a statement. */
const bodyOf = (code, { body }, isTail) => {
  const text = ({ start, end }) => code.slice(start, end);
  if (body.type !== 'BlockStatement') return `${isTail ? 'return ' : ''}${text(body)};`;
  if (isTail) return text(body).slice(1, -1);
  const returns = statementsBelow(body).filter(isReturn);
  const last = body.body.at(-1);
  if (returns.some((one) => one !== last))
    throw new Error('a call whose value is dropped can be inlined only if it returns at its end');
  if (returns.length === 0) return text(body).slice(1, -1);
  return `${code.slice(body.start + 1, last.start)}${text(last.argument)};`;
};

/** Statements of a call: arguments first, so that a parameter may have the name of a variable they use. */
const blockOf = (code, callee, call, isTail) => {
  const text = ({ start, end }) => code.slice(start, end);
  const values = call.arguments.map((argument, n) => `const $${n} = ${text(argument)};`);
  const parameters = callee.params.map((parameter, n) => `const ${text(parameter)} = $${n};`);
  return `{ ${values.join(' ')} { ${parameters.join(' ')} ${bodyOf(code, callee, isTail)} } }`;
};

const isReturn = ({ type }) => type === 'ReturnStatement';

/** The code with one call less, or undefined when `name` has none of the calls. */
const inlineOne = (code, name, callees) => {
  const functions = functionsOf(code);
  const statement = statementsBelow(functions.get(name).body).find((one) =>
    callees.includes(calleeOf(one)),
  );
  if (statement === undefined) return undefined;
  const call = statement.argument ?? statement.expression;
  const block = blockOf(code, functions.get(call.callee.name), call, isReturn(statement));
  return code.slice(0, statement.start) + block + code.slice(statement.end);
};

/** Rollup plugin; `table` has the functions that take calls in, with what they take in. */
export const inlineCalls = (table) => ({
  name: 'inline-calls',
  renderChunk: (code) => {
    let inlined = code;
    for (const [name, callees] of Object.entries(table)) {
      for (let next = inlined; next !== undefined; next = inlineOne(inlined, name, callees))
        inlined = next;
    }
    return { code: inlined, map: null };
  },
});
