// SPDX-License-Identifier: Apache-2.0
// Each pass of the kernel's build alone: what it makes of a few lines, and what it refuses. Modules are as the bundler writes them.
import { describe, expect, it } from 'vitest';
import {
  foldConstants,
  inlineCalls,
  int32Indices,
  localViews,
  optimise,
  type Pass,
} from './kernel-build.ts';

const VIEWS =
  'const I32 = new Int32Array(memory.buffer);\nconst F64 = new Float64Array(memory.buffer);\n';

/** Code after one pass, without the file's head and without `before`. */
const passed = (pass: Pass, code: string, before = ''): string =>
  optimise(before + code, undefined, [pass])
    .code.replace(/^(\/\/.*\n)+/, '')
    .replace(before, '')
    .trim();

/** The lines of a text, without the indentation of the test. */
const lines = (text: string): string => text.trim().replace(/^ {6}/gm, '');

describe('fold-constants', () => {
  it.each([
    ['a constant becomes a literal, and its declaration goes', 'const A = 8; f(A);', 'f(8);'],
    ['sums of constants become one', 'const A = 8; const B = A + 1; f(v + (A + B));', 'f(v + 17);'],
    [
      '32-bit operations are computed as JavaScript does',
      'const A = 0x80000000 | 0; f(~A);',
      'f(2147483647);',
    ],
    ['negative numbers keep their sign', 'const A = 1 << 31; f(x & A);', 'f(x & -2147483648);'],
    [
      'a local of the same name stays a local',
      'const A = 8; const f = (A) => A + 1; f(A);',
      'const f = A => A + 1;\nf(8);',
    ],
    [
      'so does one in a block',
      'const A = 8; { const A = g(); f(A); }',
      '{\n  const A = g();\n  f(A);\n}',
    ],
    ['the name of a property is none', 'const A = 8; f(o.A, { A: 1 });', 'f(o.A, {\n  A: 1\n});'],
    ['a shorthand property keeps its name', 'const A = 8; f({ A });', 'f({\n  A: 8\n});'],
    [
      'an exported constant stays',
      'const A = 8; f(A); export { A };',
      'const A = 8;\nf(8);\nexport { A };',
    ],
    ['what has no literal stays', 'const A = 1 / 0; f(A);', 'const A = 1 / 0;\nf(A);'],
    ['a let is no constant', 'let A = 8; f(A);', 'let A = 8;\nf(A);'],
  ])('%s', (_name, code, expected) => {
    expect(passed(foldConstants, code)).toBe(expected);
  });
});

describe('int32-indices', () => {
  it.each([
    ['a sum ends in 32 bits', 'I32[v + 8 + 1];', 'I32[v + 9 | 0];'],
    ['each part of a longer one too', 'I32[v + r + 1];', 'I32[(v + r | 0) + 1 | 0];'],
    ['zero is not added', 'I32[v + 0];', 'I32[v];'],
    [
      'constants of the instance are added together',
      'const INDEX = I32[1]; f(I32[INDEX + 2 + q]);',
      'const INDEX = I32[1];\nf(I32[q + (INDEX + 2) | 0]);',
    ],
    ['an index in an index', 'I32[I32[v + 4] + 5];', 'I32[I32[v + 4 | 0] + 5 | 0];'],
    ['another array is none of ours', 'rows[v + 1];', 'rows[v + 1];'],
    [
      'a local named like a view is none',
      'const f = (I32, v) => I32[v + 1];',
      'const f = (I32, v) => I32[v + 1];',
    ],
    ['what is a 32-bit number already stays', 'F64[(v + 8) >> 1];', 'F64[v + 8 >> 1];'],
  ])('%s', (_name, code, expected) => {
    expect(passed(int32Indices, code, VIEWS)).toBe(expected);
  });

  it.each([
    ['a quotient', 'const f = (q) => I32[8 + q / 32];', 'the result of `/`'],
    [
      'a local made of a quotient',
      'const f = (q) => { const n = q / 32; return I32[8 + n]; };',
      'the result of `/`',
    ],
    ['a double', 'const f = (q) => I32[q + F64[4]];', 'no integer view'],
    ['a fraction', 'const f = (q) => I32[q + 0.5];', 'a fraction'],
    ['a text', "const f = (q) => I32[q + '1'];", 'a text'],
  ])('refuses %s in a sum', (_name, code, what) => {
    expect(() => passed(int32Indices, code, VIEWS)).toThrow(
      `line 3 of the kernel: f: int32-indices: an index of I32 adds ${what} (make an integer of it: \`| 0\`)`,
    );
  });
});

