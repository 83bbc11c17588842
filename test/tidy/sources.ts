// SPDX-License-Identifier: Apache-2.0
// The project's source files as the tidy tests see them: text, imports, code without comments and strings.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

/** Folders with code. Generated (dist) and third-party (node_modules) code is elsewhere. */
export const CODE_FOLDERS = ['native-like', 'src', 'bench', 'test', 'examples', 'scripts'] as const;
/** Not code of ours to hold to the rules: recordings, and reference programs that a benchmark froze. */
const SKIPPED = ['test/golden', 'bench/frozen'];

export interface Import {
  /** Path in the project, or the name of a package or built-in module as written. */
  readonly target: string;
  /** Whether it names a file of the project. */
  readonly local: boolean;
  readonly typeOnly: boolean;
}

export interface Source {
  /** Path in the project. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  /** The text with comments and the contents of strings blanked out; same lines. */
  readonly code: string;
  readonly imports: readonly Import[];
}

/** Every file below a folder, as paths in the project. */
export const filesBelow = (folder: string): string[] => {
  const absolute = join(ROOT, folder);
  if (!existsSync(absolute) || SKIPPED.includes(folder)) return [];
  return readdirSync(absolute, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules' || entry.name.startsWith('.')) return [];
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
};

const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|(?<=[(,=:&|!?[]\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*|`|\{|\}/y;
/** The text of a template up to its end or to an expression in it. */
const TEMPLATE_TEXT = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*(?:`|\$\{)/y;

/** Blanks comments, strings, templates (not the expressions in them) and regular expressions, keeping lines. */
export const blank = (text: string): string => {
  const clear = (found: string): string => found.replace(/[^\n]/g, ' ');
  /** For each open brace whether it is that of an expression in a template. */
  const braces: boolean[] = [];
  let result = '';
  let at = 0;
  const template = (): void => {
    TEMPLATE_TEXT.lastIndex = at;
    const found = TEMPLATE_TEXT.exec(text)?.[0] ?? text.slice(at);
    result += clear(found);
    at += found.length;
    if (found.endsWith('{')) braces.push(true);
  };
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text)?.[0] ?? text[at];
    at += found.length;
    if (found === '{') braces.push(false);
    const endsExpression = found === '}' && braces.pop() === true;
    result += found.length > 1 || found === '`' || endsExpression ? clear(found) : found;
    if (found === '`' || endsExpression) template();
  }
  return result;
};

const STATEMENT =
  /^(?:import|export)\s+(?:(type\s)?[^;'"`]*?\sfrom\s+)?'([^'\n]+)'|\bimport\(\s*(?:\/\*[^*]*\*\/\s*)?'([^'\n]+)'\s*\)|\bnew URL\('(\.[^'\n]+)', import\.meta\.url\)/gm;

/** The source of a file that a module names as it will be called when it is built. */
const sourceOf = (path: string): string => {
  const typescript = path.replace(/\.js$/, '.ts');
  return existsSync(join(ROOT, path)) ? path : typescript;
};

/** Import and export statements, dynamic imports and files named relative to the module. */
export const importsOf = (path: string, text: string): Import[] =>
  [...text.matchAll(STATEMENT)].map((match) => {
    const target = match[2] ?? match[3] ?? match[4];
    const local = target.startsWith('.');
    return {
      target: local ? sourceOf(relative(ROOT, join(ROOT, dirname(path), target))) : target,
      local,
      typeOnly: match[1] !== undefined,
    };
  });

const load = (path: string): Source => {
  const text = readFileSync(join(ROOT, path), 'utf8');
  return {
    path,
    text,
    lines: text.split('\n'),
    code: blank(text),
    imports: importsOf(path, text),
  };
};

const isCode = (path: string): boolean => /\.(ts|js)$/.test(path) && !path.endsWith('.d.ts');

/** All code of the project. */
export const SOURCES: readonly Source[] = CODE_FOLDERS.flatMap(filesBelow).filter(isCode).map(load);

/** Number of code files on disk, counted another way: what SOURCES must not fall short of. */
export const filesOnDisk = (folder: string): number => {
  const count = (path: string): number => {
    if (!statSync(path).isDirectory()) return isCode(path) ? 1 : 0;
    return readdirSync(path)
      .filter((name) => name !== 'node_modules' && !name.startsWith('.'))
      .filter((name) => !SKIPPED.includes(relative(ROOT, join(path, name))))
      .reduce((sum, name) => sum + count(join(path, name)), 0);
  };
  return existsSync(join(ROOT, folder)) ? count(join(ROOT, folder)) : 0;
};
