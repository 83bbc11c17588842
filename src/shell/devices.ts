// SPDX-License-Identifier: Apache-2.0
// /dev with the devices that scripts look for. There is a vfio group for each mediated device, and a device for each additional node of
// zcrypt.
// Source: Linux, drivers/vfio/group.c (/dev/vfio/N), drivers/s390/crypto/zcrypt_api.c (/dev/z90crypt).
import type { Listing, ReadResult, Status, Sysfs } from '../sysfs/sysfs.ts';

/** Folder of the devices. */
export const DEVICES = '/dev';

const GROUPS = '/sys/kernel/iommu_groups';
const NODES = '/sys/devices/virtual/zcrypt';
const FOLDERS: Readonly<Record<string, number>> = {
  '/dev': 0o755,
  '/dev/vfio': 0o755,
  '/dev/fd': 0o500,
};
/** The devices that are always there, with the modes that udev gives them. */
const ALWAYS: Readonly<Record<string, number>> = {
  '/dev/full': 0o666,
  '/dev/null': 0o666,
  '/dev/tty': 0o666,
  '/dev/zero': 0o666,
  '/dev/stdin': 0o666,
  '/dev/stdout': 0o666,
  '/dev/stderr': 0o666,
  '/dev/fd/0': 0o666,
  '/dev/fd/1': 0o666,
  '/dev/fd/2': 0o666,
  '/dev/vfio/vfio': 0o666,
  '/dev/z90crypt': 0o666,
};
const GROUP_MODE = 0o600;
/** Mode that udev gives a node for which it has no rule. */
const NODE_MODE = 0o600;

export class Devices {
  readonly #sysfs: () => Sysfs;

  constructor(sysfs: () => Sysfs) {
    this.#sysfs = sysfs;
  }

  #modes(): Map<string, number> {
    const modes = new Map(Object.entries(ALWAYS));
    const groups = this.#sysfs().list(GROUPS);
    for (const group of groups.ok ? groups.names : []) modes.set(`/dev/vfio/${group}`, GROUP_MODE);
    const nodes = this.#sysfs().list(NODES);
    // A device that exists stays: devtmpfs does not make a second one with its name.
    for (const path of (nodes.ok ? nodes.names : []).map((node) => `/dev/${node}`))
      if (!modes.has(path) && !Object.hasOwn(FOLDERS, path)) modes.set(path, NODE_MODE);
    return modes;
  }

  stat(path: string): Status {
    const folder = FOLDERS[path];
    if (folder !== undefined) return { ok: true, kind: 'dir', mode: folder };
    const mode = this.#modes().get(path);
    if (mode === undefined) return { ok: false, errno: 'ENOENT' };
    return { ok: true, kind: 'char', mode };
  }

  list(path: string): Listing {
    if (!Object.hasOwn(FOLDERS, path)) {
      const status = this.stat(path);
      return { ok: false, errno: status.ok ? 'ENOTDIR' : status.errno };
    }
    const below = [...this.#modes().keys(), ...Object.keys(FOLDERS)].filter(
      (name) => name.slice(0, name.lastIndexOf('/')) === path,
    );
    return { ok: true, names: below.map((name) => name.slice(path.length + 1)).sort() };
  }

  /** Only /dev/null can be read, and is empty. What other devices would return has no end or no meaning here. */
  read(path: string): ReadResult {
    if (path === '/dev/null') return { ok: true, text: '' };
    const status = this.stat(path);
    if (!status.ok) return status;
    return { ok: false, errno: status.kind === 'dir' ? 'EISDIR' : 'EINVAL' };
  }
}
