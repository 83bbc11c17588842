// SPDX-License-Identifier: Apache-2.0
// Builds apemu's QEMU plugins with the user's C compiler, once for each version of their source and of QEMU's plugin interface.
// Source: QEMU, docs/devel/tcg-plugins (plugins are shared objects; the interface has a version).
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolders } from '../../config/make-folders.ts';
import { runProgram } from '../guest-image/run-process.ts';
import { QEMU_PROGRAM } from '../launch.ts';

/** `cover` counts executed blocks. `moment` takes a running QEMU back to a moment in place. */
export type PluginName = 'cover' | 'moment';

/** A plugin that QEMU can load, or the reason why there is none. */
export type BuiltPlugin =
  | { readonly path: string; readonly why?: undefined }
  | { readonly path?: undefined; readonly why: string };

const HEADER = 'qemu-plugin.h';
const OPTIONS = ['-O2', '-fPIC', '-shared', '-fvisibility=hidden', '-pthread'];

/** The first version of QEMU whose plugin interface has another version than 1. */
const INTERFACE_2 = 9;
/** The versions of QEMU whose internal structures `moment` knows. */
const KNOWN_INSIDES = /^7\.2\./;

const source = (name: string): string => fileURLToPath(new URL(`./${name}`, import.meta.url));

/** Version of the installed QEMU, such as `7.2.22`; empty if unknown. */
export const qemuVersion = async (): Promise<string> => {
  const { stdout } = await runProgram(QEMU_PROGRAM, ['--version']);
  return /version (\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? '';
};

/** Why no plugin can be loaded into the installed QEMU; undefined if one can. */
const withoutPlugins = async (): Promise<string | undefined> => {
  const { stdout, missing } = await runProgram(QEMU_PROGRAM, ['-help']);
  if (missing) return `${QEMU_PROGRAM} is not installed`;
  return /^-plugin /m.test(stdout) ? undefined : 'this QEMU was built without plugins';
};

const folderOfPlugins = (): string =>
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'apemu', 'qemu-plugins');

/** Builds a plugin, unless it was built before. `compiler` is the program, default `cc`. */
export const buildPlugin = async (
  name: PluginName,
  { compiler = 'cc', folder = folderOfPlugins() }: { compiler?: string; folder?: string } = {},
): Promise<BuiltPlugin> => {
  const without = await withoutPlugins();
  if (without !== undefined) return { why: without };
  const version = await qemuVersion();
  if (name === 'moment' && !KNOWN_INSIDES.test(version))
    return { why: `it is known for QEMU 7.2 only, this is ${version || 'an unknown version'}` };
  const level = Number.parseInt(version, 10) >= INTERFACE_2 ? 2 : 1;
  const files = [`${name}.c`, HEADER].map(source);
  const hash = createHash('sha256').update(`${level} ${process.arch}`);
  for (const file of files) hash.update(readFileSync(file));
  const path = join(folder, `${name}-${hash.digest('hex').slice(0, 16)}.so`);
  if (existsSync(path)) return { path };
  try {
    makeFolders(folder);
  } catch (cause) {
    return { why: `cannot write ${folder}: ${(cause as NodeJS.ErrnoException).code ?? 'unknown'}` };
  }
  const part = `${path}.${process.pid}`;
  const args = [...OPTIONS, `-DINTERFACE=${level}`, '-o', part, files[0]];
  const built = await runProgram(compiler, args);
  if (built.missing)
    return { why: `there is no C compiler ${compiler} (Debian: apt-get install gcc libc6-dev)` };
  if (built.status !== 0)
    return { why: `${compiler} cannot build it: ${built.stderr.trim().split('\n')[0]}` };
  renameSync(part, path);
  return { path };
};