describe('local-views', () => {
  it.each([
    [
      'a view used twice becomes a local',
      'const f = v => { I32[v] = I32[1]; };',
      'const f = v => {\n  const $I32 = I32;\n  $I32[v] = $I32[1];\n};',
    ],
    [
      'a view used once stays',
      'const f = v => { I32[v] = F64[v]; };',
      'const f = v => {\n  I32[v] = F64[v];\n};',
    ],
    [
      'an expression has no place for a local',
      'const f = v => I32[v] + I32[1];',
      'const f = v => I32[v] + I32[1];',
    ],
    [
      'functions inside are part of their function',
      'const f = v => { I32[v] = 1; g(() => I32[v]); };',
      'const f = v => {\n  const $I32 = I32;\n  $I32[v] = 1;\n  g(() => $I32[v]);\n};',
    ],
    [
      'a shorthand property keeps its name',
      'const f = v => { g({ I32 }, I32[v]); };',
      'const f = v => {\n  const $I32 = I32;\n  g({\n    I32: $I32\n  }, $I32[v]);\n};',
    ],
    [
      'a local of the view’s name is another thing',
      'const f = I32 => { g(I32, I32); };',
      'const f = I32 => {\n  g(I32, I32);\n};',
    ],
    [
      'the new name is used nowhere else',
      'const f = $I32 => { g($I32, I32, I32); };',
      'const f = $I32 => {\n  const $I322 = I32;\n  g($I32, $I322, $I322);\n};',
    ],
  ])('%s', (_name, code, expected) => {
    expect(passed(localViews, code, VIEWS)).toBe(expected);
  });
});

