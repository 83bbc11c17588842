// SPDX-License-Identifier: Apache-2.0
// Kernel modules of a guest image: found by name, with what they depend on before them, unpacked as the kernel wants them.
// Source: Linux, Documentation/kbuild/kbuild.rst (modules.builtin); MODULE_INFO entries `depends=` (scripts/mod/modpost.c).

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { ApemuError } from '../../errors.ts';
import { type CpioEntry, MODE_FILE } from './cpio.ts';
import { below } from './paths.ts';
import { moduleName } from './request.ts';

/** Modules that every image loads. */
const AP_MODULES: readonly string[] = ['zcrypt', 'zcrypt_cex4'];

/** Names, one a line, in the order in which init loads them. */
const MODULE_ORDER = 'modules/order';

/** Where modules come from. */
export interface ModuleSource {
  /** For messages: whose modules these are. */
  readonly whose: string;
  /** Files by name of the module. */
  readonly files: ReadonlyMap<string, string>;
  /** What the kernel has in itself; undefined where nothing says so. */
  readonly builtIn: ReadonlySet<string> | undefined;
}

const MODULE_FILE = /\.ko(\.xz|\.zst|\.gz)?$/;
/** Programs that write what a packed file holds. */
const UNPACKED_BY: Readonly<Record<string, string>> = {
  '.xz': 'xz',
  '.zst': 'zstd',
  '.gz': 'gzip',
};
/** Nothing of a kernel's is there, and it may be large. */
const NOT_LOOKED_INTO = new Set(['.git', 'Documentation']);

/** All modules below a folder, and what `modules.builtin` says the kernel has. */
export function modulesBelow(folder: string, whose: string): ModuleSource {
  const files = new Map<string, string>();
  let builtIn: Set<string> | undefined;
  for (const [path, { name }] of below(folder, NOT_LOOKED_INTO)) {
    if (MODULE_FILE.test(name)) files.set(moduleName(name.replace(MODULE_FILE, '')), path);
    else if (name === 'modules.builtin') {
      const names = readFileSync(path, 'utf8').split('\n');
      builtIn = new Set(names.map((line) => moduleName(basename(line).replace(MODULE_FILE, ''))));
    }
  }
  return { whose, files, builtIn };
}

/**
 * The modules as files of an archive, and the list in which init finds them.
 *
 * @throws ApemuError APEMU_ERR_GUEST_IMAGE_MODULE for a module that is neither there nor in the kernel, or cannot be unpacked
 */
export async function moduleEntries(
  source: ModuleSource,
  names: readonly string[],
): Promise<CpioEntry[]> {
  const contents = new Map<string, Buffer>();
  const take = async (name: string, wantedBy: string): Promise<void> => {
    if (contents.has(name) || source.builtIn?.has(name) === true) return;
    const file = source.files.get(name);
    if (file === undefined) throw noModule(source, name, wantedBy);
    const data = await unpacked(file);
    for (const other of dependsOf(data)) await take(other, `, which ${name} needs`);
    contents.set(name, data);
  };
  for (const name of [...AP_MODULES, ...names]) await take(name, '');
  const order = [...contents.keys()].map((name) => `${name}\n`).join('');
  return [
    { path: MODULE_ORDER, mode: MODE_FILE, data: Buffer.from(order) },
    ...[...contents].map(([name, data]) => ({ path: `modules/${name}.ko`, mode: MODE_FILE, data })),
  ];
}

/** Names of the modules that must be there before this one. */
function dependsOf(module: Buffer): string[] {
  const text = /\0depends=([^\0]*)\0/.exec(module.toString('latin1'))?.[1] ?? '';
  return text
    .split(',')
    .filter((name) => name !== '')
    .map(moduleName);
}

/** What unpacks a module; the largest has some ten MiB. */
const MAX_MODULE_BYTES = 0x10000000;

async function unpacked(file: string): Promise<Buffer> {
  const packing = MODULE_FILE.exec(file)?.[1] ?? '';
  if (packing === '') return readFileSync(file);
  const program = UNPACKED_BY[packing];
  return new Promise((resolve, reject) => {
    const options = { encoding: 'buffer', maxBuffer: MAX_MODULE_BYTES } as const;
    execFile(program, ['-dc', file], options, (error, data, stderr) => {
      if (error === null) return resolve(data);
      const missing = error.code === 'ENOENT';
      const reason = missing ? `${program} is not installed` : stderr.toString().trim();
      reject(noUnpacking(basename(file), reason));
    });
  });
}

const noUnpacking = (file: string, reason: string): ApemuError =>
  new ApemuError('APEMU_ERR_GUEST_IMAGE_MODULE', `cannot unpack the module ${file}: ${reason}`);

/** How many similar names a message shows. */
const SIMILAR_SHOWN = 8;

function noModule(
  { whose, files, builtIn }: ModuleSource,
  name: string,
  wantedBy: string,
): ApemuError {
  const [start] = name.split('_');
  const similar = [...files.keys()].filter((known) => known.startsWith(start)).sort();
  const names = similar.slice(0, SIMILAR_SHOWN).join(', ');
  const there = names === '' ? '' : ` (there are ${names})`;
  const built =
    builtIn === undefined
      ? 'nor a modules.builtin that says whether it is built in'
      : 'and does not have it built in';
  return new ApemuError(
    'APEMU_ERR_GUEST_IMAGE_MODULE',
    `${whose} has no module ${name}${wantedBy}, ${built}${there}`,
  );
}
