// SPDX-License-Identifier: Apache-2.0
// A pass of the kernel's build: calls a function ends with become part of it, where the table says so. V8 inlines by a budget, and
// spends it on whatever it meets first: a long handler that it takes into its caller leaves three of the handler's own calls outside.
// What is longer than its limit of 460 bytes of bytecode is called, once, and has the budget for itself.
//
// A call becomes a block of the callee's statements. The callee's names become new ones, so that they meet none of the caller's; a
// caller's local that hides what the callee means is renamed; arguments are evaluated first, as they stand.
// Source: docs/reference/performance.md section 1 item 5, section 4 rule 3.
import * as t from '@babel/types';
import { freshName, functionsOf, isModuleLevel, programOf, replaceName } from './ast.js';
import { Refusal } from './refusal.js';

const PASS = 'inline-calls';
/** Calls taken into one function: more means that functions call each other in a circle. */
const CALLS_MAX = 100;

const refuse = (path, what, instead) => {
  throw new Refusal(PASS, path, what, instead);
};

/** Refuses a function that cannot become a block of statements. */
const checkCallee = (callee, name) => {
  if (callee.node.async || callee.node.generator)
    refuse(callee, `${name} is asynchronous or a generator`, 'take it out of the table');
  for (const parameter of callee.get('params')) {
    if (!parameter.isIdentifier())
      refuse(
        parameter,
        `${name} has a parameter that is more than a name`,
        'name it and take it apart in the body',
      );
  }
  callee.traverse({
    ThisExpression: (path) => refuse(path, `${name} uses \`this\``, 'pass it as a parameter'),
    Identifier(path) {
      if (path.node.name === 'arguments' && !path.scope.hasBinding('arguments', true))
        refuse(path, `${name} uses \`arguments\``, 'name the parameters');
    },
    VariableDeclaration(path) {
      if (path.node.kind === 'var')
        refuse(path, `${name} declares with \`var\``, 'write `const` or `let`');
    },
  });
};

/** The statement a call is all of: `f(…);` or `return f(…);`. */
const statementOf = (call) => {
  const { parentPath } = call;
  return parentPath.isExpressionStatement() || parentPath.isReturnStatement()
    ? parentPath
    : undefined;
};

/** First call to one of `callees` in a function's own statements. */
const findCall = (caller, callees) => {
  let found;
  caller.get('body').traverse({
    Function: (path) => path.skip(),
    CallExpression(path) {
      const callee = path.get('callee');
      if (!callee.isIdentifier() || !callees.includes(callee.node.name) || !isModuleLevel(callee))
        return;
      found = path;
      path.stop();
    },
  });
  return found;
};

/** A copy of a function in a program of its own: names it does not declare are that program's globals. */
const copyOf = (callee) => {
  const copy = t.cloneNode(callee.node, true);
  const fn = t.arrowFunctionExpression(
    copy.params,
    t.isBlockStatement(copy.body) ? copy.body : t.blockStatement([t.returnStatement(copy.body)]),
  );
  const program = programOf(t.file(t.program([t.expressionStatement(fn)])));
  return { program, fn: program.get('body.0.expression') };
};

/** Every binding of a function and of the blocks in it. */
const bindingsIn = (fn) => {
  const bindings = new Set(Object.values(fn.scope.bindings));
  fn.traverse({
    Scope({ scope }) {
      for (const binding of Object.values(scope.bindings)) bindings.add(binding);
    },
  });
  return [...bindings];
};

/** Gives all that a copied function declares new names, `NAME$local`. */
const renameLocals = (fn, name, program) => {
  for (const { identifier, scope } of bindingsIn(fn))
    scope.rename(identifier.name, freshName(program, `${name}$${identifier.name}`));
};

/** Whether an argument may stand wherever its parameter stands: it is the same at each place. */
const isFixed = (argument) =>
  argument.isNumericLiteral() ||
  (argument.isIdentifier() && argument.scope.getBinding(argument.node.name)?.constant === true);

/** Puts arguments in the place of parameters; returns declarations of those that must be evaluated once. */
const passArguments = (fn, call) => {
  const declarations = [];
  fn.get('params').forEach((parameter, n) => {
    const argument = call.get(`arguments.${n}`);
    const binding = fn.scope.getBinding(parameter.node.name);
    if (binding.constant && isFixed(argument)) {
      for (const use of binding.referencePaths) replaceName(use, t.cloneNode(argument.node));
      return;
    }
    const kind = binding.constant ? 'const' : 'let';
    const declarator = t.variableDeclarator(t.identifier(parameter.node.name), argument.node);
    declarations.push(t.variableDeclaration(kind, [declarator]));
  });
  return declarations;
};

