// SPDX-License-Identifier: Apache-2.0
// What a kernel under test is booted with: its own files, the agent beside them, and the plugins of QEMU.
// Source: docs/reference/fuzzing.md section 3.
import type { MachineConfig } from '../config/types.ts';
import type { LaunchOptions } from '../qemu/arguments.ts';
import { SCRIPT_CONSOLE } from '../qemu/console.ts';
import { imageWith } from '../qemu/guest-image/boot-files.ts';
import type { GuestImage } from '../qemu/guest-image/build.ts';
import { MODE_PROGRAM } from '../qemu/guest-image/cpio.ts';
import type { InPlaceLaunch } from '../qemu/moment/in-place.ts';
import type { BuiltPlugin } from '../qemu/plugin/build.ts';
import type { Poller } from '../qemu/poller.ts';
import { agentProgram } from './agent/agent-image.ts';
import type { CoverageFile } from './coverage.ts';

export interface KernelGuestOptions {
  readonly config: MachineConfig;
  /** Name of the guest whose kernel is under test. */
  readonly guest: string;
  readonly image: GuestImage;
  readonly append?: string | undefined;
  readonly memoryMiB?: number | undefined;
  /** Plugins of QEMU. If one cannot be built, it works without. */
  readonly moment: BuiltPlugin;
  readonly cover: BuiltPlugin;
  /** Further functions or modules whose coverage is taken. */
  readonly more?: RegExp | undefined;
  /** Whether it has guests of its own, through vfio_ap. */
  readonly host?: boolean | undefined;
  /** Whether the agent reports errors as success: a planted mistake, which must be found. */
  readonly planted?: boolean | undefined;
  readonly log?: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
  readonly poller?: Poller | undefined;
}

const KERNEL_MEMORY_MIB = 128;
/**
 * MiB for translated code. Storage that is put back is translated anew, so a guest that is taken back again and again would fill all that QEMU
 * has for it by default; what a case translates takes a few.
 */
const TRANSLATED_MIB = 128;
/** Kernel parameters: the same addresses in each boot, to compare coverage and traces; poisoned slabs show uses after a free. */
const APPEND = 'nokaslr slub_debug=FZP';

const AGENT = { path: 'apemu/agent', mode: MODE_PROGRAM, data: agentProgram() };

/** @throws ApemuError APEMU_ERR_QEMU_KERNEL if its initial RAM disk cannot be read, or is too long */
export const launchOf = (
  { image, append = '', memoryMiB = KERNEL_MEMORY_MIB, cover }: KernelGuestOptions,
  folder: string,
  inPlace: InPlaceLaunch | undefined,
  file: CoverageFile | undefined,
): LaunchOptions => ({
  ...imageWith(image, folder, AGENT),
  append: [SCRIPT_CONSOLE, APPEND, append].join(' ').trim(),
  memoryMiB,
  translatedMiB: TRANSLATED_MIB,
  extra: [
    ...(inPlace?.extra ?? ['-action', 'panic=pause,shutdown=pause']),
    ...(file?.pluginArguments(cover.path as string) ?? []),
  ],
});
