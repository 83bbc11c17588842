// SPDX-License-Identifier: Apache-2.0
// A record of a system as the files sysfs has of it, without a kernel behind them: what is written is what is read.
import {
  type ApSystemRecord,
  cardName,
  type DeviceRecord,
  queueName,
} from '../../src/s390-tools/ap-system.ts';
import { directory, link, type SysfsNode } from '../../src/sysfs/node.ts';
import { Sysfs } from '../../src/sysfs/sysfs.ts';

type Values = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Tree {
  /** Texts by path below /sys. */
  readonly files: Map<string, string>;
  /** Targets of links by path below /sys, from /sys. */
  readonly links: Map<string, string>;
}

const word = (n: number | undefined): string | undefined =>
  n === undefined ? undefined : `0x${(n >>> 0).toString(16).toUpperCase().padStart(8, '0')}`;

/** Files and links of a system; none without an AP bus. */
export function treeOf(system: ApSystemRecord | undefined): Tree {
  const files = new Map<string, string>();
  const links = new Map<string, string>();
  const add = (folder: string, values: Values): void => {
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) continue;
      const text = value === null ? '' : typeof value === 'boolean' ? Number(value) : value;
      files.set(`${folder}/${name}`, text === '' ? '' : `${text}\n`);
    }
  };
  const device = (folder: string, d: DeviceRecord): void => {
    const { config, chkstop, online, requests, pending, driver } = d;
    add(folder, { config, chkstop, online, request_count: requests });
    add(folder, { pendingq_count: pending, requestq_count: 0 });
    links.set(`bus/ap/devices/${folder.slice(folder.lastIndexOf('/') + 1)}`, folder);
    if (driver !== undefined) links.set(`${folder}/driver`, `bus/ap/drivers/${driver}`);
  };
  if (system === undefined) return { files, links };
  const { bus } = system;
  add('bus/ap', {
    features: bus.features,
    ap_domain: bus.domain,
    ap_max_domain_id: bus.maxDomain,
    ap_interrupts: bus.interrupts,
    config_time: bus.configTimeS,
    poll_thread: bus.pollThread,
    poll_timeout: bus.pollTimeoutNs,
    ap_usage_domain_mask: bus.usageDomains,
    ap_control_domain_mask: bus.controlDomains,
  });
  for (const card of system.cards) {
    const folder = `devices/ap/${cardName(card.apid)}`;
    device(folder, card);
    const { type, hwtype, depth, maxMessageBytes: max_msg_size, serial: serialnr } = card;
    add(folder, {
      type,
      hwtype,
      depth,
      max_msg_size,
      serialnr,
      ap_functions: word(card.functions),
    });
    for (const queue of card.queues) {
      const below = `${folder}/${queueName(card.apid, queue.apqi)}`;
      device(below, queue);
      const { status, seBind: se_bind, seAssociate: se_associate, masterKeys } = queue;
      add(below, { status, se_bind, se_associate, mkvps: masterKeys?.join('\n') });
      add(below, { ap_functions: word(queue.functions) });
    }
  }
  return { files, links };
}

/** The tree to run our programs on; what is written to files in `swallowing` changes nothing. */
export function sysfsOf({ files, links }: Tree, swallowing: readonly string[] = []): Sysfs {
  const texts = new Map(files);
  const node = (path: string): SysfsNode | undefined => {
    const target = links.get(path);
    if (target !== undefined) {
      const up = '../'.repeat(path.split('/').length - 1);
      return link(`${up}${target}`);
    }
    if (texts.has(path)) {
      return {
        kind: 'file',
        mode: 0o644,
        show: () => texts.get(path) as string,
        store: (text) => {
          if (!swallowing.includes(path)) texts.set(path, text);
          return 'ok';
        },
        readLocks: () => [],
      };
    }
    return folder(path);
  };
  const folder = (path: string): SysfsNode => {
    const prefix = path === '' ? '' : `${path}/`;
    const below = [...texts.keys(), ...links.keys()].filter((name) => name.startsWith(prefix));
    const names = new Set(below.map((name) => name.slice(prefix.length).split('/')[0]));
    return directory(
      Object.fromEntries([...names].map((name) => [name, () => node(prefix + name) as SysfsNode])),
    );
  };
  const root = folder('');
  if (root.kind !== 'dir') throw new TypeError('the root is no folder');
  return new Sysfs(root);
}
