// SPDX-License-Identifier: Apache-2.0
// tree: a drawing of the files below a directory.
// Source: tree 2.1, as it draws with --charset=ascii.
import {
  type FileCommandInput,
  type FileResult,
  lettersOf,
  MAX_TREE_DEPTH,
  Report,
} from './file-tree.ts';

/** `tree [-d] [-L N] [FOLDER…]`. */
export function tree({ tree: files, args }: FileCommandInput): FileResult {
  const report = new Report();
  const level = args.indexOf('-L');
  const depth = level < 0 ? MAX_TREE_DEPTH : Number(args[level + 1]);
  const rest = level < 0 ? args : args.filter((_, n) => n !== level && n !== level + 1);
  const { flags, operands, refused } = lettersOf('tree', rest, 'dfin');
  if (refused !== undefined || !Number.isInteger(depth) || depth < 1) {
    report.fail(refused ?? 'tree: Invalid level, must be greater than 0.', 1);
    return report.result();
  }
  const counts = { directories: 0, files: 0 };
  const draw = (path: string, indent: string, left: number): void => {
    const listing = files.list(path);
    if (!listing.ok || left === 0) return;
    const entries = listing.names
      .map((name) => ({ name, status: files.lstat(`${path}/${name}`) }))
      .filter(
        ({ name, status }) => status.ok && (!flags.has('d') || files.list(`${path}/${name}`).ok),
      );
    entries.forEach(({ name, status }, n) => {
      const last = n === entries.length - 1;
      const isDir = status.ok && status.kind === 'dir';
      const target = status.ok && status.kind === 'link' ? files.readlink(`${path}/${name}`) : null;
      const arrow = target?.ok ? ` -> ${target.text}` : '';
      counts[isDir || (target?.ok && files.list(`${path}/${name}`).ok) ? 'directories' : 'files']++;
      report.stdout += `${indent}${last ? '`-- ' : '|-- '}${name}${arrow}\n`;
      if (isDir) draw(`${path}/${name}`, indent + (last ? '    ' : '|   '), left - 1);
    });
  };
  for (const path of operands.length === 0 ? ['.'] : operands) {
    const listing = files.list(path);
    report.stdout += listing.ok ? `${path}\n` : `${path}  [error opening dir]\n`;
    if (!listing.ok) {
      report.status = 2;
      report.errno ??= listing.errno;
    } else draw(path.replace(/(?<=.)\/+$/, ''), '', depth);
  }
  const plural = (n: number, one: string, many: string): string => `${n} ${n === 1 ? one : many}`;
  report.stdout += `\n${plural(counts.directories, 'directory', 'directories')}`;
  if (!flags.has('d')) report.stdout += `, ${plural(counts.files, 'file', 'files')}`;
  report.stdout += '\n';
  return report.result();
}
