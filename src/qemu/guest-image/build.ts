// SPDX-License-Identifier: Apache-2.0
// Makes a guest image: a kernel and an initramfs, from packages, into a cache directory.
// Source: docs/reference/qemu-attach.md section 3.

import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { ApemuError } from '../../errors.ts';
import {
  type CpioEntry,
  cpioArchive,
  MODE_CHARACTER_DEVICE,
  MODE_FILE,
  MODE_LINK,
  MODE_PROGRAM,
} from './cpio.ts';
import { INIT_SCRIPT, RSA_TEST } from './guest-files.ts';
import { fetchPackages, NO_PACKAGES, SUPPLY_INSTEAD } from './packages.ts';
import { rsaVectors } from './rsa-vectors.ts';
import { runProgram } from './run-process.ts';
import { GUEST_SUITES, type GuestSuite, KERNEL_SERIES, suiteName } from './suites.ts';

/** A guest image on disk. */
export interface GuestImage {
  readonly kernel: string;
  readonly initrd: string;
}

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
  'libcrypto.so.3',
  'libdl.so.2',
  'libica-cex.so.3',
  'libica-cex.so.4',
  'libica.so.3',
  'libica.so.4',
  'libpthread.so.0',
  'librt.so.1',
  'libssl.so.3',
  'libz.so.1',
  'libzstd.so.1',
];

/** OpenSSL's engine that calls libica, where the package has it and where OPENSSL_ENGINES of init points. */
const ENGINE = { from: 'openssl-1.0.2/engines/libibmca.so', to: 'engines/ibmca.so' };

/** Kernel modules, in the order init loads them. */
const MODULES = ['zcrypt', 'zcrypt_cex4'];

/** Where images are kept unless the user says otherwise. */
export function defaultCache(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'apemu', 'guest-image');
}

/** Counts up when the contents of the image change, so that one made by an older version is made anew. */
const REVISION = 3;

function imageFolder(kernel: string, cache: string): string {
  return join(cache, `${kernel}-r${REVISION}`);
}

/** The image of a kernel series if it has been made before. */
export function findGuestImage(kernel: string, cache = defaultCache()): GuestImage | undefined {
  const folder = imageFolder(kernel, cache);
  const image = { kernel: join(folder, 'kernel'), initrd: join(folder, 'initrd') };
  return existsSync(image.kernel) && existsSync(image.initrd) ? image : undefined;
}

/**
 * Makes the image of a kernel series, or gives the one made before.
 *
 * @param kernel one of `KERNEL_SERIES`
 * @param options.again fetches and builds anew
 * @throws ApemuError APEMU_ERR_GUEST_IMAGE_KERNEL for another series, APEMU_ERR_GUEST_IMAGE_PACKAGES when packages cannot be had,
 *   APEMU_ERR_GUEST_IMAGE_FOLDER when the cache cannot be written
 */
export async function makeGuestImage(
  kernel: string,
  options: { cache?: string; again?: boolean; log?: (line: string) => void } = {},
): Promise<GuestImage> {
  const cache = options.cache ?? defaultCache();
  const log = options.log ?? (() => {});
  const suites = GUEST_SUITES.filter((row) => row.kernel === kernel);
  if (suites.length === 0) {
    throw new ApemuError(
      'APEMU_ERR_GUEST_IMAGE_KERNEL',
      `no guest image for kernel ${kernel}: there are ${KERNEL_SERIES.join(', ')}. ${SUPPLY_INSTEAD}`,
    );
  }
  const made = findGuestImage(kernel, cache);
  if (made !== undefined && options.again !== true) return made;
  const folder = imageFolder(kernel, cache);
  makeFolder(folder);
  for (const suite of suites) {
    try {
      await makeFrom(suite, folder, log);
      break;
    } catch (error) {
      // Another suite helps where packages are missing, not where the disk is full.
      const missing = error instanceof ApemuError && error.code === NO_PACKAGES;
      if (!missing || suite === suites.at(-1)) throw error;
      const [reason] = (error as Error).message.split('\n', 1);
      log(`${suiteName(suite)} cannot be had at the moment: ${reason}`);
    }
  }
  return { kernel: join(folder, 'kernel'), initrd: join(folder, 'initrd') };
}

/** @throws ApemuError APEMU_ERR_GUEST_IMAGE_FOLDER */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    const message = `cannot write guest images to ${folder}: ${errno} (XDG_CACHE_HOME says where they are kept)`;
    throw new ApemuError('APEMU_ERR_GUEST_IMAGE_FOLDER', message, { errno, cause });
  }
}

