// SPDX-License-Identifier: Apache-2.0
// Makes a guest image, which is a kernel and an initramfs, from packages, in a cache directory.
// Source: docs/reference/qemu-attach.md section 3.

import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { makeFolders } from '../../config/make-folders.ts';
import { ApemuError } from '../../errors.ts';
import { makeFolder } from '../folder.ts';
import { NO_PACKAGES, SUPPLY_INSTEAD } from './apt.ts';
import { cpioArchive, MODE_CHARACTER_DEVICE, MODE_FILE, MODE_PROGRAM } from './cpio.ts';
import { INIT_SCRIPT, RSA_TEST } from './guest-files.ts';
import { KERNEL_PLACES, openKernelTree } from './kernel-tree.ts';
import { moduleEntries, modulesBelow } from './modules.ts';
import { type FetchedPackages, fetchPackages } from './packages.ts';
import { matching } from './paths.ts';
import { contentsName, type ImageContents } from './request.ts';
import { rsaVectors } from './rsa-vectors.ts';
import { KERNEL_SERIES, type SuiteChoice, suiteName, suitesFor } from './suites.ts';
import { packageEntries, programEntries } from './user-land.ts';

/** A guest image on disk. */
export interface GuestImage {
  readonly kernel: string;
  readonly initrd: string;
}

/** How an image is made. */
export interface ImageOptions extends ImageContents {
  /** Where images are kept. */
  readonly cache?: string;
  /** Fetches and builds anew. */
  readonly again?: boolean;
  readonly log?: (line: string) => void;
}

/** Folder in which images are kept, unless the user says otherwise. */
export function defaultCache(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'apemu', 'guest-image');
}

/** Counts up when the contents of the image change, so that one made by an older version is made anew. */
const REVISION = 4;

const imageFolder = (kernel: string, cache: string, contents: ImageContents = {}): string =>
  join(cache, `${kernel}-r${REVISION}${contentsName(contents)}`);

const imageIn = (folder: string): GuestImage => ({
  kernel: join(folder, 'kernel'),
  initrd: join(folder, 'initrd'),
});

/** The image of a kernel series if it has been made before. */
export const findGuestImage = (kernel: string, cache = defaultCache()): GuestImage | undefined =>
  findIn(imageFolder(kernel, cache));

function findIn(folder: string): GuestImage | undefined {
  const image = imageIn(folder);
  return existsSync(image.kernel) && existsSync(image.initrd) ? image : undefined;
}

/**
 * Makes the image of a kernel series, or gives the one made before. One with a kernel tree has the programs of the series, and is
 * made each time.
 *
 * @param kernel one of `KERNEL_SERIES`, a newer series, or a suite
 * @throws ApemuError APEMU_ERR_GUEST_IMAGE_KERNEL for another series, APEMU_ERR_GUEST_IMAGE_PACKAGES when packages cannot be had,
 *   APEMU_ERR_GUEST_IMAGE_MODULE and APEMU_ERR_GUEST_IMAGE_TREE for modules and kernel trees that cannot be used,
 *   APEMU_ERR_GUEST_IMAGE_FOLDER when the cache cannot be written
 */
export async function makeGuestImage(
  kernel: string,
  options: ImageOptions = {},
): Promise<GuestImage> {
  const { cache = defaultCache(), kernelTree, log = () => {} } = options;
  const suites = suitesFor(kernel);
  if (suites.length === 0) {
    throw new ApemuError(
      'APEMU_ERR_GUEST_IMAGE_KERNEL',
      `no guest image for kernel ${kernel}: there are ${KERNEL_SERIES.join(', ')} and Debian's suites. ${SUPPLY_INSTEAD}`,
    );
  }
  if (kernelTree !== undefined) return withKernelTree(kernel, kernelTree, options);
  const folder = imageFolder(kernel, cache, options);
  const made = findIn(folder);
  if (made !== undefined && options.again !== true) return made;
  makeImageFolder(folder);
  for (const suite of suites) {
    try {
      await makeFrom(suite, folder, options, log);
      break;
    } catch (error) {
      // Another suite helps if packages are missing, but not if the disk is full.
      const missing = error instanceof ApemuError && error.code === NO_PACKAGES;
      if (!missing || suite === suites.at(-1)) throw error;
      const [reason] = error.message.replace(SUPPLY_INSTEAD, '').split('\n', 1);
      log(`${suiteName(suite)} cannot be had at the moment: ${reason}`);
    }
  }
  return imageIn(folder);
}

