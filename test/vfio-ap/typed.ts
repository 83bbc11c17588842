// SPDX-License-Identifier: Apache-2.0
// A host side to type at: write, read and driver in one word each.
import type { Outcome } from '../../src/ap-bus/errno.ts';
import { createHostSide, type HostSide, type HostSideOptions } from '../../src/sysfs/host-side.ts';
import { openVfioDevice, type VfioApFile } from '../../src/vfio-ap/fd.ts';
import type { MatrixMdev } from '../../src/vfio-ap/mdev.ts';
import { type FakePartition, FakeTimers, goldenPartition } from './fake-partition.ts';
import type { FakeVm } from './fake-vm.ts';

export const MATRIX = '/sys/devices/vfio_ap/matrix';
export const BUS = '/sys/bus/ap';
export const CREATE = `${MATRIX}/mdev_supported_types/vfio_ap-passthrough/create`;
export const UUID1 = '11111111-1111-1111-1111-111111111111';
export const UUID2 = '22222222-2222-2222-2222-222222222222';

export class TypedHost {
  readonly timers = new FakeTimers();
  readonly partition: FakePartition;
  readonly host: HostSide;

  constructor(
    options: Partial<HostSideOptions> = {},
    partition: FakePartition = goldenPartition(),
  ) {
    this.partition = partition;
    this.host = createHostSide({ ...options, partition, timers: this.timers });
    this.timers.run(this.host.boot());
  }

  /** `echo text > path`. */
  echo(text: string, path: string): Outcome {
    return this.write(path, `${text}\n`);
  }

  write(path: string, text: string): Outcome {
    return this.timers.run(this.host.sysfs.write(path, text));
  }

  /** Text, or errno. */
  cat(path: string): string {
    const result = this.host.sysfs.read(path);
    return result.ok ? result.text : result.errno;
  }

  driver(queue: string): string | null {
    const link = this.host.sysfs.readlink(`${BUS}/devices/${queue}/driver`);
    return link.ok ? (link.text.split('/').at(-1) as string) : null;
  }

  /** Writes lines `text > file` of an mdev; all must succeed. */
  setUp(uuid: string, lines: Readonly<Record<string, readonly number[]>>): void {
    if (!this.host.sysfs.exists(`${MATRIX}/${uuid}`)) this.echo(uuid, CREATE);
    for (const [file, numbers] of Object.entries(lines)) {
      for (const n of numbers) {
        const outcome = this.echo(String(n), `${MATRIX}/${uuid}/${file}`);
        if (outcome !== 'ok') throw new Error(`${file} ${n}: ${outcome}`);
      }
    }
  }

  guestMatrix(uuid = UUID1): string[] {
    return this.cat(`${MATRIX}/${uuid}/guest_matrix`)
      .split('\n')
      .filter((line) => line !== '');
  }

  mdev(uuid = UUID1): MatrixMdev {
    return this.host.matrix.byUuid.get(uuid) as MatrixMdev;
  }

  open(vm: FakeVm | null, uuid = UUID1): VfioApFile | string {
    const result = this.timers.run(openVfioDevice(this.host.matrix, uuid, vm));
    return result.errno ?? result.file;
  }

  /** As `open`; it must succeed. */
  start(vm: FakeVm, uuid = UUID1): VfioApFile {
    const file = this.open(vm, uuid);
    if (typeof file === 'string') throw new Error(file);
    return file;
  }

  log(): string[] {
    return this.host.journal.log.map((line) => line.text);
  }
}
