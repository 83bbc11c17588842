// SPDX-License-Identifier: Apache-2.0
// Nodes of the attribute tree: directories, files and links, made when they are looked at.
// Source: docs/reference/vfio-ap.md section 3.1 (kernfs); docs/design.md section 1.
import type { AttributeTable, Mode, Shown } from '../ap-bus/attribute.ts';
import type { Outcome } from '../ap-bus/errno.ts';
import type { Lock, Operation } from '../ap-bus/operation.ts';

/** A directory; children are made on demand, so a tree of 65,536 queues costs nothing until it is walked. */
export interface Directory {
  readonly kind: 'dir';
  /** Names of the entries, in no particular order. */
  names(): Iterable<string>;
  child(name: string): SysfsNode | undefined;
}

export interface FileNode {
  readonly kind: 'file';
  readonly mode: Mode;
  readonly debugfs?: boolean;
  readonly fresh?: boolean;
  show(): Shown | Operation<Shown>;
  store(text: string): Outcome | Operation<Outcome>;
  readLocks(): readonly Lock[];
}

export interface LinkNode {
  readonly kind: 'link';
  /** Target as in readlink(2): relative to the directory that contains the link. */
  readonly target: string;
}

export type SysfsNode = Directory | FileNode | LinkNode;

export const link = (target: string): LinkNode => ({ kind: 'link', target });

/** Files of one object from its table. */
export function filesOf<T>(table: AttributeTable<T>, target: T): Directory {
  return {
    kind: 'dir',
    *names() {
      for (const row of table.values()) if (row.when?.(target) ?? true) yield row.name;
    },
    child(name) {
      const row = table.get(name);
      if (row === undefined || row.when?.(target) === false) return undefined;
      return {
        kind: 'file',
        mode: row.mode,
        debugfs: row.debugfs ?? false,
        fresh: row.fresh ?? false,
        show: () => row.show?.(target) ?? '',
        store: (text) => row.store?.(target, text) ?? 'ok',
        readLocks: () => row.readLocks?.(target) ?? [],
      };
    },
  };
}

/** A directory with fixed names, each of which stands for the same node as long as the directory exists. */
export function directory(children: Readonly<Record<string, () => SysfsNode>>): Directory {
  const made = new Map<string, SysfsNode>();
  return {
    kind: 'dir',
    names: () => Object.keys(children),
    child: (name) => {
      const known = made.get(name);
      if (known !== undefined || !Object.hasOwn(children, name)) return known;
      const node = children[name]();
      made.set(name, node);
      return node;
    },
  };
}

/** A directory whose entries come and go. */
export function listing(
  names: () => Iterable<string>,
  child: (name: string) => SysfsNode | undefined,
): Directory {
  return { kind: 'dir', names, child };
}

/** Several directories as one; the first that knows a name wins. */
export function union(...parts: readonly Directory[]): Directory {
  return {
    kind: 'dir',
    *names() {
      for (const part of parts) yield* part.names();
    },
    child(name) {
      for (const part of parts) {
        const node = part.child(name);
        if (node !== undefined) return node;
      }
      return undefined;
    },
  };
}
