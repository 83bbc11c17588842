// SPDX-License-Identifier: Apache-2.0
// Two hosts with an mdev each, and the vfio device's migration interface as user space calls it.
import type { Migration } from '../../src/ap-bus/profile.ts';
import type { VfioApFile } from '../../src/vfio-ap/fd.ts';
import {
  type FeatureAnswer,
  VFIO_DEVICE_FEATURE_GET,
  VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
  VFIO_DEVICE_FEATURE_SET,
} from '../../src/vfio-ap/migration/feature.ts';
import type { MigrationFile, ReadResult, WriteResult } from '../../src/vfio-ap/migration/file.ts';
import { STATE_RESUMING, STATE_STOP_COPY } from '../../src/vfio-ap/migration/states.ts';
import { type FakePartition, goldenPartition } from '../vfio-ap/fake-partition.ts';
import { FakeVm } from '../vfio-ap/fake-vm.ts';
import { BUS, TypedHost, UUID1 } from '../vfio-ap/typed.ts';

/** One host with a guest attached to its mdev. */
export class Side {
  readonly partition: FakePartition = goldenPartition();
  readonly host: TypedHost;
  readonly vm = new FakeVm('Guest1');
  readonly file: VfioApFile;

  /** The guest has these; adapters 5, 6, a and 21 are vfio_ap's. */
  constructor(migration: Migration, lines: Readonly<Record<string, readonly number[]>> = {}) {
    this.host = new TypedHost({ switches: { migration } }, this.partition);
    this.host.echo('0x0', `${BUS}/apmask`);
    this.host.setUp(UUID1, lines);
    this.file = this.host.start(this.vm);
    this.vm.calls.length = 0;
    this.partition.zapqs = [];
  }

  feature(feature: number, operation: number, over: object = {}): FeatureAnswer {
    const request = { name: 'VFIO_DEVICE_FEATURE', argsz: 16, flags: feature | operation, ...over };
    return this.host.timers.run(this.file.ioctl(request)) as FeatureAnswer;
  }

  set(deviceState: number): FeatureAnswer {
    return this.feature(VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, VFIO_DEVICE_FEATURE_SET, {
      deviceState,
    });
  }

  get state(): number | undefined {
    const answer = this.feature(VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, VFIO_DEVICE_FEATURE_GET);
    return answer.errno === undefined ? answer.device_state : undefined;
  }

  stream(state: number): MigrationFile {
    const answer = this.set(state);
    if (answer.errno !== undefined || answer.file === undefined)
      throw new Error(`no stream: ${JSON.stringify(answer)}`);
    return answer.file;
  }

  read(file: MigrationFile, length: number, options = {}): ReadResult {
    return this.host.timers.run(file.read(length, options));
  }

  write(file: MigrationFile, bytes: Uint8Array, options = {}): WriteResult {
    return this.host.timers.run(file.write(bytes, options));
  }

  /** Everything the source has, read in pieces. */
  data(pieceBytes = 1 << 20): Uint8Array {
    const file = this.stream(STATE_STOP_COPY);
    const pieces: Uint8Array[] = [];
    for (;;) {
      const got = this.read(file, pieceBytes);
      if (got.errno !== undefined) throw new Error(got.errno);
      if (got.bytes.length === 0) break;
      pieces.push(got.bytes);
    }
    file.close();
    return Uint8Array.from(Buffer.concat(pieces));
  }

  /** Writes data in pieces, and stops at the first errno. */
  resume(data: Uint8Array, pieceBytes = 1 << 20): string {
    this.set(1);
    const file = this.stream(STATE_RESUMING);
    try {
      for (let at = 0; at < data.length; at += pieceBytes) {
        const { errno } = this.write(file, data.subarray(at, at + pieceBytes));
        if (errno !== undefined) return errno;
      }
      return 'ok';
    } finally {
      file.close();
      this.set(1);
    }
  }

  /** Matrix and shadow, in words. */
  get configuration(): string {
    const { matrix, shadow } = this.host.mdev();
    return [matrix, shadow].map((m) => `${m.apm};${m.aqm};${m.adm}`).join(' / ');
  }
}

/** The guest of most tests. */
export const GUEST = {
  assign_adapter: [5, 0xa],
  assign_domain: [4, 0x47],
  assign_control_domain: [4, 0xab],
};
