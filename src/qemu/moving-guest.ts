// SPDX-License-Identifier: Apache-2.0
// A guest under QEMU that migrates between the machines of a configuration: its QEMU hands it to another QEMU on this computer, whose AP
// instructions the other machine answers. Both have the guest's storage as the same file, so that only devices and CPUs have to be sent.
// Source: docs/reference/migration.md section 7; docs/migration.md (a stock kernel).

import { PassThrough, type Readable, type Writable } from 'node:stream';
import type { OutsideGuest } from '../cluster/cluster.ts';
import {
  STEP_DESTINATION_OPENED,
  STEP_DESTINATION_RUNNING,
  STEP_DESTINATION_STOP,
  STEP_STOPPED,
} from '../cluster/migration.ts';
import { ApemuError } from '../errors.ts';
import type { ApService } from './ap-service.ts';
import type { LaunchOptions } from './arguments.ts';
import type { Attachment } from './attach.ts';
import { devicesArrived, expectDevices, sendDevices } from './device-state.ts';
import { launchQemu, type RunningQemu } from './launch.ts';
import type { Poller } from './poller.ts';
import { bootGuest, type ServedGuest, type ServeOptions, serveGuest } from './serve.ts';
import { standStill } from './stand-still.ts';
import { owned } from './streams.ts';

/** The parts from which a guest that can move is made. */
export interface MovingParts {
  /** The guest's AP facility on a machine. */
  readonly service: (machine: string) => ApService;
  readonly poller: Poller;
  readonly launch: LaunchOptions;
  readonly options: ServeOptions;
}

/** A guest and the QEMU it runs in. */
interface Place {
  readonly guest: ServedGuest;
  readonly qemu: RunningQemu;
  readonly output: Readable;
  readonly input: Writable;
}

function placeOf(guest: ServedGuest): Place {
  const { qemu } = guest;
  if (qemu?.output && qemu.input) return { guest, qemu, output: qemu.output, input: qemu.input };
  throw new ApemuError(
    'APEMU_ERR_QEMU_GUEST',
    'only a guest we have started, and whose console we have, can migrate',
  );
}

type Act = (guest: MovingGuest, to: string) => Promise<void>;

export class MovingGuest implements ServedGuest, OutsideGuest {
  /** Resolves when the QEMU it is in has ended for another reason than a move. */
  readonly ended: Promise<string | undefined>;
  /** The console, whichever QEMU it comes from. */
  readonly #output = new PassThrough();
  readonly #input = owned(new PassThrough());
  /** For each move that ended well: milliseconds from the moment when the guest's CPUs stood still to the moment when they went on. */
  readonly downtimesMs: number[] = [];
  readonly #parts: MovingParts;
  #finish: (problem: string | undefined) => void = () => {};
  #here: Place;
  /** The QEMU that waits for the guest, and the guest in it once it has arrived. */
  #coming: RunningQemu | undefined;
  #there: Place | undefined;
  #stoppedMs: number | undefined;

  private constructor(parts: MovingParts, here: Place) {
    this.#parts = parts;
    this.ended = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#here = here;
    this.#settleIn(here);
  }

  /** Boots the guest on a machine. @throws ApemuError as `bootGuest` */
  static async boot(parts: MovingParts, machine: string): Promise<MovingGuest> {
    const { service, poller, launch, options } = parts;
    const guest = await bootGuest(service(machine), poller, launch, options);
    return new MovingGuest(parts, placeOf(guest));
  }

  get attachment(): Attachment {
    return this.#here.guest.attachment;
  }

  get qemu(): RunningQemu {
    return { ...this.#here.qemu, output: this.#output, input: this.#input };
  }

  async reached(step: string, to: string): Promise<void> {
    if (Object.hasOwn(MovingGuest.#ACTS, step)) await MovingGuest.#ACTS[step](this, to);
  }

  async concluded(gone: boolean): Promise<void> {
    if (!gone) await this.#back();
    this.#coming = undefined;
    this.#there = undefined;
    this.#stoppedMs = undefined;
  }

  async close(): Promise<void> {
    await Promise.all([this.#here.guest.close(), this.#coming?.close()]);
    this.#output.end();
  }

  static readonly #ACTS: Readonly<Record<string, Act>> = {
    [STEP_DESTINATION_OPENED]: (guest) => guest.#open(),
    [STEP_STOPPED]: (guest) => guest.#stop(),
    [STEP_DESTINATION_STOP]: (guest, to) => guest.#transfer(to),
    [STEP_DESTINATION_RUNNING]: (guest, to) => guest.#goOnThere(to),
  };

  /** Starts the destination's QEMU, with the same command line; it waits for the guest. */
  async #open(): Promise<void> {
    const { launch } = this.#parts;
    const coming = await launchQemu({ ...launch, incoming: this.#here.qemu.ram.again() });
    this.#coming = coming;
    await expectDevices(coming.qmp, coming.arrivals);
  }

  async #stop(): Promise<void> {
    await standStill(this.attachment, this.#here.qemu.qmp);
    this.#stoppedMs = performance.now();
    this.#input.unpipe();
  }

  async #transfer(to: string): Promise<void> {
    const { service, poller, launch, options } = this.#parts;
    const coming = this.#coming;
    if (coming === undefined) return;
    await sendDevices(this.#here.qemu.qmp, coming.arrivals);
    await devicesArrived(coming.qmp);
    const { lowcores } = this.attachment;
    const arrived = { ...launch, incoming: coming.ram };
    const known = { ...options, lowcores };
    this.#there = placeOf(await serveGuest(coming, service(to), poller, arrived, known));
  }

  /** Lets the guest go on at the destination. From here on, the source does not matter any more. */
  async #goOnThere(to: string): Promise<void> {
    const left = this.#here;
    const there = this.#there;
    if (there === undefined) return;
    this.#parts.poller.remove(left.guest.attachment);
    // Both have the same storage: whatever the source would still write there would meet the guest in the destination.
    left.qemu.ram.close();
    this.#here = there;
    this.#settleIn(there);
    try {
      await there.qemu.qmp.execute('cont');
      const downtimeMs = performance.now() - (this.#stoppedMs ?? 0);
      this.downtimesMs.push(downtimeMs);
      const { options, service } = this.#parts;
      const stood = `its CPUs stood still for ${downtimeMs.toFixed(0)} ms`;
      options.log?.(`${service(to).name}: on machine ${to}, ${stood}`);
    } finally {
      // From here on the guest belongs to the destination, even if it does not go on there.
      await left.guest.close();
    }
  }

  /** Ends the destination's QEMU, and lets the source's go on if it still exists. */
  async #back(): Promise<void> {
    await this.#there?.guest.close();
    await this.#coming?.close();
    if (this.#stoppedMs === undefined) return;
    this.attachment.interruptions.release();
    const { input, qemu } = this.#here;
    this.#input.pipe(input, { end: false });
    await qemu.qmp.execute('cont').catch(() => {});
  }

  /** Connects console and end of a place with those of the guest, until the guest leaves the place. */
  #settleIn(place: Place): void {
    place.output.pipe(this.#output, { end: false });
    this.#input.pipe(place.input, { end: false });
    place.guest.ended.then((problem) => {
      if (this.#here !== place) return;
      this.#output.end();
      this.#finish(problem);
    });
  }
}