async function makeFrom(suite: GuestSuite, folder: string, log: (line: string) => void) {
  const work = join(folder, 'work');
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const tree = await fetchPackages(work, suite, log);
  log('writing the initramfs');
  await writeImage(tree, folder, suite);
  rmSync(work, { recursive: true, force: true });
}

async function writeImage(tree: string, folder: string, suite: GuestSuite): Promise<void> {
  const image = kernelImage(tree);
  if (image === undefined) throw missing('kernel image', suite);
  const archive = cpioArchive([
    { path: 'dev/console', mode: MODE_CHARACTER_DEVICE, device: [5, 1] },
    { path: 'dev/null', mode: MODE_CHARACTER_DEVICE, device: [1, 3] },
    program('init', INIT_SCRIPT),
    program('bin/rsa-test', RSA_TEST),
    { path: 'apemu/rsa.txt', mode: MODE_FILE, data: Buffer.from(rsaVectors()) },
    ...programEntries(tree, suite),
    ...libraryEntries(tree),
    ...(await moduleEntries(tree, suite)),
  ]);
  copyFileSync(image, join(folder, 'kernel.new'));
  writeFileSync(join(folder, 'initrd.new'), archive);
  renameSync(join(folder, 'kernel.new'), join(folder, 'kernel'));
  renameSync(join(folder, 'initrd.new'), join(folder, 'initrd'));
}

/** Where the packages of one release have the kernel, and where those of another. */
const KERNEL_PLACES = ['boot/vmlinuz-*', 'usr/lib/modules/*/vmlinuz'];

const kernelImage = (tree: string): string | undefined =>
  KERNEL_PLACES.flatMap((pattern) => matching(tree, pattern.split('/')))[0];

/** Paths in a folder, by names one after the other; `*` stands for any text. */
function matching(folder: string, [name, ...rest]: readonly string[]): string[] {
  if (name === undefined) return [folder];
  const [before, after] = name.split('*');
  if (after === undefined)
    return existsSync(join(folder, name)) ? matching(join(folder, name), rest) : [];
  return readdirSync(folder)
    .filter((entry) => entry.startsWith(before) && entry.endsWith(after))
    .flatMap((entry) => matching(join(folder, entry), rest));
}

function program(path: string, text: string): CpioEntry {
  return { path, mode: MODE_PROGRAM, data: Buffer.from(text) };
}

function programEntries(tree: string, suite: GuestSuite): CpioEntry[] {
  const entries: CpioEntry[] = [];
  for (const [name, needed] of PROGRAMS) {
    const folder = PROGRAM_FOLDERS.find((place) => existsSync(join(tree, place, name)));
    if (folder === undefined) {
      if (needed) throw missing(name, suite);
      continue;
    }
    const data = readFileSync(join(tree, folder, name));
    const path = name === 'perl' ? 'usr/bin/perl' : `bin/${name}`;
    entries.push({ path, mode: MODE_PROGRAM, data });
  }
  return entries;
}

function libraryEntries(tree: string): CpioEntry[] {
  const entries: CpioEntry[] = [];
  for (const { from, to } of [...LIBRARIES.map((name) => ({ from: name, to: name })), ENGINE]) {
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

/** Modules as the kernel wants them: unpacked. */
async function moduleEntries(tree: string, suite: GuestSuite): Promise<CpioEntry[]> {
  const root = ['lib/modules', 'usr/lib/modules'].map((path) => join(tree, path)).find(existsSync);
  if (root === undefined) throw missing('kernel modules', suite);
  const files = readdirSync(root, { recursive: true }) as string[];
  const entries: CpioEntry[] = [];
  for (const name of MODULES) {
    const file = files.find((path) => new RegExp(`^${name}\\.ko(\\.xz)?$`).test(basename(path)));
    if (file === undefined) throw missing(`${name}.ko`, suite);
    let path = join(root, file);
    if (path.endsWith('.xz')) {
      const unpacked = await runProgram('xz', ['-dkf', path]);
      if (unpacked.status !== 0) {
        const reason = unpacked.missing
          ? 'xz is not installed (apt-get install xz-utils)'
          : unpacked.stderr;
        throw new ApemuError(NO_PACKAGES, `cannot unpack ${file}: ${reason}`);
      }
      path = path.slice(0, -'.xz'.length);
    }
    entries.push({ path: `modules/${name}.ko`, mode: MODE_FILE, data: readFileSync(path) });
  }
  return entries;
}

function missing(what: string, suite: GuestSuite): ApemuError {
  return new ApemuError(
    NO_PACKAGES,
    `the packages of ${suiteName(suite)} hold no ${what}. ${SUPPLY_INSTEAD}`,
  );
}
