// SPDX-License-Identifier: Apache-2.0
// Two machines of the tests of migration.
import { Cluster } from '../../src/cluster/cluster.ts';
import { clusterFromObject } from '../../src/config/load.ts';

type Raw = Readonly<Record<string, unknown>>;

const CARDS = { 5: { mode: 'cca' }, 6: { mode: 'accelerator' } };
const DOMAINS = [4, 0x47];

export interface Parts {
  /** The switch; default strict. */
  readonly migration?: string;
  readonly cards?: Raw;
  readonly domains?: readonly number[];
  /** Adapters of machine B; default those of A. */
  readonly cardsOfB?: Raw;
  readonly domainsOfB?: readonly number[];
  /** What B's host leaves to vfio_ap; default all adapters of A. */
  readonly apmaskOfB?: string;
  /** The guest's mdev on B: default without anything assigned; null: none. */
  readonly mdevOfB?: Raw | null;
  readonly guest?: Raw;
  /** Further guests of B. */
  readonly guestsOfB?: Raw;
}

/** A configuration of machine A, where Guest1 has all queues, and machine B, where it may come to. */
export const twoMachines = (parts: Parts = {}): Raw => {
  const { cards = CARDS, domains = DOMAINS, migration = 'strict', mdevOfB = {} } = parts;
  const adapters = Object.keys(cards).map(Number);
  const switches = { migration };
  const partition = (of: Raw, usageDomains: readonly number[]): Raw => ({
    adapters: of,
    usageDomains,
    controlDomains: usageDomains,
    messageMemory: '2MiB',
  });
  const mdev = { adapters, domains, controlDomains: domains };
  return {
    machines: {
      A: {
        machine: partition(cards, domains),
        host: { switches },
        guests: { Guest1: { memory: '256KiB', mdev, ...parts.guest } },
      },
      B: {
        machine: partition(parts.cardsOfB ?? cards, parts.domainsOfB ?? domains),
        host: {
          apmask: parts.apmaskOfB ?? adapters.map((apid) => `-${apid}`).join(','),
          switches,
        },
        guests: {
          Guest1: { incoming: true, ...(mdevOfB === null ? {} : { mdev: mdevOfB }) },
          ...parts.guestsOfB,
        },
      },
    },
  };
};

export const createTwoMachines = (parts: Parts = {}): Promise<Cluster> =>
  Cluster.create(clusterFromObject(twoMachines(parts)).config);

/** APQNs of a guest's masks on a machine, as sysfs shows them. */
export const guestMatrix = (cluster: Cluster, machine: string): string[] => {
  const { machine: of, guest } = cluster.place('Guest1', machine);
  const mdev = of.host.matrix.byUuid.get(guest.uuid);
  if (mdev === undefined) return [];
  const read = of.sysfs.read(`/sys/devices/vfio_ap/matrix/${guest.uuid}/guest_matrix`);
  return read.ok ? read.text.split('\n').filter((line) => line !== '') : [];
};