/** Renames the caller's locals that would hide what the callee means by a name. */
const clearNames = (call, names, program) => {
  for (const name of names) {
    let binding = call.scope.getBinding(name);
    while (binding !== undefined && !binding.scope.path.isProgram()) {
      binding.scope.rename(name, freshName(program, name));
      binding = call.scope.getBinding(name);
    }
  }
};

/** Whether what follows a statement can never run. */
const ends = (node) =>
  t.isReturnStatement(node) ||
  t.isThrowStatement(node) ||
  (t.isBlockStatement(node) && node.body.length > 0 && ends(node.body.at(-1))) ||
  (t.isIfStatement(node) && ends(node.consequent) && ends(node.alternate));

/** Statements of a callee whose value nobody wants: a return in the middle leaves the block. */
const withoutValue = (fn, name, program) => {
  const body = fn.get('body');
  const label = freshName(program, `${name}$end`);
  let leaves = false;
  body.traverse({
    Function: (path) => path.skip(),
    ReturnStatement(path) {
      const isLast = path.parentPath === body && path.key === body.node.body.length - 1;
      const value = path.node.argument;
      const isDropped = value === null || t.isIdentifier(value) || t.isNumericLiteral(value);
      const statements = isDropped ? [] : [t.expressionStatement(value)];
      if (!isLast) statements.push(t.breakStatement(t.identifier(label)));
      leaves ||= !isLast;
      if (statements.length === 0) path.remove();
      else path.replaceWith(statements.length === 1 ? statements[0] : t.blockStatement(statements));
      if (!path.removed) path.skip();
    },
  });
  return leaves ? (block) => t.labeledStatement(t.identifier(label), block) : (block) => block;
};

/** Replaces the statement of one call by the callee's. */
const inline = (call, callee, program) => {
  const name = call.node.callee.name;
  const statement = statementOf(call);
  if (statement === undefined)
    refuse(
      call,
      `${name} is called inside an expression`,
      `write \`${name}(…);\` or \`return ${name}(…);\``,
    );
  checkCallee(callee, name);
  if (
    call.node.arguments.length !== callee.node.params.length ||
    call.get('arguments').some((one) => one.isSpreadElement())
  )
    refuse(call, `${name} takes ${callee.node.params.length} arguments`, 'pass each of them');
  const copy = copyOf(callee);
  clearNames(call, Object.keys(copy.program.scope.globals), program);
  renameLocals(copy.fn, name, program);
  const declarations = passArguments(copy.fn, call);
  const { body } = copy.fn.node;
  if (statement.isReturnStatement()) {
    if (!ends(body)) body.body.push(t.returnStatement());
    statement.replaceWith(t.blockStatement([...declarations, ...body.body]));
  } else {
    const wrap = withoutValue(copy.fn, name, program);
    statement.replaceWith(wrap(t.blockStatement([...declarations, ...body.body])));
  }
};

/** Takes the calls of one row of the table in, one after the other. */
const inlineRow = (tree, name, callees) => {
  const taken = new Set();
  for (let calls = 0; ; calls++) {
    const program = programOf(tree);
    const functions = functionsOf(program);
    const caller = functions.get(name);
    if (caller === undefined)
      refuse(
        program,
        `the table has a row for ${name}, and the kernel no such function`,
        'rename the row',
      );
    for (const callee of callees) {
      if (!functions.has(callee))
        refuse(
          caller,
          `the table says ${name} takes in ${callee}, and the kernel has no such function`,
          'rename it in the row',
        );
    }
    const call = findCall(caller, callees);
    if (call === undefined) {
      const unused = callees.find((callee) => !taken.has(callee));
      if (unused !== undefined)
        refuse(
          caller,
          `the table says ${name} takes in ${unused}, which it does not call`,
          'take it out of the row',
        );
      return;
    }
    if (calls === CALLS_MAX)
      refuse(call, `${name} takes in functions that call each other`, 'take one out of its row');
    taken.add(call.node.callee.name);
    inline(call, functions.get(call.node.callee.name), program);
  }
};

/** The pass; `table` has the functions that take calls in, with what they take in. */
export const inlineCalls = (table) => (_program, tree) => {
  for (const [name, callees] of Object.entries(table)) inlineRow(tree, name, callees);
};
