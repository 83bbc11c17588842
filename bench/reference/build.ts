// SPDX-License-Identifier: Apache-2.0
// Builds the reference: the C addon with the compiler and Node headers of this computer, else the frozen JavaScript kernel.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { layoutDeclarations, layoutHeader } from './constants.ts';
import type { BuiltReference, Reference } from './reference.ts';

const SOURCES = ['addon.c', 'reference.c'];
const COPIED = [...SOURCES, 'reference.h'];
const FLAGS = ['-O3', '-std=gnu11', '-fPIC', '-shared', '-Wall', '-Wextra', '-Werror'];

/** bench/ of the sources, whether this runs from there or from dist/bench. */
const sourceFolder = (): string => {
  const here = dirname(fileURLToPath(import.meta.url));
  const found = [join(here, '..'), join(here, '../../../bench')].find((folder) =>
    existsSync(join(folder, 'c', 'addon.c')),
  );
  if (found === undefined) throw new Error(`bench/c is not beside ${here}`);
  return found;
};

/** Headers that came with the running Node; undefined where they did not come along. */
const nodeHeaders = (): string | undefined => {
  const folder = join(dirname(dirname(process.execPath)), 'include', 'node');
  return existsSync(join(folder, 'node_api.h')) ? folder : undefined;
};

const compilerVersion = (compiler: string): string | undefined => {
  try {
    const text = execFileSync(compiler, ['--version'], { stdio: ['ignore', 'pipe', 'ignore'] });
    return text.toString().split('\n')[0];
  } catch {
    return undefined;
  }
};

const buildAddon = (folder: string, compiler: string, headers: string): string => {
  const sources = sourceFolder();
  for (const name of COPIED) copyFileSync(join(sources, 'c', name), join(folder, name));
  writeFileSync(join(folder, 'layout.h'), layoutHeader());
  const file = join(folder, 'reference.node');
  const names = SOURCES.map((name) => join(folder, name));
  const platform = process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : [];
  execFileSync(compiler, [...FLAGS, ...platform, `-I${headers}`, ...names, '-o', file], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return file;
};

const buildFrozen = (folder: string): string => {
  const text = readFileSync(join(sourceFolder(), 'frozen', 'reference.js'), 'utf8');
  const file = join(folder, 'frozen.mjs');
  writeFileSync(file, layoutDeclarations() + text);
  return file;
};

/**
 * Builds the reference into `folder`.
 *
 * @param compiler C compiler; an empty name asks for the frozen kernel
 */
export const buildReference = (
  folder: string,
  compiler = process.env['CC'] ?? 'cc',
): BuiltReference => {
  const frozen = (reason: string): BuiltReference => ({
    kind: 'frozen',
    file: buildFrozen(folder),
    description: `frozen JavaScript kernel (${reason})`,
  });
  if (compiler === '') return frozen('asked for');
  const version = compilerVersion(compiler);
  if (version === undefined) return frozen(`no C compiler: ${compiler} does not run`);
  const headers = nodeHeaders();
  if (headers === undefined) return frozen(`no node_api.h beside ${process.execPath}`);
  const file = buildAddon(folder, compiler, headers);
  return { kind: 'c', file, description: `${version}, -O3` };
};

/** Loads a built reference into this process or thread. */
export const loadReference = async (built: BuiltReference): Promise<Reference> => {
  if (built.kind === 'c') return createRequire(import.meta.url)(built.file) as Reference;
  const loaded = (await import(pathToFileURL(built.file).href)) as { reference: Reference };
  return loaded.reference;
};
