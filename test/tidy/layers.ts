// SPDX-License-Identifier: Apache-2.0
// Which folder may import which: docs/design.md section 1, with the deviations of docs/architecture.md.

/**
 * Folders from left to right; those in one row do not import each other. A folder may import what stands in a row before it.
 */
export const ROWS: readonly (readonly string[])[] = [
  ['src/errors.ts', 'src/units.ts'],
  ['native-like/arch'],
  // What programs print of a Linux, whoever's it is: guests and the host show themselves by it.
  ['native-like/machine', 'src/s390-tools'],
  ['native-like/blocks', 'native-like/exec'],
  ['src/cex', 'src/trace'],
  ['src/config'],
  ['src/lpar'],
  ['src/kvm', 'src/ap-bus'],
  ['src/vfio-ap'],
  ['src/sysfs'],
  ['src/host'],
  // What a run counts and shows, for every way to run: it reads guest programs' state and the image.
  ['src/host-operations', 'src/load'],
  ['src/cluster'],
  ['src/vcpu-pool', 'src/program'],
  // Drivers under test: what happens to them, what they are, and what they must not do (design.md section 10).
  ['src/scenario'],
  ['src/target'],
  ['src/oracle'],
  // Findings and how they are looked for.
  ['src/fuzz'],
  // The package: a machine, and AP programs on it.
  ['src/index.ts', 'src/vitest.ts', 'src/fast-check.ts'],
  ['src/campaign'],
  // They print AP programs, and start pools.
  ['src/self-check', 'src/shell'],
  ['src/qemu'],
  // Kernels under test: guests under QEMU as targets of a campaign.
  ['src/kernel-fuzz'],
  // Kernels as the host: recorded, and compared with the model.
  ['src/recorder', 'bench'],
  ['src/cli'],
];

/** native-like compiles without Node types and imports nothing outside itself, not even our errors. */
export const CLOSED = 'native-like';

/** Guest-side code sees instructions and message layouts, never the host. */
export const GUEST = 'src/guest';
export const GUEST_MAY_IMPORT = [
  'native-like/arch',
  'src/cex/messages',
  'src/s390-tools',
  'src/errors.ts',
  'src/units.ts',
];
/** Who may import guest-side code: all of it, or these files. */
export const GUEST_USERS: Readonly<Record<string, 'all' | readonly string[]>> = {
  // The contract of a vCPU, and the table of built-in programs by name.
  'src/host': [
    'src/guest/cpu.ts',
    'src/guest/programs.ts',
    'src/guest/clone.ts',
    'src/guest/c-driver/load.ts',
  ],
  'src/index.ts': [
    'src/guest/c-driver/load.ts',
    'src/guest/cpu.ts',
    'src/guest/driver.ts',
    'src/guest/instructions.ts',
  ],
  'src/load': 'all',
  'src/vcpu-pool': 'all',
  'src/program': 'all',
  'src/scenario': 'all',
  'src/target': 'all',
  'src/self-check': 'all',
  'src/shell': 'all',
  bench: 'all',
  'src/qemu': 'all',
  'src/cli': 'all',
};

/** Packages and the folders that use them. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  commander: ['src/cli'],
  vitest: ['src/vitest.ts'],
  'fast-check': ['src/fast-check.ts'],
  pino: ['src/cli', 'src/vcpu-pool', 'src/qemu'],
  piscina: ['src/vcpu-pool', 'src/campaign', 'src/cli'],
  msgpackr: ['src/host', 'src/vcpu-pool', 'src/self-check'],
  typebox: ['src/config', 'src/qemu', 'src/campaign', 'src/fuzz', 'src/self-check'],
  bullmq: ['src/campaign'],
  ioredis: ['src/campaign'],
  yaml: ['src/config', 'src/self-check', 'src/fuzz'],
  amaro: ['src/target'],
  'istanbul-lib-instrument': ['src/target'],
  rollup: ['src/host', 'src/target'],
  re2js: ['src/shell'],
  tinybench: ['bench'],
};

/** The layer a file belongs to: a folder of native-like or src, a file directly in src, or the top folder. */
export const layerOf = (path: string): string => {
  const [top, second] = path.split('/') as [string, string | undefined];
  return (top === 'native-like' || top === 'src') && second !== undefined
    ? `${top}/${second}`
    : top;
};

const rowOf = (layer: string): number => ROWS.findIndex((row) => row.includes(layer));

/** Why a file of one path may not import another; undefined when it may. */
export const objection = (from: string, to: string): string | undefined => {
  const layer = layerOf(from);
  const target = layerOf(to);
  if (layer === target) return undefined;
  if (layer.startsWith(`${CLOSED}/`) && !target.startsWith(`${CLOSED}/`))
    return `${CLOSED} imports nothing outside itself`;
  if (layer === GUEST) {
    const allowed = GUEST_MAY_IMPORT.some((path) => to === path || to.startsWith(`${path}/`));
    return allowed ? undefined : 'guest-side code cannot see this';
  }
  if (target === GUEST) {
    const allowed = GUEST_USERS[layer];
    if (allowed === 'all' || allowed?.includes(to)) return undefined;
    return `${layer} gets guest programs by injection`;
  }
  const [left, right] = [rowOf(target), rowOf(layer)];
  if (left < 0) return `${target} has no place in the order`;
  if (right < 0) return `${layer} has no place in the order`;
  return left < right ? undefined : `${target} does not stand before ${layer}`;
};
