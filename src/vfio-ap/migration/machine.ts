// SPDX-License-Identifier: Apache-2.0
// The migration state machine of an open vfio device.
// Source: docs/reference/migration.md section 3. Status: as posted, not merged.
import type { Errno } from '../../ap-bus/errno.ts';
import { type PutBack, rememberFields } from '../../lpar/remember.ts';
import type { MatrixDevice } from '../matrix-device.ts';
import type { MatrixMdev } from '../mdev.ts';
import { guestQueues } from './capture.ts';
import { MigrationFile, type StreamOwner } from './file.ts';
import {
  nextState,
  STATE_ERROR,
  STATE_RESUMING,
  STATE_RUNNING,
  STATE_STOP,
  STATE_STOP_COPY,
} from './states.ts';
import { dataBytes, layoutOf } from './stream-layout.ts';

/** Answer to a change of state: an errno; or success, with a data file if the last step has made one. */
export type StateAnswer =
  | { readonly errno: Errno }
  | { readonly errno?: undefined; readonly file: MigrationFile | undefined };

export class MigrationMachine {
  state = STATE_RUNNING;
  readonly #device: MatrixDevice;
  readonly #mdev: MatrixMdev;
  #current: MigrationFile | undefined;
  #closed = false;

  constructor(device: MatrixDevice, mdev: MatrixMdev) {
    this.#device = device;
    this.#mdev = mdev;
  }

  /** VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE with SET: changes the state. */
  set(wanted: number): StateAnswer {
    if (this.#device.secureHost) {
      const text = 'Migration not allowed from or to a Secure Execution guest';
      this.#device.bus.journal.writeOnce('kernel', 'warn', 'migration of a secure host', text);
      return { errno: 'EPERM' };
    }
    let file: MigrationFile | undefined;
    // Only a reset leads out of ERROR.
    while (this.state !== STATE_ERROR && this.state !== wanted) {
      const next = nextState(this.state, wanted);
      if (next === undefined) return { errno: 'EINVAL' };
      const arc = this.#arc(next);
      if (arc.errno !== undefined) return arc;
      file = arc.file;
      this.state = next;
    }
    return { file };
  }

  #arc(next: number): StateAnswer {
    if (this.state !== STATE_STOP || next === STATE_RUNNING) return { file: undefined };
    if (next !== STATE_STOP_COPY && next !== STATE_RESUMING) return { file: undefined };
    if (this.#device.descriptors <= 0) return { errno: 'EMFILE' };
    this.#device.descriptors--;
    this.#mdev.dataFiles++;
    const direction = next === STATE_STOP_COPY ? 'read' : 'write';
    const file: MigrationFile = new MigrationFile(
      direction,
      this.#owner(),
      this.#device.bus.switches.migration,
    );
    this.#current = file;
    return { file };
  }

  #owner(): StreamOwner {
    return {
      device: this.#device,
      mdev: this.#mdev,
      closed: () => this.#closed,
      isCurrent: (file) => file === this.#current,
      released: () => {
        this.#device.descriptors++;
        this.#mdev.dataFiles--;
      },
    };
  }

  /** VFIO_DEVICE_FEATURE_MIG_DATA_SIZE: number of bytes that could be read now. */
  get stopCopyLength(): number {
    const layout = layoutOf(this.#device.bus.switches.migration);
    return dataBytes(layout, guestQueues(this.#mdev).length);
  }

  /** Called after a reset that ended well: drops the data and their files. */
  reset(): void {
    this.#current = undefined;
    this.state = STATE_RUNNING;
  }

  /** Called when the vfio device is closed: its data files stop working. */
  close(): void {
    this.#closed = true;
    this.#current = undefined;
  }

  remember(): PutBack {
    const [current, closed] = [this.#current, this.#closed];
    const fields = rememberFields(this);
    return () => {
      fields();
      this.#current = current;
      this.#closed = closed;
    };
  }
}
