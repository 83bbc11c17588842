// SPDX-License-Identifier: Apache-2.0
// The host side as plain records: what a saved machine keeps of it, and how it comes back without a probe or a reset.
// Source: docs/design.md section 2 (host objects from their record list).
import {
  ApCard,
  ApQueue,
  type DeviceState,
  type HardwareInfo,
  type MachineState,
  type ZcryptState,
} from '../ap-bus/device.ts';
import type { JournalRecord } from '../ap-bus/events.ts';
import type { QciInfo } from '../ap-bus/host-qci.ts';
import type { Mask } from '../ap-bus/mask.ts';
import type { PollTimer } from '../ap-bus/queue-state.ts';
import { armScanTimer } from '../ap-bus/scan.ts';
import type { ZcryptRecord } from '../ap-bus/zcrypt-requests.ts';
import { ApemuError } from '../errors.ts';
import type { KvmVm } from '../kvm/vm.ts';
import { VfioApFile } from '../vfio-ap/fd.ts';
import type { ApMatrix, MatrixLimits } from '../vfio-ap/matrix.ts';
import type { MatrixDevice } from '../vfio-ap/matrix-device.ts';
import { MatrixMdev, VfioApQueue } from '../vfio-ap/mdev.ts';
import { VirtualMdev, type VirtualState } from '../vfio-ap/virtual/mdev.ts';
import type { HostSide } from './host-side.ts';

const RECORDS_VERSION = 4;

interface CardRecord {
  readonly id: number;
  readonly info: HardwareInfo;
  readonly type: number;
  readonly config: boolean;
  readonly checkstop: boolean;
  readonly totalRequests: number;
  readonly driver: string | null;
  readonly zcrypt: ZcryptState | null;
}

interface QueueRecord {
  readonly apqn: number;
  readonly config: boolean;
  readonly checkstop: boolean;
  readonly state: DeviceState;
  readonly machine: MachineState;
  readonly interrupts: boolean;
  readonly lastErrorRc: number;
  readonly totalRequests: number;
  readonly resetWithF: boolean;
  readonly seBindState: number;
  readonly associationIndex: number | null;
  readonly driverOverride: string | null;
  readonly polled: boolean;
  readonly driver: string | null;
  readonly zcrypt: ZcryptState | null;
  /** Status of the last ZAPQ by vfio_ap, if it drives the queue. */
  readonly resetStatus: number | null;
}

interface MdevRecord {
  readonly number: number;
  readonly uuid: string;
  readonly limits: MatrixLimits;
  readonly matrix: ApMatrix;
  readonly shadow: ApMatrix;
  readonly pending: ApMatrix;
  readonly kvm: string | null;
  readonly opens: number;
  /** State of an mdev of the virtual type; null for the other type. */
  readonly virtual: VirtualState | null;
}

/** Everything of a host side that is not in the machine image. Plain data; masks are Uint32Array, QCI bytes Uint8Array. */
export interface HostRecords {
  readonly version: number;
  readonly bus: Readonly<Record<string, number | boolean>>;
  readonly apmask: Mask;
  readonly aqmask: Mask;
  readonly qci: QciInfo;
  readonly previousQci: QciInfo;
  readonly info: QciInfo;
  /** Devices in the order of their registration. A card comes before its queues. */
  readonly devices: readonly (
    | { readonly card: CardRecord; readonly queue?: never }
    | { readonly queue: QueueRecord; readonly card?: never }
  )[];
  readonly polling: PollTimer;
  readonly zcrypt: ZcryptRecord;
  readonly scanDueNs: number | null;
  readonly mdevs: readonly MdevRecord[];
  readonly journal: JournalRecord;
}

/** Names of the plain values of the bus. */
const BUS_VALUES = [
  'defaultDomain',
  'configTimeS',
  'pollTimeoutNs',
  'pollThread',
  'autoprobe',
  'scans',
  'bindingsComplete',
  'bindingsCompleteCount',
  'overrides',
  'order',
] as const;

