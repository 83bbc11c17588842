// SPDX-License-Identifier: Apache-2.0
// A whole stepped machine as bytes, and back. The restored machine continues exactly where the saved one was.
// Source: docs/design.md sections 2 and 3 (the machine is data; guest programs have plain state).

import { createHash } from 'node:crypto';
import { Packr } from 'msgpackr';
import { PAGE_BYTES } from '../../../native-like/arch/limits.ts';
import type { MachineImage } from '../../../native-like/machine/image.ts';
import type { ImageShape } from '../../../native-like/machine/image-shape.ts';
import {
  C_COLD,
  C_PENDING_BYTE,
  C_POOL_BYTE,
  C_POOL_NEXT_BYTE,
  C_QUEUE,
  C_STORAGE_BYTE,
  C_STORAGE_END_BYTE,
  COLD_WORDS,
  LAYOUT_VERSION,
} from '../../../native-like/machine/layout.ts';
import type { MachineConfig } from '../../config/types.ts';
import { ApemuError } from '../../errors.ts';
import type { FaultOwner } from '../../lpar/faults.ts';
import type { PartitionRecords } from '../../lpar/profile.ts';
import { type HostRecords, restoreHost, saveHost } from '../../sysfs/host-records.ts';
import type { ImageCpu } from '../context/image-cpu.ts';
import { capacityOf } from '../context/loaded-image.ts';
import { guestProgram, notPlainState } from '../machine/guest-program.ts';
import { Machine } from '../machine/machine.ts';
import { notPlain } from '../machine/plain.ts';

const MAGIC = 'APEMU-MACHINE-1\n';
/** The magic of any version. */
const ANY_MAGIC = /^APEMU-MACHINE-([0-9]+)\n/;
const DIGEST_BYTES = 32;

const packr = new Packr({ structuredClone: true, moreTypes: true });

interface ProgramRecord {
  readonly guest: number;
  readonly vcpu: number;
  readonly program: string;
  readonly state: unknown;
  readonly nextNs: number;
  readonly readyNs: number;
  readonly done: boolean;
  readonly executed: number;
}

/** Some bytes of the image, and the offset they belong to. */
type Piece = readonly [offset: number, bytes: Uint8Array];

interface Saved {
  readonly layout: number;
  readonly config: MachineConfig;
  readonly capacity: ImageShape;
  readonly nowNs: number;
  readonly image: readonly Piece[];
  readonly partition: PartitionRecords;
  readonly faults?: readonly FaultOwner[];
  readonly cards: readonly unknown[];
  readonly host: HostRecords;
  readonly attached: readonly string[];
  readonly programs: readonly ProgramRecord[];
}

/**
 * The machine as bytes.
 *
 * @throws ApemuError `APEMU_ERR_SNAPSHOT_PROGRAM` when a program's state is not plain data, `APEMU_ERR_HOST_BUSY` while a host operation
 * sleeps
 */
export const saveMachine = (machine: Machine): Uint8Array => {
  const saved: Saved = {
    layout: LAYOUT_VERSION,
    config: machine.config,
    capacity: capacityOf(machine.loaded),
    nowNs: machine.nowNs(),
    image: piecesOf(machine.image),
    partition: machine.partition.save(),
    faults: machine.faults.saveOwners(),
    cards: [...machine.cards.values()],
    host: saveHost(machine.host),
    attached: [...machine.files.keys()],
    programs: machine.stepper.programs.map((running) => {
      refuseUnlessPlain(running.program.name, running.state);
      const { guest, vcpu, name: program, state, nextNs, readyNs, done, cpu } = running;
      return { guest, vcpu, program, state, nextNs, readyNs, done, executed: cpu.executed };
    }),
  };
  const body = packr.pack(saved);
  const digest = createHash('sha256').update(body).digest();
  return Buffer.concat([Buffer.from(MAGIC, 'latin1'), digest, body]);
};

const refuseUnlessPlain = (program: string, state: unknown): void => {
  if (notPlain(state) !== undefined) throw notPlainState(program, state);
};

/**
 * The pieces of the image that a machine has written: everything before the queues, records in use, used slots, pages that are not zero.
 */
const piecesOf = (image: MachineImage): Piece[] => {
  const queues = image.queues;
  const cold = image.word(C_COLD) * 4;
  const pieces: Piece[] = [
    pieceOf(image, 0, image.word(C_PENDING_BYTE) + queues),
    pieceOf(image, image.word(C_QUEUE) * 4, image.queueRecord(queues) * 4),
    pieceOf(image, cold, cold + queues * COLD_WORDS * 4),
    pieceOf(image, image.word(C_POOL_BYTE), image.word(C_POOL_NEXT_BYTE)),
  ];
  const end = image.word(C_STORAGE_END_BYTE);
  for (let page = image.word(C_STORAGE_BYTE); page < end; page += PAGE_BYTES) {
    if (!isZero(image, page)) pieces.push(pieceOf(image, page, page + PAGE_BYTES));
  }
  return pieces;
};