/** @throws ApemuError APEMU_ERR_GUEST_IMAGE_FOLDER */
function makeImageFolder(folder: string): void {
  try {
    makeFolders(folder);
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    const message = `cannot write guest images to ${folder}: ${errno} (XDG_CACHE_HOME says where they are kept)`;
    throw new ApemuError('APEMU_ERR_GUEST_IMAGE_FOLDER', message, { errno, cause });
  }
}

/** Several processes may make the same image at once: each in a folder of its own, and whoever ends last is right, too. */
async function inWorkFolder(folder: string, make: (work: string) => Promise<void>): Promise<void> {
  const work = makeFolder(folder, 'work-');
  try {
    await make(work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Puts a finished image in its place. */
function place(
  work: string,
  folder: string,
  kernel: string,
  archives: readonly Uint8Array[],
): void {
  const finished = imageIn(work);
  const image = imageIn(folder);
  copyFileSync(kernel, finished.kernel);
  writeFileSync(finished.initrd, Buffer.concat(archives));
  renameSync(finished.kernel, image.kernel);
  renameSync(finished.initrd, image.initrd);
}

const makeFrom = (
  suite: SuiteChoice,
  folder: string,
  { modules = [], packages = [] }: ImageOptions,
  log: (line: string) => void,
): Promise<void> =>
  inWorkFolder(folder, async (work) => {
    const fetched = await fetchPackages(work, suite, packages, log);
    log('writing the initramfs');
    const [kernel] = KERNEL_PLACES.flatMap((pattern) => matching(fetched.tree, pattern));
    if (kernel === undefined) throw lacks(suite)('kernel image');
    place(work, folder, kernel, [await initialRamDisk(fetched, suite, modules)]);
  });

async function initialRamDisk(
  { tree, more }: FetchedPackages,
  suite: SuiteChoice,
  modules: readonly string[],
): Promise<Buffer> {
  const source = modulesBelow(tree, `the kernel of ${suiteName(suite)}`);
  return cpioArchive([
    { path: 'dev/console', mode: MODE_CHARACTER_DEVICE, device: [5, 1] },
    { path: 'dev/null', mode: MODE_CHARACTER_DEVICE, device: [1, 3] },
    { path: 'init', mode: MODE_PROGRAM, data: Buffer.from(INIT_SCRIPT) },
    { path: 'bin/rsa-test', mode: MODE_PROGRAM, data: Buffer.from(RSA_TEST) },
    { path: 'apemu/rsa.txt', mode: MODE_FILE, data: Buffer.from(rsaVectors()) },
    ...programEntries(tree, lacks(suite)),
    ...(await moduleEntries(source, modules)),
    ...(more === undefined ? [] : packageEntries(more)),
  ]);
}

/** The kernel tree's kernel, and its modules in an archive behind the series' initramfs: what comes later wins. */
async function withKernelTree(
  series: string,
  kernelTree: string,
  { modules = [], packages = [], cache = defaultCache(), ...options }: ImageOptions,
): Promise<GuestImage> {
  const tree = openKernelTree(kernelTree);
  const entries = await moduleEntries(tree.modules, modules);
  const { kernelTree: _tree, ...rest } = options;
  const { initrd } = await makeGuestImage(series, { ...rest, packages, cache });
  const folder = imageFolder(series, cache, { modules, packages, kernelTree });
  makeImageFolder(folder);
  await inWorkFolder(folder, async (work) => {
    place(work, folder, tree.kernel, [readFileSync(initrd), cpioArchive(entries)]);
  });
  return imageIn(folder);
}

const lacks =
  (suite: SuiteChoice) =>
  (what: string): ApemuError =>
    new ApemuError(
      NO_PACKAGES,
      `the packages of ${suiteName(suite)} hold no ${what}. ${SUPPLY_INSTEAD}`,
    );