const QUEUE_VALUES = [
  'config',
  'checkstop',
  'state',
  'machine',
  'interrupts',
  'lastErrorRc',
  'totalRequests',
  'resetWithF',
  'seBindState',
  'associationIndex',
  'driverOverride',
  'polled',
  'zcrypt',
] as const;
const CARD_VALUES = ['config', 'checkstop', 'totalRequests', 'zcrypt'] as const;

function pick<T, K extends keyof T>(from: T, names: readonly K[]): Pick<T, K> {
  return Object.fromEntries(names.map((name) => [name, from[name]])) as Pick<T, K>;
}

/** Throws ApemuError APEMU_ERR_HOST_BUSY while an operation sleeps: what it waits for is no plain data. */
export function refuseWhileBusy({ bus, matrix }: HostSide): void {
  const locks = [bus.permsLock, bus.scanLock, matrix.guestsLock, matrix.mdevsLock];
  const held = locks.find((lock) => lock.held)?.name;
  const removing = [...matrix.byUuid.values()].find((mdev) => mdev.removing)?.uuid;
  const migrating = [...matrix.byUuid.values()].find((mdev) => mdev.migrating)?.uuid;
  if (migrating !== undefined)
    throw new ApemuError('APEMU_ERR_HOST_BUSY', `mdev ${migrating} is migrating`);
  if (held === undefined && removing === undefined) return;
  const what = held === undefined ? `mdev ${removing} is being removed` : `${held} is held`;
  throw new ApemuError('APEMU_ERR_HOST_BUSY', `a host operation is under way: ${what}`);
}

/**
 * Records of the host side between two operations. Throws ApemuError APEMU_ERR_HOST_BUSY while an operation sleeps, since what it waits
 * for is not plain data. Eventfds of vfio files are not kept; they have to be installed again after a restore.
 */
export function saveHost(host: HostSide): HostRecords {
  const { bus, matrix, journal } = host;
  refuseWhileBusy(host);
  const driverName = (device: ApCard | ApQueue): string | null => device.driver?.name ?? null;
  const records: HostRecords = {
    version: RECORDS_VERSION,
    bus: pick(bus, BUS_VALUES),
    apmask: bus.apmask,
    aqmask: bus.aqmask,
    qci: bus.qci,
    previousQci: bus.previousQci,
    info: matrix.info,
    devices: [...bus.devices].map((d) =>
      d instanceof ApCard
        ? {
            card: {
              id: d.id,
              info: d.info,
              type: d.type,
              driver: driverName(d),
              ...pick(d, CARD_VALUES),
            },
          }
        : {
            queue: {
              apqn: d.apqn,
              driver: driverName(d),
              resetStatus: matrix.queues[d.apqn]?.resetStatus ?? null,
              ...pick(d, QUEUE_VALUES),
            },
          },
    ),
    polling: bus.queueStates.timer(),
    zcrypt: bus.requests.save(),
    scanDueNs: bus.scanTimer === null ? null : bus.scanDueNs,
    mdevs: [...matrix.mdevs, ...matrix.virtualMdevs].map((m) => ({
      number: m.number,
      ...pick(m, ['uuid', 'limits', 'matrix', 'shadow', 'opens']),
      pending: { apm: m.apmAdd, aqm: m.aqmAdd, adm: m.admAdd },
      kvm: m.kvm?.name ?? null,
      virtual: m instanceof VirtualMdev ? m.state : null,
    })),
    journal: journal.save(),
  };
  return structuredClone(records);
}

/**
 * Puts saved records into a host side that was made with the same options and not booted. `vm` finds a virtual machine by name;
 * its hook is set again, its masks are where they were, in the image. Returns the open vfio files, by UUID of their mdev.
 */
