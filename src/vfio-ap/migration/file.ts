// SPDX-License-Identifier: Apache-2.0
// The data stream of a migration as a file. Reading captures the data on the source; on the destination, the write that completes the
// data applies them.
// Source: docs/reference/migration.md sections 4 and 5.
import { QUEUES_MAX } from '../../../native-like/machine/layout.ts';
import type { Errno } from '../../ap-bus/errno.ts';
import { type Operation, withLocks } from '../../ap-bus/operation.ts';
import type { Migration } from '../../ap-bus/profile.ts';
import { capture } from './capture.ts';
import {
  countOf,
  type DataLayout,
  dataBytes,
  decode,
  encode,
  isIdentified,
  layoutOf,
} from './stream-layout.ts';
import { type Destination, takeData } from './take.ts';

/** Limit of file positions (loff_t). */
const POSITION_MAX = 2 ** 63;

/** What may be unusual about a call. */
export interface CallOptions {
  /** Whether the call is pread or pwrite. */
  readonly positioned?: boolean;
  /** Whether the caller's memory cannot be accessed. */
  readonly badMemory?: boolean;
}

export type ReadResult =
  | { readonly errno: Errno }
  | { readonly errno?: undefined; readonly bytes: Uint8Array };
export type WriteResult =
  | { readonly errno: Errno }
  | { readonly errno?: undefined; readonly written: number };

const fail = (errno: Errno): { readonly errno: Errno } => ({ errno });

/** What a file needs to know of the state machine that made it. */
export interface StreamOwner extends Destination {
  readonly isCurrent: (file: MigrationFile) => boolean;
  /** Called when the file was closed, so that the device may go. */
  readonly released: () => void;
}

export class MigrationFile {
  readonly direction: 'read' | 'write';
  readonly #owner: StreamOwner;
  readonly #migration: Migration;
  readonly #layout: DataLayout;
  #position = 0;
  #open = true;
  #writing = false;
  /**
   * When reading: the data, once they are captured. When writing: the data written so far, in an array of their full size, once that is
   * known.
   */
  #buffer: Uint8Array | undefined;
  /** Bytes written so far, while they are too few to tell the full size. */
  #prefix = new Uint8Array(0);
  #identified = false;

  constructor(direction: 'read' | 'write', owner: StreamOwner, migration: Migration) {
    this.direction = direction;
    this.#owner = owner;
    this.#migration = migration;
    this.#layout = layoutOf(migration);
  }

  /** read(2): at most `length` bytes, none at the end. If a capture has failed, the next read tries again. */
  *read(length: number, options: CallOptions = {}): Operation<ReadResult> {
    if (!this.#open || this.direction !== 'read') return fail('EBADF');
    if (options.positioned === true) return fail('ESPIPE');
    if (this.#position + length >= POSITION_MAX) return fail('EIO');
    if (this.#owner.closed()) return fail('ENODEV');
    if (!this.#owner.isCurrent(this)) return fail('EINVAL');
    if (this.#buffer === undefined) {
      const { device, mdev } = this.#owner;
      const data = yield* withLocks([device.mdevsLock], () => capture(device, mdev));
      if (typeof data === 'string') return fail(data);
      this.#buffer = encode(this.#layout, data);
    }
    const bytes = this.#buffer.slice(this.#position, this.#position + length);
    this.#position += bytes.length;
    return options.badMemory === true && bytes.length > 0 ? fail('EFAULT') : { bytes };
  }

  /**
   * write(2): takes all of `bytes` or nothing. The write that completes the data returns the errno of applying them; its bytes are lost
   * then.
   */
  *write(bytes: Uint8Array, options: CallOptions = {}): Operation<WriteResult> {
    if (!this.#open || this.direction !== 'write') return fail('EBADF');
    if (options.positioned === true) return fail('ESPIPE');
    if (bytes.length === 0) return fail('EINVAL');
    return yield* this.writeLength(bytes.length, bytes, options);
  }

  /** As `write`, for tests with a length that no memory has: `bytes` are looked at only if `length` is legal. */
  *writeLength(
    length: number,
    bytes: Uint8Array,
    options: CallOptions = {},
  ): Operation<WriteResult> {
    if (this.#position + length >= POSITION_MAX) return fail('ERANGE');
    if (this.#owner.closed()) return fail('ENODEV');
    if (!this.#owner.isCurrent(this)) return fail('ENXIO');
    if (this.#writing && this.#migration !== 'posted-a') return fail('EBUSY');
    this.#writing = true;
    try {
      const refused = this.#take(bytes, options);
      if (refused !== undefined) return fail(refused);
      if (this.#buffer === undefined || this.#position < this.#buffer.length)
        return { written: length };
      const data = decode(this.#layout, this.#buffer);
      const outcome = yield* takeData(this.#owner, data, this.#migration === 'strict');
      return outcome === 'ok' ? { written: length } : fail(outcome);
    } finally {
      this.#writing = false;
    }
  }

  /** Collects bytes. Returns the errno if they are not acceptable. */
  #take(bytes: Uint8Array, { badMemory }: CallOptions): Errno | undefined {
    const unreadable = this.#migration === 'posted-a' ? 'EIO' : 'EFAULT';
    if (this.#buffer !== undefined) {
      if (this.#position + bytes.length > this.#buffer.length) return 'EIO';
      if (badMemory === true) return unreadable;
      if (!this.#checkIdentity(this.#buffer)) return 'EINVAL';
      this.#buffer.set(bytes, this.#position);
      this.#position += bytes.length;
      return undefined;
    }
    if (badMemory === true) return unreadable;
    const gathered = new Uint8Array(this.#prefix.length + bytes.length);
    gathered.set(this.#prefix);
    gathered.set(bytes, this.#prefix.length);
    if (gathered.length < this.#layout.prefixBytes) {
      if (this.#migration === 'posted-a') return 'EINVAL';
      this.#prefix = gathered;
      this.#position = gathered.length;
      return undefined;
    }
    return this.#begin(gathered);
  }

  /** Allocates the data, whose size is known now. */
  #begin(gathered: Uint8Array): Errno | undefined {
    if (this.#migration === 'strict' && !isIdentified(this.#layout, gathered)) return 'EINVAL';
    const queues = countOf(this.#layout, gathered);
    if (queues > QUEUES_MAX) return 'EINVAL';
    const size = dataBytes(this.#layout, queues);
    if (gathered.length > size) return 'EIO';
    this.#buffer = new Uint8Array(size);
    this.#buffer.set(gathered);
    this.#position = gathered.length;
    return undefined;
  }

  /** Defect of the posted form B: magic and version are checked only by the write after the one that contained them. */
  #checkIdentity(buffer: Uint8Array): boolean {
    this.#identified ||= isIdentified(this.#layout, buffer);
    return this.#identified;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#owner.released();
  }
}
