// SPDX-License-Identifier: Apache-2.0
// Directories of devices that have no hardware of their own: zcrypt's nodes, the random numbers' and pkey's device, and debug areas.
// Source: Linux 6.12, drivers/char/misc.c, drivers/s390/crypto/zcrypt_api.c, pkey_api.c, arch/s390/kernel/debug.c (_debug_register).
import { attributeTable, READ_ONLY, READ_WRITE } from '../ap-bus/attribute.ts';
import type { ApBus } from '../ap-bus/bus.ts';
import { AREA_FILES, AREA_NAMES } from '../ap-bus/debug-areas.ts';
import { RANDOM_FILES } from '../ap-bus/hw-random.ts';
import { PKEY_GROUPS } from '../ap-bus/pkey-files.ts';
import { keysText, storeUevent } from '../ap-bus/uevents.ts';
import { findNode, NODE_CLASS_FILES, NODE_FILES, nodePath } from '../ap-bus/zcrypt-nodes.ts';
import { type Directory, directory, filesOf, link, listing, union } from './node.ts';

/** Nodes by the names a path can reach: `.` and `..` are what they are in every folder. */
const nodeNames = (bus: ApBus): string[] =>
  bus.requests.nodes.map(({ name }) => name).filter((name) => name !== '.' && name !== '..');

/** /sys/class/zcrypt. */
export const nodeClass = (bus: ApBus): Directory =>
  union(
    filesOf(NODE_CLASS_FILES, bus),
    listing(
      () => nodeNames(bus),
      (name) => {
        const node = findNode(bus, name);
        return node === undefined ? undefined : link(`../..${nodePath(node)}`);
      },
    ),
  );

/** /sys/devices/virtual/zcrypt. */
export const nodeDevices = (bus: ApBus): Directory =>
  listing(
    () => nodeNames(bus),
    (name) => {
      const node = findNode(bus, name);
      if (node === undefined) return undefined;
      const subsystem = directory({ subsystem: () => link('../../../../class/zcrypt') });
      return union(filesOf(NODE_FILES, { bus, node }), subsystem);
    },
  );

/** Major number of the devices of class misc. */
const MISC_MAJOR = 10;

/** A device of class misc. */
interface MiscRow {
  readonly minor: (bus: ApBus) => number;
  readonly node: string;
  /** Mode of its node, where it is not the usual one. */
  readonly nodeMode?: string;
  readonly contents: (bus: ApBus) => Directory;
}

const nothing = (): Directory => directory({});

const MISC: Readonly<Record<string, MiscRow>> = {
  hw_random: { minor: () => 183, node: 'hwrng', contents: (bus) => filesOf(RANDOM_FILES, bus) },
  pkey: {
    // Given out when it is registered, in newer kernels from another end (VD-73).
    minor: ({ switches }) => (switches.pkeyHandlers ? 258 : 125),
    node: 'pkey',
    nodeMode: '0666',
    contents: (bus) => {
      const groups = Object.entries(PKEY_GROUPS);
      return directory(
        Object.fromEntries(groups.map(([name, files]) => [name, () => filesOf(files, bus)])),
      );
    },
  },
  vfio: { minor: () => 196, node: 'vfio/vfio', nodeMode: '0666', contents: nothing },
  z90crypt: {
    minor: ({ switches }) => (switches.pkeyHandlers ? 257 : 126),
    node: 'z90crypt',
    contents: nothing,
  },
};

const miscKeys = (bus: ApBus, { minor, node, nodeMode }: MiscRow) =>
  [
    ['MAJOR', String(MISC_MAJOR)],
    ['MINOR', String(minor(bus))],
    ['DEVNAME', node],
    ...(nodeMode === undefined ? [] : [['DEVMODE', nodeMode] as const]),
  ] as const;

/** Files of every device of class misc. */
const miscFiles = (name: string, row: MiscRow) => {
  const path = `/devices/virtual/misc/${name}`;
  return attributeTable<ApBus>([
    { name: 'dev', mode: READ_ONLY, show: (bus) => `${MISC_MAJOR}:${row.minor(bus)}\n` },
    {
      name: 'uevent',
      mode: READ_WRITE,
      show: (bus) => keysText(miscKeys(bus, row)),
      store: (bus, text) => {
        const { journal } = bus;
        return storeUevent({ journal, subsystem: 'misc', path, keys: miscKeys(bus, row) }, text);
      },
    },
  ]);
};

/** /sys/class/misc, as far as it is about cards. */
export const miscClass = (): Directory =>
  directory(
    Object.fromEntries(
      Object.keys(MISC).map((name) => [name, () => link(`../../devices/virtual/misc/${name}`)]),
    ),
  );

/** /sys/devices/virtual/misc. */
export const miscDevices = (bus: ApBus): Directory =>
  directory(
    Object.fromEntries(
      Object.entries(MISC).map(([name, row]) => [
        name,
        () =>
          union(
            row.contents(bus),
            filesOf(miscFiles(name, row), bus),
            directory({ subsystem: () => link('../../../../class/misc') }),
          ),
      ]),
    ),
  );

/** /sys/kernel/debug/s390dbf. */
export const debugAreas = ({ journal: { areas } }: ApBus): Directory =>
  directory(
    Object.fromEntries(
      AREA_NAMES.map((name) => [name, () => filesOf(AREA_FILES, { areas, name })]),
    ),
  );