export function restoreHost(
  host: HostSide,
  saved: HostRecords,
  vm: (name: string) => KvmVm | undefined,
): Map<string, VfioApFile[]> {
  if (saved.version !== RECORDS_VERSION) {
    throw new ApemuError(
      'APEMU_ERR_HOST_RECORDS',
      `records of version ${saved.version} are not known`,
    );
  }
  const records = structuredClone(saved);
  const { bus, matrix } = host;
  Object.assign(bus, records.bus);
  bus.apmask = records.apmask;
  bus.aqmask = records.aqmask;
  bus.qci = records.qci;
  bus.previousQci = records.previousQci;
  matrix.info = records.info;
  for (const { card, queue } of records.devices) {
    if (card !== undefined) restoreCard(host, card);
    else restoreQueue(host, queue);
  }
  const files = new Map<string, VfioApFile[]>();
  for (const record of records.mdevs) files.set(record.uuid, restoreMdev(host, record, vm));
  bus.queueStates.resume(records.polling);
  bus.requests.restore(records.zcrypt);
  if (records.scanDueNs !== null) armScanTimer(bus, records.scanDueNs);
  matrix.refreshPool();
  host.journal.restore(records.journal);
  return files;
}

function restoreCard({ bus }: HostSide, record: CardRecord): void {
  const card = new ApCard(record.id, record.info, record.type);
  Object.assign(card, pick(record, CARD_VALUES));
  card.driver = record.driver === null ? null : (bus.driver(record.driver) ?? null);
  bus.devices.add(card);
  bus.cards[card.id] = card;
}

function restoreQueue({ bus, matrix }: HostSide, record: QueueRecord): void {
  const card = bus.cards[record.apqn >>> 8];
  if (card === undefined) {
    throw new ApemuError('APEMU_ERR_HOST_RECORDS', `queue ${record.apqn} has no card`);
  }
  const queue = new ApQueue(record.apqn, card);
  Object.assign(queue, pick(record, QUEUE_VALUES));
  queue.driver = record.driver === null ? null : (bus.driver(record.driver) ?? null);
  bus.devices.add(queue);
  bus.queues[queue.apqn] = queue;
  if (record.resetStatus === null) return;
  const owned = new VfioApQueue(queue.apqn);
  owned.resetStatus = record.resetStatus;
  matrix.queues[queue.apqn] = owned;
}

/** The mdev of a record, in the list of its type. */
function listMdev(matrix: MatrixDevice, { number, uuid, limits, virtual }: MdevRecord): MatrixMdev {
  if (virtual === null) {
    const mdev = new MatrixMdev(number, uuid, limits);
    matrix.instances++;
    matrix.mdevs.push(mdev);
    return mdev;
  }
  const mdev = new VirtualMdev(number, uuid, limits);
  mdev.restore(virtual);
  matrix.virtualInstances++;
  matrix.virtualMdevs.push(mdev);
  return mdev;
}

function restoreMdev(
  { bus, matrix }: HostSide,
  record: MdevRecord,
  vm: (name: string) => KvmVm | undefined,
): VfioApFile[] {
  const mdev = listMdev(matrix, record);
  Object.assign(mdev.matrix, record.matrix);
  Object.assign(mdev.shadow, record.shadow);
  mdev.apmAdd = record.pending.apm;
  mdev.aqmAdd = record.pending.aqm;
  mdev.admAdd = record.pending.adm;
  mdev.opens = record.opens;
  matrix.keepNumber(record.number);
  matrix.byUuid.set(mdev.uuid, mdev);
  // Links in the machine image are restored with it; here only the table.
  for (const queue of matrix.queues) {
    if (queue !== undefined && matrix.mdevOf(queue.apqn) === mdev) {
      mdev.link(queue, bus.switches.deconfiguredPassable);
    }
  }
  if (record.kvm !== null) {
    const kvm = vm(record.kvm);
    if (kvm === undefined) {
      throw new ApemuError('APEMU_ERR_HOST_RECORDS', `no virtual machine ${record.kvm}`);
    }
    mdev.kvm = kvm;
    kvm.setPqapHook(mdev);
  }
  return Array.from({ length: record.opens }, () => new VfioApFile(matrix, mdev));
}
