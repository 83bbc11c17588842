// SPDX-License-Identifier: Apache-2.0
// ls: names, long listings and columns, as GNU ls prints them for root.
// Source: GNU coreutils 9.1 ls; sizes and owners as sysfs shows them (fs/kernfs/inode.c). Dates are the start of virtual time.
import { ERRNO_TEXT } from '../ap-bus/errno.ts';
import {
  type FileCommandInput,
  type FileResult,
  type FileTree,
  lettersOf,
  Report,
} from './file-tree.ts';

const FILE_BYTES = 4096;
const DATE = 'Jan  1 00:00';
/** Number of blanks between two columns. */
const GAP = 2;

interface Entry {
  /** The name as it is printed. */
  readonly name: string;
  readonly path: string;
}

interface Style {
  readonly flags: ReadonlySet<string>;
  readonly columns: number | undefined;
}

const TYPE_LETTERS = { dir: 'd', file: '-', link: 'l', char: 'c' } as const;

/** Permissions as text, such as `rw-r--r--`. */
const permissions = (mode: number): string =>
  [6, 3, 0]
    .map((shift) => {
      const bits = (mode >>> shift) & 7;
      return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${bits & 1 ? 'x' : '-'}`;
    })
    .join('');

/** A row of `ls -l` as cells. */
function longRow(tree: FileTree, { name, path }: Entry): string[] {
  const status = tree.lstat(path);
  if (!status.ok) return [];
  const { kind, mode } = status;
  const children = kind === 'dir' ? tree.list(path) : undefined;
  const directories = children?.ok
    ? children.names.filter((child) => {
        const below = tree.lstat(`${path}/${child}`);
        return below.ok && below.kind === 'dir';
      }).length
    : 0;
  const target = kind === 'link' ? tree.readlink(path) : undefined;
  return [
    `${TYPE_LETTERS[kind]}${permissions(mode)}`,
    String(kind === 'dir' ? 2 + directories : 1),
    'root',
    'root',
    String(kind === 'file' ? FILE_BYTES : 0),
    DATE,
    target?.ok ? `${name} -> ${target.text}` : name,
  ];
}

function longLines(tree: FileTree, entries: readonly Entry[]): string {
  const rows = entries.map((entry) => longRow(tree, entry)).filter((row) => row.length > 0);
  const width = (cell: number): number => Math.max(...rows.map((row) => row[cell].length));
  if (rows.length === 0) return '';
  const [links, bytes] = [width(1), width(4)];
  return rows
    .map(
      ([mode, count, user, group, size, date, name]) =>
        `${mode} ${count.padStart(links)} ${user} ${group} ${size.padStart(bytes)} ${date} ${name}\n`,
    )
    .join('');
}

/** Names down the columns, as many columns as fit. */
function inColumns(names: readonly string[], columns: number): string {
  for (let rows = 1; rows < names.length; rows++) {
    const widths: number[] = [];
    names.forEach((name, n) => {
      const column = Math.floor(n / rows);
      widths[column] = Math.max(widths[column] ?? 0, name.length);
    });
    const total = widths.reduce((sum, width) => sum + width, 0) + GAP * (widths.length - 1);
    if (total >= columns) continue;
    const lines = Array.from({ length: rows }, (_, row) =>
      widths
        .map((width, column) => (names[column * rows + row] ?? '').padEnd(width))
        .join(' '.repeat(GAP))
        .trimEnd(),
    );
    return `${lines.join('\n')}\n`;
  }
  return names.map((name) => `${name}\n`).join('');
}

function show(tree: FileTree, entries: readonly Entry[], { flags, columns }: Style): string {
  if (flags.has('l')) return longLines(tree, entries);
  const names = entries.map(({ name }) => name);
  return columns === undefined || flags.has('1')
    ? names.map((name) => `${name}\n`).join('')
    : inColumns(names, columns);
}

/** What `ls` of a directory prints under its name. */
function directory(tree: FileTree, path: string, names: readonly string[], style: Style): string {
  const base = path.replace(/\/+$/, '');
  const all = style.flags.has('a') ? ['.', '..', ...names] : names;
  const entries = all.map((name) => ({ name, path: `${base}/${name}` }));
  if (style.flags.has('r')) entries.reverse();
  return `${style.flags.has('l') ? 'total 0\n' : ''}${show(tree, entries, style)}`;
}

/** `ls [-1adlrR] [FILE…]`. */
export function ls({ tree, args, columns }: FileCommandInput): FileResult {
  const report = new Report();
  const { flags, operands, refused } = lettersOf('ls', args, '1adlrRFhn');
  if (refused !== undefined) {
    report.fail(refused, 2);
    return report.result();
  }
  const style = { flags, columns };
  const files: Entry[] = [];
  const directories: string[] = [];
  for (const path of operands.length === 0 ? ['.'] : [...operands].sort()) {
    const status = flags.has('l') && !path.endsWith('/') ? tree.lstat(path) : tree.stat(path);
    if (!status.ok)
      report.fail(`ls: cannot access '${path}': ${ERRNO_TEXT[status.errno]}`, 2, status.errno);
    else if (status.kind === 'dir' && !flags.has('d')) directories.push(path);
    else files.push({ name: path, path });
  }
  report.stdout = show(tree, files, style);
  const named = operands.length > 1 || flags.has('R');
  const visit = (path: string): void => {
    const listing = tree.list(path);
    if (!listing.ok) {
      report.fail(`ls: cannot open directory '${path}': ${ERRNO_TEXT[listing.errno]}`, 2);
      return;
    }
    if (named) report.stdout += `${report.stdout === '' ? '' : '\n'}${path}:\n`;
    report.stdout += directory(tree, path, listing.names, style);
    if (!flags.has('R')) return;
    for (const name of listing.names) {
      const below = tree.lstat(`${path}/${name}`);
      if (below.ok && below.kind === 'dir') visit(`${path}/${name}`);
    }
  };
  for (const path of directories) visit(path);
  return report.result();
}
