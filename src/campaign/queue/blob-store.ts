// SPDX-License-Identifier: Apache-2.0
// Messages in Redis, each under a name made from its content. A message is written once, and read by whoever is told its name.
import type { Redis } from 'ioredis';
import type { Static, TSchema } from 'typebox';
import { ApemuError } from '../../errors.ts';
import { BLOB_BYTES_MAX, type Blob, unpack } from './wire.ts';

/** Number of messages that a worker keeps. A corpus is smaller. */
const KEPT_MAX = 50_000;
/** Number of names in one command. */
const AT_ONCE = 256;

const missing = (hash: string): ApemuError =>
  new ApemuError('APEMU_ERR_QUEUE_MISSING', `the queue has no message ${hash}`);

export class BlobStore {
  readonly #client: Redis;
  readonly #prefix: string;
  readonly #kept = new Map<string, unknown>();

  /** `prefix` begins the keys of the campaign. */
  constructor(client: Redis, prefix: string) {
    this.#client = client;
    this.#prefix = `${prefix}:blob:`;
  }

  async put(blobs: readonly Blob[]): Promise<void> {
    for (let at = 0; at < blobs.length; at += AT_ONCE) {
      const part = blobs.slice(at, at + AT_ONCE);
      await this.#client.mset(part.flatMap(({ hash, bytes }) => [this.#prefix + hash, bytes]));
    }
  }

  async remove(hashes: readonly string[]): Promise<void> {
    for (let at = 0; at < hashes.length; at += AT_ONCE)
      await this.#client.unlink(hashes.slice(at, at + AT_ONCE).map((hash) => this.#prefix + hash));
  }

  /**
   * Reads a message.
   *
   * @throws ApemuError `APEMU_ERR_QUEUE_MISSING` if there is none, `APEMU_ERR_QUEUE_MESSAGE` if it is not a message
   */
  async get<S extends TSchema>(hash: string, schema: S): Promise<Static<S>> {
    // This never asks for more than a message may have.
    const bytes = await this.#client.getrangeBuffer(this.#prefix + hash, 0, BLOB_BYTES_MAX);
    if (bytes.length === 0) throw missing(hash);
    return unpack({ hash, bytes }, schema);
  }

  /** As `get`, for a message that is likely to be needed again. */
  async getKept<S extends TSchema>(hash: string, schema: S): Promise<Static<S>> {
    const [one] = await this.getAllKept([hash], schema);
    return one as Static<S>;
  }

  /** As `getKept`, for several messages. */
  async getAllKept<S extends TSchema>(
    hashes: readonly string[],
    schema: S,
  ): Promise<readonly Static<S>[]> {
    const wanted = [...new Set(hashes)].filter((hash) => !this.#kept.has(hash));
    const got = await Promise.all(wanted.map((hash) => this.get(hash, schema)));
    const fresh = new Map(wanted.map((hash, n) => [hash, got[n]] as const));
    const all = hashes.map((hash) => (fresh.get(hash) ?? this.#kept.get(hash)) as Static<S>);
    if (this.#kept.size + fresh.size > KEPT_MAX) this.#kept.clear();
    for (const [hash, value] of fresh) this.#kept.set(hash, value);
    return all;
  }

  /**
   * The element of a list that a message names by number.
   *
   * @throws ApemuError `APEMU_ERR_QUEUE_MESSAGE` for a number without an element
   */
  named<T>(list: readonly T[], at: number): T {
    const found = list[at];
    if (found !== undefined) return found;
    throw new ApemuError('APEMU_ERR_QUEUE_MESSAGE', `a message names ${at} of ${list.length}`);
  }
}
