// SPDX-License-Identifier: Apache-2.0
// One live migration as libvirt and two QEMUs do it, in steps between which everything else can happen.
// Source: docs/reference/migration.md sections 1, 3, 7, 8 and 9.
import { ERRNO_TEXT, type Errno } from '../ap-bus/errno.ts';
import type { Operation } from '../ap-bus/operation.ts';
import type { RunningProgram } from '../host/machine/stepper.ts';
import type { VfioApFile } from '../vfio-ap/fd.ts';
import type { MigrationFile } from '../vfio-ap/migration/file.ts';
import {
  STATE_RESUMING,
  STATE_RUNNING,
  STATE_STOP,
  STATE_STOP_COPY,
} from '../vfio-ap/migration/states.ts';
import { type GuestPlace, givePrograms, moveState, takePrograms } from './guest-state.ts';
import {
  type MovedInterruptions,
  type Registration,
  redoInterruptions,
  registrationsOf,
  tell,
} from './interruptions.ts';
import { canMigrate, resetDevice, setState } from './vfio-user.ts';

/** QEMU moves device data in pieces of this size. */
const STREAM_CHUNK_BYTES = 0x100000;

/** Steps at which what runs outside of a machine moves too. */
export const STEP_DESTINATION_OPENED = 'destination opened';
export const STEP_STOPPED = 'vCPUs stopped';
export const STEP_DESTINATION_STOP = 'destination STOP';
export const STEP_DESTINATION_RUNNING = 'destination RUNNING';

export interface MigrateOptions {
  /** Bytes of one read and one write of the stream, at least 1; default 1 MiB as QEMU has. */
  readonly chunkBytes?: number;
  /** Virtual nanoseconds for which the guest stands still while its storage and CPUs move; default 0. */
  readonly downtimeNs?: number;
  /** What arrives instead of what was sent: a faulty wire, or a hostile source. */
  readonly wire?: (bytes: Uint8Array, offset: number) => Uint8Array;
  /** What happens to pending interruptions; default `lost`. */
  readonly interruptions?: MovedInterruptions;
  /** Called at each step. */
  readonly onStep?: (step: string) => void;
}

export interface MigrationReport {
  readonly guest: string;
  /** Names of the two machines. */
  readonly from: string;
  readonly to: string;
  /** `ok`, or the errno of what failed. */
  readonly outcome: 'ok' | Errno;
  /** Message for the administrator. */
  readonly text: string;
  readonly steps: readonly { readonly step: string; readonly atNs: number }[];
  /** Bytes of the device's stream that were taken. */
  readonly bytes: number;
  /** Virtual nanoseconds the vCPUs were stopped. */
  readonly downtimeNs: number;
}

/** How a migration that is ended from outside ends. */
export interface Ending {
  readonly errno: Errno;
  /** Message for the administrator. */
  readonly text: string;
}

const CANCELED: Ending = {
  errno: 'ECANCELED',
  text: 'error: operation aborted: migration job: canceled by client',
};

/** The reason why a migration ends early. */
class Failed extends Error {
  readonly errno: Errno;

  constructor(errno: Errno, message: string) {
    super(message);
    this.errno = errno;
  }
}

const loadFailed = (errno: Errno): Failed =>
  new Failed(
    errno,
    `error: operation failed: migration failed: load of migration failed: ${ERRNO_TEXT[errno]}`,
  );

const saveFailed = (errno: Errno): Failed =>
  new Failed(errno, `error: operation failed: migration failed: ${ERRNO_TEXT[errno]}`);

export class Migration {
  /** Whether the guest's vCPUs are stopped. */
  stopped = false;
  readonly #guest: string;
  readonly #names: { readonly from: string; readonly to: string };
  readonly #from: GuestPlace;
  readonly #to: GuestPlace;
  readonly #nowNs: () => number;
  readonly #options: MigrateOptions;
  readonly #steps: { step: string; atNs: number }[] = [];
  readonly #files: MigrationFile[] = [];
  #programs: RunningProgram[] = [];
  #cancelled: Ending | undefined;
  /** The destination's device is open, by this migration. */
  #opened = false;
  /** The guest is the destination's: there is no way back. */
  #moved = false;
  #bytes = 0;
  #stoppedNs = 0;
  #downtimeNs = 0;

  constructor(
    guest: string,
    names: { readonly from: string; readonly to: string },
    places: { readonly from: GuestPlace; readonly to: GuestPlace },
    nowNs: () => number,
    options: MigrateOptions,
  ) {
    this.#guest = guest;
    this.#names = names;
    this.#from = places.from;
    this.#to = places.to;
    this.#nowNs = nowNs;
    this.#options = options;
  }