describe('inline-calls', () => {
  const pass = inlineCalls({ f: ['g'] });
  const taken = (g: string, f: string): string => {
    const code = passed(pass, `${g}\n${f}`);
    return code.slice(code.indexOf('const f ='));
  };

  it.each([
    [
      'a call that is a statement becomes a block',
      'const g = (a, b) => { h(a, b); };',
      'const f = v => { g(v, 1); h(v); };',
      `
      const f = v => {
        {
          h(v, 1);
        }
        h(v);
      };`,
    ],
    [
      'a call that is returned returns',
      'const g = a => a + 1;',
      'const f = v => { if (v) return g(v); return 0; };',
      `
      const f = v => {
        if (v) {
          return v + 1;
        }
        return 0;
      };`,
    ],
    [
      'arguments that are more than a name are evaluated once, before',
      'const g = (a, b) => { h(b, a, a); };',
      'const f = v => { g(h(v), v + 1); };',
      `
      const f = v => {
        {
          const g$a = h(v);
          const g$b = v + 1;
          h(g$b, g$a, g$a);
        }
      };`,
    ],
    [
      'a parameter that is assigned is a variable of its own',
      'const g = a => { a = a | 0; h(a); };',
      'const f = v => { g(v); h(v); };',
      `
      const f = v => {
        {
          let g$a = v;
          g$a = g$a | 0;
          h(g$a);
        }
        h(v);
      };`,
    ],
    [
      'so is one whose argument changes',
      'const g = a => { h(() => a); };',
      'const f = v => { let n = v; g(n); n = 2; };',
      `
      const f = v => {
        let n = v;
        {
          const g$a = n;
          h(() => g$a);
        }
        n = 2;
      };`,
    ],
    [
      'locals of the two never meet',
      'const g = a => { const v = 2; h(a, v); };',
      'const f = v => { g(v); };',
      `
      const f = v => {
        {
          const g$v = 2;
          h(v, g$v);
        }
      };`,
    ],
    [
      'a local of the caller that hides what the callee means is renamed',
      'const h = () => 1; const g = a => { h(a); };',
      'const f = v => { const h = v; g(h); };',
      `
      const f = v => {
        const h2 = v;
        {
          h(h2);
        }
      };`,
    ],
    [
      'an early return leaves the block',
      'const g = a => { if (a) return; h(a); };',
      'const f = v => { g(v); h(v); };',
      `
      const f = v => {
        g$end: {
          if (v) break g$end;
          h(v);
        }
        h(v);
      };`,
    ],
    [
      'a value nobody wants is still computed',
      'const g = a => { if (a) return h(a); return h(0); };',
      'const f = v => { g(v); };',
      `
      const f = v => {
        g$end: {
          if (v) {
            h(v);
            break g$end;
          }
          h(0);
        }
      };`,
    ],
    [
      'a returned call returns also where the callee only ends',
      'const g = a => { h(a); };',
      'const f = v => { if (v) return g(v); h(0); };',
      `
      const f = v => {
        if (v) {
          h(v);
          return;
        }
        h(0);
      };`,
    ],
    [
      'a local named like the callee is not the callee',
      'const g = a => { h(a); };',
      'const f = v => { { const g = h; g(v); } g(v); };',
      `
      const f = v => {
        {
          const g = h;
          g(v);
        }
        {
          h(v);
        }
      };`,
    ],
  ])('%s', (_name, g, f, expected) => {
    expect(taken(g, f)).toBe(lines(expected));
  });

  it.each([
    [
      'a call inside an expression',
      'const g = a => a;',
      'const f = v => h(g(v));',
      'f: inline-calls: g is called inside an expression (write `g(…);` or `return g(…);`)',
    ],
    [
      'fewer arguments than parameters',
      'const g = (a, b) => a;',
      'const f = v => { g(v); };',
      'f: inline-calls: g takes 2 arguments (pass each of them)',
    ],
    [
      'a parameter with a default',
      'const g = (a = 1) => a;',
      'const f = v => { g(v); };',
      'g: inline-calls: g has a parameter that is more than a name (name it and take it apart in the body)',
    ],
    [
      'a function with `this`',
      'function g(a) { this.a = a; }',
      'const f = v => { g(v); };',
      'g: inline-calls: g uses `this` (pass it as a parameter)',
    ],
    [
      'a function with `arguments`',
      'function g(a) { h(arguments); }',
      'const f = v => { g(v); };',
      'g: inline-calls: g uses `arguments` (name the parameters)',
    ],
    [
      'a function with `var`',
      'const g = a => { var b = a; };',
      'const f = v => { g(v); };',
      'g: inline-calls: g declares with `var` (write `const` or `let`)',
    ],
    [
      'an asynchronous function',
      'const g = async a => a;',
      'const f = v => { g(v); };',
      'g: inline-calls: g is asynchronous or a generator (take it out of the table)',
    ],
    [
      'functions that call each other',
      'const g = a => { g(a); };',
      'const f = v => { g(v); };',
      'f: inline-calls: f takes in functions that call each other (take one out of its row)',
    ],
    [
      'a row for a function that is not there',
      'const g = a => a;',
      'const other = v => { g(v); };',
      'inline-calls: the table has a row for f, and the kernel no such function (rename the row)',
    ],
    [
      'a callee that is not there',
      'const other = a => a;',
      'const f = v => { other(v); };',
      'f: inline-calls: the table says f takes in g, and the kernel has no such function (rename it in the row)',
    ],
    [
      'a callee that is not called',
      'const g = a => a;',
      'const f = v => v;',
      'f: inline-calls: the table says f takes in g, which it does not call (take it out of the row)',
    ],
  ])('refuses %s', (_name, g, f, message) => {
    expect(() => taken(g, f)).toThrow(message);
  });
});
