// SPDX-License-Identifier: Apache-2.0
// What a guest image is asked for, beyond a kernel series: more modules, more packages, a kernel of the user's own.

import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { ApemuError } from '../../errors.ts';

/** What goes into an image besides what each one has. */
export interface ImageContents {
  /** Kernel modules that init loads, with what they depend on, after those of AP. */
  readonly modules?: readonly string[];
  /** Packages of the series' suite, with what they depend on. */
  readonly packages?: readonly string[];
  /** A kernel tree that has been built, or installed: its kernel and its modules take the place of the suite's. */
  readonly kernelTree?: string;
}

/** Hexadecimal digits of an image's name that tell its contents. */
const DIGEST_DIGITS = 12;

/** What the folder of an image is called behind its series: nothing for the usual contents. */
export function contentsName({ modules = [], packages = [], kernelTree }: ImageContents): string {
  if (modules.length === 0 && packages.length === 0 && kernelTree === undefined) return '';
  const tree = kernelTree === undefined ? null : resolve(kernelTree);
  const text = JSON.stringify([modules, packages.toSorted(), tree]);
  return `-${createHash('sha256').update(text).digest('hex').slice(0, DIGEST_DIGITS)}`;
}

const MODULE_NAME = /^[A-Za-z0-9_][A-Za-z0-9_-]*$/;
/** Debian policy, section 5.6.1. */
const PACKAGE_NAME = /^[a-z0-9][a-z0-9+.-]+$/;

/** @throws ApemuError APEMU_ERR_USAGE_MODULES for what is no list of module names */
export const moduleNames = (text: string): readonly string[] =>
  namesOf(text, MODULE_NAME, 'modules', 'names such as pkey,vfio_ap').map(moduleName);

/** @throws ApemuError APEMU_ERR_USAGE_PACKAGES for what is no list of package names */
export const packageNames = (text: string): readonly string[] =>
  namesOf(text, PACKAGE_NAME, 'packages', 'names such as strace,trace-cmd');

/** The kernel writes - and _ alike, and _ in what it shows. */
export const moduleName = (name: string): string => name.replaceAll('-', '_');

function namesOf(text: string, name: RegExp, option: string, expected: string): string[] {
  const names = text.split(',').map((part) => part.trim());
  const wrong = names.find((one) => !name.test(one));
  if (wrong === undefined) return [...new Set(names)];
  throw new ApemuError(
    `APEMU_ERR_USAGE_${option.toUpperCase()}`,
    `--${option} is ${JSON.stringify(text)}, with ${JSON.stringify(wrong)} in it (expected ${expected})`,
  );
}
