// SPDX-License-Identifier: Apache-2.0
// Additional zcrypt device nodes. They are made and removed through files of the class, and each has filters of ioctls, adapters and
// domains.
// Source: Linux 6.12, drivers/s390/crypto/zcrypt_api.c (zcdn_create, zcdn_destroy, zcdn_create_store, ioctlmask_store … admask_store).
import {
  type Attribute,
  attributeTable,
  READ_ONLY,
  READ_WRITE,
  ROOT_READ_WRITE,
} from './attribute.ts';
import type { ApBus } from './bus.ts';
import type { Outcome } from './errno.ts';
import { emptyMask, type Mask, maskText } from './mask.ts';
import { cString, parseMask } from './number-syntax.ts';
import { type Operation, withLocks } from './operation.ts';
import { keysText, storeUevent } from './uevents.ts';

/** ZCRYPT_MAX_MINOR_NODES. */
const NODES_MAX = 256;
/** ZCDN_MAX_NAME, which includes the final zero byte. */
const NAME_BYTES = 32;
/** Major number of the nodes. A kernel chooses it when it starts: VD-71. */
const MAJOR = 253;
/** Files of the class. A node cannot have one of these names, since it could not be linked beside them. */
const CLASS_FILES = ['create', 'destroy'];

const FILTERS = ['ioctlmask', 'apmask', 'aqmask', 'admask'] as const;
type Filter = (typeof FILTERS)[number];

/** One node, as plain data. At first all filters are empty: nothing is allowed. */
export interface ZcryptNode extends Readonly<Record<Filter, Mask>> {
  readonly name: string;
  readonly minor: number;
}

/** A node and its bus, for the files of its directory. */
export interface ZcryptNodeTarget {
  readonly bus: ApBus;
  readonly node: ZcryptNode;
}

/** Write to `create`. EEXIST: the name is in use. ENOSPC: no number is free. */
function* createNode(bus: ApBus, text: string): Operation<Outcome> {
  const given = nameIn(text);
  const { requests } = bus;
  return yield* withLocks([bus.permsLock], (): Outcome => {
    const used = new Set(requests.nodes.map(({ minor }) => minor));
    const minor = Array.from({ length: NODES_MAX }, (_, n) => n).find((n) => !used.has(n));
    if (given !== '' && findNode(bus, given) !== undefined) return 'EEXIST';
    if (minor === undefined) return 'ENOSPC';
    // kobject_set_name replaces slashes, since they would separate directories.
    const name = given === '' ? `zcrypt_${minor}` : given.replaceAll('/', '!');
    if (findNode(bus, name) !== undefined) return 'EEXIST';
    const filters = Object.fromEntries(FILTERS.map((filter) => [filter, emptyMask()]));
    const node = { name, minor, ...(filters as Record<Filter, Mask>) };
    if (CLASS_FILES.includes(name)) {
      // The device is there already, and goes again when its link cannot be made: only that is told.
      tell(bus, node, 'remove');
      return 'EEXIST';
    }
    requests.nodes = [...requests.nodes, node];
    tell(bus, node, 'add');
    return 'ok';
  });
}

/** Write to `destroy`. ENOENT: no such node. Nobody has a node open here, so it goes at once. */
function* destroyNode(bus: ApBus, text: string): Operation<Outcome> {
  const name = nameIn(text);
  return yield* withLocks([bus.permsLock], (): Outcome => {
    const node = findNode(bus, name);
    if (node === undefined) return 'ENOENT';
    bus.requests.nodes = bus.requests.nodes.filter((one) => one !== node);
    tell(bus, node, 'remove');
    return 'ok';
  });
}

export const findNode = (bus: ApBus, name: string): ZcryptNode | undefined =>
  bus.requests.nodes.find((node) => node.name === name);

/** Path of a node in the tree, from the mount point on. */
export const nodePath = ({ name }: ZcryptNode): string => `/devices/virtual/zcrypt/${name}`;

/** skip_spaces, strscpy, strim. */
const nameIn = (text: string): string =>
  cString(text)
    .trimStart()
    .slice(0, NAME_BYTES - 1)
    .trimEnd();

const keysOf = ({ name, minor }: ZcryptNode): (readonly [string, string])[] => [
  ['MAJOR', String(MAJOR)],
  ['MINOR', String(minor)],
  // device_get_devnode
  ['DEVNAME', name.replaceAll('!', '/')],
];

const tell = ({ journal }: ApBus, node: ZcryptNode, action: 'add' | 'remove'): void =>
  journal.uevent('zcrypt', action, nodePath(node), keysOf(node));

function* storeFilter(
  { bus, node }: ZcryptNodeTarget,
  filter: Filter,
  text: string,
): Operation<Outcome> {
  return yield* withLocks([bus.permsLock], (): Outcome => {
    const parsed = parseMask(text, node[filter]);
    if (!parsed.ok) return parsed.errno;
    const changed = { ...node, [filter]: parsed.value };
    bus.requests.nodes = bus.requests.nodes.map((one) => (one === node ? changed : one));
    return 'ok';
  });
}

/** Files of /sys/class/zcrypt. They can be opened for reading, but have no text. */
export const NODE_CLASS_FILES = attributeTable<ApBus>([
  { name: 'create', mode: ROOT_READ_WRITE, show: () => ({ errno: 'EIO' }), store: createNode },
  { name: 'destroy', mode: ROOT_READ_WRITE, show: () => ({ errno: 'EIO' }), store: destroyNode },
]);

/** Files of each node. */
export const NODE_FILES = attributeTable<ZcryptNodeTarget>([
  { name: 'dev', mode: READ_ONLY, show: ({ node }) => `${MAJOR}:${node.minor}\n` },
  {
    name: 'uevent',
    mode: READ_WRITE,
    show: ({ node }) => keysText(keysOf(node)),
    store: ({ bus: { journal }, node }, text) => {
      const source = { journal, subsystem: 'zcrypt', path: nodePath(node), keys: keysOf(node) };
      return storeUevent(source, text);
    },
  },
  ...FILTERS.map(
    (name): Attribute<ZcryptNodeTarget> => ({
      name,
      mode: READ_WRITE,
      readLocks: ({ bus }) => [bus.permsLock],
      show: ({ node }) => `${maskText(node[name])}\n`,
      store: (target, text) => storeFilter(target, name, text),
    }),
  ),
]);