const pieceOf = (image: MachineImage, from: number, to: number): Piece => [
  from,
  image.u8.slice(from, to),
];

const isZero = (image: MachineImage, page: number): boolean => {
  for (let word = page >>> 2; word < (page + PAGE_BYTES) >>> 2; word++)
    if (image.i32[word] !== 0) return false;
  return true;
};

/**
 * The machine that `saveMachine` saved.
 *
 * @throws ApemuError `APEMU_ERR_SNAPSHOT_FOREIGN` for a file of another kind, `APEMU_ERR_SNAPSHOT_DAMAGED` for a damaged one,
 * `APEMU_ERR_SNAPSHOT_VERSION` for one of a build with another layout
 */
export const restoreMachine = async (bytes: Uint8Array): Promise<Machine> => {
  const saved = unpack(bytes);
  const machine = await Machine.assemble(saved.config, {}, saved.capacity);
  try {
    for (const [offset, piece] of saved.image) machine.image.u8.set(piece, offset);
    machine.partition.restore(saved.partition);
    machine.faults.restoreOwners(saved.faults ?? []);
    machine.cards.clear();
    for (const card of saved.cards as Iterable<NonNullable<ReturnType<Machine['cards']['get']>>>) {
      machine.cards.set(card.apid, card);
    }
    machine.stepper.restoreTime(saved.nowNs);
    machine.alerts.resume();
    restoreHostSide(machine, saved);
    for (const record of saved.programs) await restoreProgram(machine, record);
    return machine;
  } catch (error) {
    machine.close();
    throw error;
  }
};

const unpack = (bytes: Uint8Array): Saved => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const head = buffer.subarray(0, 2 * MAGIC.length).toString('latin1');
  if (!head.startsWith(MAGIC)) {
    const version = ANY_MAGIC.exec(head)?.[1];
    if (version !== undefined)
      throw new ApemuError(
        'APEMU_ERR_SNAPSHOT_VERSION',
        `this machine was saved in file format ${version} (expected 1): restore it with the release that saved it`,
      );
    throw new ApemuError(
      'APEMU_ERR_SNAPSHOT_FOREIGN',
      'this is no saved machine (expected a file written by `save`)',
    );
  }
  const digest = buffer.subarray(MAGIC.length, MAGIC.length + DIGEST_BYTES);
  const body = buffer.subarray(MAGIC.length + DIGEST_BYTES);
  if (!createHash('sha256').update(body).digest().equals(digest)) {
    throw new ApemuError(
      'APEMU_ERR_SNAPSHOT_DAMAGED',
      'this saved machine is damaged: its checksum does not match',
    );
  }
  const saved = packr.unpack(body) as Saved;
  if (saved.layout !== LAYOUT_VERSION) {
    throw new ApemuError(
      'APEMU_ERR_SNAPSHOT_VERSION',
      `this machine was saved with image layout ${saved.layout} (expected ${LAYOUT_VERSION}): restore it with the release that saved it`,
    );
  }
  return saved;
};

const restoreHostSide = (machine: Machine, saved: Saved): void => {
  const files = restoreHost(
    machine.host,
    saved.host,
    (name) => machine.guests.find((guest) => guest.name === name)?.vm,
  );
  for (const name of saved.attached) {
    // An administrator may have attached a guest to any mdev, and a guest without AP has no mdev of its own.
    const { vm, uuid } = machine.guest(name);
    const own = [...files.values()].find(([file]) => file?.mdev.kvm === vm) ?? files.get(uuid);
    if (own?.[0] !== undefined) machine.openedDevice(name, own[0]);
  }
};

const restoreProgram = async (machine: Machine, record: ProgramRecord): Promise<void> => {
  const guest = machine.guests.find((candidate) => candidate.number === record.guest);
  if (guest === undefined)
    throw new ApemuError(
      'APEMU_ERR_SNAPSHOT_DAMAGED',
      `a program belongs to guest ${record.guest}, which is not there`,
    );
  const cpu = guest.cpu(record.vcpu).cpu as ImageCpu;
  cpu.executed = record.executed;
  machine.stepper.programs.push({
    guest: record.guest,
    vcpu: record.vcpu,
    name: record.program,
    program: await guestProgram(record.program),
    cpu,
    state: record.state,
    nextNs: record.nextNs,
    readyNs: record.readyNs,
    done: record.done,
  });
};