  /** Ends the migration. Returns false if it is too late. */
  cancel(ending: Ending = CANCELED): boolean {
    if (this.#moved) return false;
    this.#cancelled = ending;
    return true;
  }

  /** `moved` is called when the guest belongs to the destination. */
  *run(moved: () => void): Operation<MigrationReport> {
    try {
      yield* this.#openDestination();
      yield* this.#stop();
      yield* this.#transfer();
      yield* this.#hand(moved);
      return this.#report('ok', `${this.#guest} is on machine ${this.#names.to}`);
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      yield* this.#back();
      return this.#report(error.errno, error.message);
    }
  }

  *#step(step: string): Operation<void> {
    this.#steps.push({ step, atNs: this.#nowNs() });
    this.#options.onStep?.(step);
    yield { waitNs: 0, step };
    if (this.#cancelled !== undefined && !this.#moved)
      throw new Failed(this.#cancelled.errno, this.#cancelled.text);
  }

  /** The destination's QEMU starts with the same command line: it opens the mdev of the same UUID, and resets its devices. */
  *#openDestination(): Operation<void> {
    const source = yield* this.#device(this.#from);
    const blocked = yield* canMigrate(source);
    if (blocked !== undefined) throw cannotMigrate(blocked);
    const { machine, guest } = this.#to;
    const opened = yield* machine.attachOperation(this.#guest);
    if (opened === 'ENODEV') {
      const text = `error: device not found: mediated device '${guest.uuid}' not found`;
      throw new Failed('ENODEV', text);
    }
    if (opened !== 'ok') throw loadFailed(opened as Errno);
    this.#opened = true;
    yield* this.#step(STEP_DESTINATION_OPENED);
    const device = yield* this.#device(this.#to);
    const missing = yield* canMigrate(device);
    if (missing !== undefined) throw cannotMigrate(missing);
    // QEMU goes on even if the reset of a device fails.
    yield* resetDevice(device);
    yield* this.#step('destination reset');
  }

  // biome-ignore lint/correctness/useYield: an operation as the others are
  *#device({ machine }: GuestPlace): Operation<VfioApFile> {
    const device = machine.files.get(this.#guest);
    if (device === undefined)
      throw new Failed('ENODEV', `error: operation failed: ${this.#guest} has no vfio device open`);
    return device;
  }

  *#stop(): Operation<void> {
    this.#programs = takePrograms(this.#from);
    this.stopped = true;
    this.#stoppedNs = this.#nowNs();
    yield* this.#step(STEP_STOPPED);
    yield* this.#set(this.#from, STATE_STOP);
    yield* this.#step('source STOP');
  }

  *#set(place: GuestPlace, state: number): Operation<MigrationFile | undefined> {
    const device = yield* this.#device(place);
    const { errno, file } = yield* setState(device, state);
    if (errno !== undefined) throw place === this.#from ? saveFailed(errno) : loadFailed(errno);
    if (file !== undefined) this.#files.push(file);
    return file;
  }

  *#transfer(): Operation<void> {
    const out = (yield* this.#set(this.#from, STATE_STOP_COPY)) as MigrationFile;
    yield* this.#step('source STOP_COPY');
    const into = (yield* this.#set(this.#to, STATE_RESUMING)) as MigrationFile;
    yield* this.#step('destination RESUMING');
    const { chunkBytes = STREAM_CHUNK_BYTES, wire = (bytes) => bytes } = this.#options;
    for (;;) {
      const read = yield* out.read(chunkBytes);
      if (read.errno !== undefined) throw saveFailed(read.errno);
      if (read.bytes.length === 0) break;
      yield* this.#step(`${read.bytes.length} bytes read`);
      const written = yield* into.write(wire(read.bytes, this.#bytes));
      if (written.errno !== undefined) throw loadFailed(written.errno);
      this.#bytes += read.bytes.length;
      yield* this.#step(`${this.#bytes} bytes written`);
    }
  }

  /** Storage, CPUs and what is pending move; from then on the guest is the destination's. */
  *#hand(moved: () => void): Operation<void> {
    yield* this.#set(this.#from, STATE_STOP);
    yield* this.#set(this.#to, STATE_STOP);
    yield* this.#step(STEP_DESTINATION_STOP);
    const { downtimeNs = 0 } = this.#options;
    if (downtimeNs > 0) yield { waitNs: downtimeNs };
    yield* this.#set(this.#to, STATE_RUNNING);
    const redone = this.#redoInterruptions();
    moveState(this.#from, this.#to);
    if (this.#options.interruptions === 'told') tell(this.#to, redone);
    this.#moved = true;
    moved();
    this.#resume(this.#to);
    yield* this.#step(STEP_DESTINATION_RUNNING);
    this.#closeFiles();
    yield* this.#from.machine.detachOperation(this.#guest);
    yield* this.#step('source closed');
  }

  /** Before the vCPUs' registers come: it uses those of the destination. */
  #redoInterruptions(): readonly Registration[] {
    const { interruptions = 'lost' } = this.#options;
    return interruptions === 'lost' ? [] : redoInterruptions(this.#to, registrationsOf(this.#from));
  }

  #resume(place: GuestPlace): void {
    givePrograms(place, this.#programs);
    this.#programs = [];
    this.#downtimeNs = this.#nowNs() - this.#stoppedNs;
    this.stopped = false;
  }

  #closeFiles(): void {
    for (const file of this.#files) file.close();
  }

  /** Ends the destination's QEMU, and lets the source's go on. A guest whose device was closed meanwhile goes on without it. */
  *#back(): Operation<void> {
    this.#closeFiles();
    if (this.#opened) yield* this.#to.machine.detachOperation(this.#guest);
    const device = this.#from.machine.files.get(this.#guest);
    if (device !== undefined) yield* setState(device, STATE_RUNNING);
    if (this.stopped) this.#resume(this.#from);
  }

  #report(outcome: 'ok' | Errno, text: string): MigrationReport {
    const { from, to } = this.#names;
    return {
      guest: this.#guest,
      from,
      to,
      outcome,
      text,
      steps: this.#steps,
      bytes: this.#bytes,
      downtimeNs: this.#downtimeNs,
    };
  }
}

const cannotMigrate = (errno: Errno): Failed =>
  new Failed(errno, 'error: operation failed: VFIO migration is not supported in kernel');
