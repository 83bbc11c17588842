// SPDX-License-Identifier: Apache-2.0
// Programs of a guest image: those of each image, taken out of their packages, and whole packages that a user asks for.
// Source: docs/reference/qemu-attach.md section 3.

import { existsSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type CpioEntry, MODE_FILE, MODE_LINK, MODE_PROGRAM } from './cpio.ts';
import { below } from './paths.ts';

/** Programs taken from the packages, wherever the suite has them; `true`: the image is useless without. */
const PROGRAMS: readonly [name: string, needed: boolean][] = [
  ['busybox', true],
  ['lszcrypt', true],
  ['chzcrypt', true],
  ['perl', true],
  ['zcryptstats', false],
  ['icainfo', false],
  ['icainfo-cex', false],
  ['icastats', false],
  ['openssl', false],
];

const PROGRAM_FOLDERS = ['bin', 'sbin', 'usr/bin', 'usr/sbin'];
const LIBRARY_FOLDERS = ['lib/s390x-linux-gnu', 'usr/lib/s390x-linux-gnu'];

/** Libraries the programs above name (DT_NEEDED), by beginning of the file name. */
const LIBRARIES = [
  'ld64.so.1',
  'libc.so.6',
  'libm.so.6',
  'libcrypt.so.1',
  'libcrypto.so.1.1',
  'libcrypto.so.3',
  'libdl.so.2',
  'libica-cex.so.3',
  'libica-cex.so.4',
  'libica.so.3',
  'libica.so.4',
  'libpthread.so.0',
  'librt.so.1',
  'libssl.so.1.1',
  'libssl.so.3',
  'libz.so.1',
  'libzstd.so.1',
];

/** OpenSSL's engine that calls libica, where the package has it and where OPENSSL_ENGINES of init points. */
const ENGINE = { from: 'openssl-1.0.2/engines/libibmca.so', to: 'engines/ibmca.so' };

/** What each image has. @param missing makes the error for a program that is not there */
export function programEntries(tree: string, missing: (what: string) => Error): CpioEntry[] {
  const entries: CpioEntry[] = [];
  for (const [name, needed] of PROGRAMS) {
    const folder = PROGRAM_FOLDERS.find((place) => existsSync(join(tree, place, name)));
    if (folder === undefined) {
      if (needed) throw missing(name);
      continue;
    }
    const data = readFileSync(join(tree, folder, name));
    const path = name === 'perl' ? 'usr/bin/perl' : `bin/${name}`;
    entries.push({ path, mode: MODE_PROGRAM, data });
  }
  return [...entries, ...libraryEntries(tree)];
}

function libraryEntries(tree: string): CpioEntry[] {
  const entries: CpioEntry[] = [];
  const wanted = [...LIBRARIES.map((name) => ({ from: name, to: name })), ENGINE];
  for (const { from, to } of wanted) {
    const folder = LIBRARY_FOLDERS.find((place) => existsSync(join(tree, place, from)));
    if (folder === undefined) continue;
    entries.push({
      path: `lib/s390x-linux-gnu/${to}`,
      mode: MODE_PROGRAM,
      data: readFileSync(join(tree, folder, from)),
    });
  }
  const loader = Buffer.from('s390x-linux-gnu/ld64.so.1');
  return [...entries, { path: 'lib/ld64.so.1', mode: MODE_LINK, data: loader }];
}

/** Permission to execute, of anybody. */
const MODE_ANY_X = 0o111;
/** Nobody reads them in a guest, and all of an initramfs is in its storage. */
const LEFT_OUT = /^usr\/share\/(?:bash-completion|bug|doc|doc-base|info|lintian|locale|man)\//;

/** Whole packages: every file and link where the package has it. */
export function packageEntries(tree: string): CpioEntry[] {
  const entries: CpioEntry[] = [];
  for (const [file, entry] of below(tree)) {
    const path = relative(tree, file);
    if (LEFT_OUT.test(path)) continue;
    if (entry.isSymbolicLink())
      entries.push({ path, mode: MODE_LINK, data: Buffer.from(readlinkSync(file)) });
    else if (entry.isFile()) {
      const mode = (statSync(file).mode & MODE_ANY_X) === 0 ? MODE_FILE : MODE_PROGRAM;
      entries.push({ path, mode, data: readFileSync(file) });
    }
  }
  return entries;
}
