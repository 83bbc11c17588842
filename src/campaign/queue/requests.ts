// SPDX-License-Identifier: Apache-2.0
// Turns jobs into requests to a worker, and back. Scenarios and what a generation knows travel only once, under names made from their
// contents; a job contains these names.
import type { BatchJob, CaseSpec, Job } from '../../fuzz/job.ts';
import { NOTHING_SEEN, type Seen } from '../../target/seen.ts';
import type { BlobStore } from './blob-store.ts';
import { GENERATION, REQUEST, type Request, SCENARIO } from './messages.ts';
import { type Blob, pack, packNumbers, unpackNumbers } from './wire.ts';

/** Number of numbers that make up a case. */
const CASE_NUMBERS = 3;

/** A request with everything it names. */
export interface PackedRequest {
  readonly request: Blob;
  /** Contents that the request names, and that other requests may name too. */
  readonly shared: readonly Blob[];
}

interface KnownScenario {
  readonly seen: Seen;
  readonly blob: Blob;
}

/** Packs jobs. A scenario that occurs again is not packed again. */
export class RequestPacker {
  readonly #scenarios = new Map<string, KnownScenario>();
  readonly #others = new Map<string, Blob>();
  #known: Uint32Array | undefined;
  #generation: Blob | undefined;

  pack(job: Job): PackedRequest {
    if (job.kind !== 'batch') return { request: pack(job), shared: [] };
    const generation = this.#generationOf(job);
    const places = new Map<Blob, number>();
    const place = (blob: Blob): number => {
      const at = places.get(blob) ?? places.size;
      places.set(blob, at);
      return at;
    };
    // A name must not depend on earlier jobs, since the next coordinator has not packed those.
    const own = new Map(job.cases.map(({ lines, seen }) => [lines, this.#scenario(lines, seen)]));
    const cases = job.cases.flatMap(({ lines, seen, other, seed }) => [
      place(this.#scenario(lines, seen)),
      other === undefined ? 0 : place(own.get(other) ?? this.#other(other)) + 1,
      seed,
    ]);
    const scenarios = [...places.keys()];
    const request: Request = {
      kind: 'batch',
      generation: generation.hash,
      scenarios: scenarios.map(({ hash }) => hash),
      cases: packNumbers(cases),
      skip: [...job.skip],
    };
    return { request: pack(request), shared: [generation, ...scenarios] };
  }

  /** The jobs of a generation have one array of what is known in common. */
  #generationOf({ known, wanted }: BatchJob): Blob {
    if (known !== this.#known) this.#generation = undefined;
    this.#known = known;
    this.#generation ??= pack({ known: packNumbers(known), wanted });
    return this.#generation;
  }

  #scenario(lines: string, seen: Seen): Blob {
    const known = this.#scenarios.get(lines);
    if (known?.seen === seen) return known.blob;
    const blob = pack({ lines, seen });
    this.#scenarios.set(lines, { seen, blob });
    return blob;
  }

  /** Of a scenario that is spliced in, only the lines matter. */
  #other(lines: string): Blob {
    const blob = this.#others.get(lines) ?? pack({ lines, seen: NOTHING_SEEN });
    this.#others.set(lines, blob);
    return blob;
  }
}

/**
 * The job that a request asks for.
 *
 * @throws ApemuError `APEMU_ERR_QUEUE_MESSAGE` if it is not a request, `APEMU_ERR_QUEUE_MISSING` if something it names is not there
 */
export const readRequest = async (hash: string, store: BlobStore): Promise<Job> => {
  const request = await store.get(hash, REQUEST);
  if (request.kind !== 'batch') return request;
  const { known, wanted } = await store.getKept(request.generation, GENERATION);
  const scenarios = await store.getAllKept(request.scenarios, SCENARIO);
  const numbers = unpackNumbers(request.cases);
  const cases = Array.from({ length: numbers.length / CASE_NUMBERS }, (_, n): CaseSpec => {
    const [at, other, seed] = numbers.subarray(n * CASE_NUMBERS);
    const { lines, seen } = store.named(scenarios, at);
    const spliced = other === 0 ? undefined : store.named(scenarios, other - 1).lines;
    return { lines, seen, other: spliced, seed };
  });
  return { kind: 'batch', cases, known: unpackNumbers(known), wanted, skip: request.skip };
};
