// SPDX-License-Identifier: Apache-2.0
// The portable way back to a moment: QEMU saves the state of its devices as a migration without storage, and each return is a new QEMU
// that loads it, with the storage file as a private mapping. It needs only documented interfaces of QEMU.
// Source: QEMU's QMP reference (migrate, x-ignore-shared), docs/reference/fuzzing.md section 3.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { ApemuError } from '../../errors.ts';
import type { ApService } from '../ap-service.ts';
import { DEVICES_FD, type LaunchOptions, type SavedMoment } from '../arguments.ts';
import { devicesArrived, expectDevices, sendDevices } from '../device-state.ts';
import { makeFolder, removeFolder } from '../folder.ts';
import { launchQemu, type RunningQemu } from '../launch.ts';
import type { Poller } from '../poller.ts';
import { type ServedGuest, type ServeOptions, serveGuest } from '../serve.ts';
import type { Moment } from './moment.ts';

const qemuOf = ({ qemu }: ServedGuest): RunningQemu => {
  if (qemu !== undefined) return qemu;
  throw new ApemuError('APEMU_ERR_QEMU_MOMENT', 'only a guest we have started has moments');
};

/** Has a QEMU take the devices of the moment. It ends when it does not. */
const takeDevices = async (qemu: RunningQemu): Promise<void> => {
  try {
    await expectDevices(qemu.qmp, `fd:${DEVICES_FD}`);
    await devicesArrived(qemu.qmp);
  } catch (error) {
    await qemu.close();
    throw error;
  }
};

interface PortableParts {
  readonly service: ApService;
  readonly poller: Poller;
  readonly launch: LaunchOptions;
  readonly options: ServeOptions;
  /** Takes the machine behind the cards back to the moment. */
  readonly restoreMachine: () => void;
}

export class PortableMoment implements Moment {
  readonly level = 'portable';
  readonly #parts: PortableParts;
  readonly #folder: string;
  #guest: ServedGuest;
  /** A QEMU that starts while the guest runs, so that half of a return is over when it begins. */
  #spare: Promise<RunningQemu> | undefined;

  private constructor(parts: PortableParts, guest: ServedGuest, folder: string) {
    this.#parts = parts;
    this.#guest = guest;
    this.#folder = folder;
  }

  /**
   * Keeps the moment at which a guest stands that was booted with `parts.launch`. That QEMU ends.
   *
   * @throws ApemuError APEMU_ERR_QEMU_MOMENT if its devices cannot be saved
   */
  static async keep(guest: ServedGuest, parts: PortableParts): Promise<PortableMoment> {
    const { qmp, ram } = qemuOf(guest);
    const folder = makeFolder();
    const devices = join(folder, 'devices');
    const lowcores = guest.attachment.lowcores;
    const moment: SavedMoment = { ram: ram.again(), devices };
    const launch = { ...parts.launch, moment };
    const options = { ...parts.options, lowcores };
    const kept = new PortableMoment({ ...parts, launch, options }, guest, folder);
    try {
      await qmp.execute('stop');
      guest.attachment.interruptions.reset();
      await sendDevices(qmp, `exec:cat>'${devices}'`);
      await guest.close();
      await kept.restore();
      return kept;
    } catch (error) {
      await kept.close();
      throw error;
    }
  }

  get guest(): ServedGuest {
    return this.#guest;
  }

  get output(): Readable {
    return qemuOf(this.#guest).output as Readable;
  }

  get input(): Writable {
    return qemuOf(this.#guest).input as Writable;
  }

  /** Length of the devices' state in bytes. */
  get deviceBytes(): number {
    return statSync(join(this.#folder, 'devices')).size;
  }

  async restore(): Promise<void> {
    const { service, poller, launch, options, restoreMachine } = this.#parts;
    const ended = this.#guest.close();
    const spare = this.#spare;
    // One that could not be started is not asked for again.
    this.#spare = undefined;
    const qemu = await (spare ?? launchQemu(launch));
    restoreMachine();
    await takeDevices(qemu);
    this.#guest = await serveGuest(qemu, service, poller, launch, options);
    await ended;
  }

  async go(): Promise<void> {
    await qemuOf(this.#guest).qmp.execute('cont');
    this.#spare ??= launchQemu(this.#parts.launch);
    // Whether it could be started is asked when it is needed.
    this.#spare.catch(() => {});
  }

  /** There is no documented way to change a guest's clock. */
  skip(): Promise<number> {
    return Promise.resolve(0);
  }

  async close(): Promise<void> {
    await this.#guest.close();
    await this.#spare?.then((qemu) => qemu.close()).catch(() => {});
    this.#parts.launch.moment?.ram.close();
    removeFolder(this.#folder);
  }
}
