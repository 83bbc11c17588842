// SPDX-License-Identifier: Apache-2.0
// A step of the kernel's build: a function that uses a view more than once takes it into a local, `const $I32 = I32;`. The compiler knows
// the constant all the same, but the bytecode loads and tests the module's variable once: a fifth shorter, and so inlined sooner.
// Source: docs/reference/performance.md section 4 rule 3.
import { parseAst } from 'rollup/parseAst';
import { VIEWS } from './int32-indices.js';

/** Places where a function names a view, by view. */
const usesBelow = (node, uses = new Map()) => {
  if (node.type === 'Identifier' && VIEWS.has(node.name))
    uses.set(node.name, [...(uses.get(node.name) ?? []), node.start]);
  for (const child of Object.values(node).flat())
    if (typeof child?.type === 'string') usesBelow(child, uses);
  return uses;
};

/** What to insert where in one function. */
const editsOf = (body) => {
  const edits = [];
  for (const [view, starts] of usesBelow(body)) {
    if (starts.length < 2) continue;
    edits.push({ at: body.start + 1, text: ` const $${view} = ${view};` });
    for (const at of starts) edits.push({ at, text: '$' });
  }
  return edits;
};

const functionsOf = (program) =>
  program.body
    .flatMap(({ declarations = [] }) => declarations)
    .map(({ init }) => init)
    .filter(
      (init) => init?.type === 'ArrowFunctionExpression' && init.body.type === 'BlockStatement',
    );

const localised = (code) => {
  const edits = functionsOf(parseAst(code)).flatMap(({ body }) => editsOf(body));
  let text = '';
  let from = 0;
  for (const { at, text: inserted } of edits.sort((a, b) => a.at - b.at)) {
    text += code.slice(from, at) + inserted;
    from = at;
  }
  return text + code.slice(from);
};

/** Rollup plugin. */
export const localViews = () => ({
  name: 'local-views',
  renderChunk: (code) => ({ code: localised(code), map: null }),
});
