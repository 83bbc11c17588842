// SPDX-License-Identifier: Apache-2.0
// Memories of machines with their kernel instances. Machines that follow each other in one process reuse them, because module instances
// are never freed and shared memories reserve address space.
// Source: docs/design.md section 3; docs/reference/performance.md section 4 rule 1.
import { PGM_ADDRESSING } from '../../../native-like/arch/program-interruptions.ts';
import type { ExternalStorage } from '../../../native-like/exec/registry.ts';
import { createSharedMemory } from '../../../native-like/machine/globals.ts';
import { clearImage, layOutImage, type MachineImage } from '../../../native-like/machine/image.ts';
import { fitsInto, type ImageShape, imageBytes } from '../../../native-like/machine/image-shape.ts';
import { IMAGE_BYTES_MAX } from '../../../native-like/machine/layout.ts';
import { ApemuError } from '../../errors.ts';
import { type Kernel, loadKernel } from '../../lpar/kernel.ts';
import { kernelCalls } from './kernel-calls.ts';

/** A memory, the kernel instance of one thread bound to it, and the storage of guests outside the image. */
export interface LoadedImage {
  readonly image: MachineImage;
  readonly kernel: Kernel;
  /** Number of the executing thread, 0 for the host. */
  readonly thread: number;
  /** Set by the context that uses this memory, since each machine has its own. */
  external: ExternalStorage | undefined;
}

/** Loads a kernel instance over an image for a thread. */
export const loadImage = async (image: MachineImage, thread: number): Promise<LoadedImage> => {
  const loaded: { external: ExternalStorage | undefined } = { external: undefined };
  const kernel = await loadKernel(image, {
    thread,
    ...kernelCalls(image),
    stuck: () => image.stuck?.(),
    // Without an owner of external storage, every access is an addressing exception.
    external: {
      fetch: (...operand) => loaded.external?.fetch(...operand) ?? PGM_ADDRESSING,
      store: (...operand) => loaded.external?.store(...operand) ?? PGM_ADDRESSING,
      notify: (cold) => loaded.external?.notify(cold),
    },
  });
  return Object.assign(loaded, { image, kernel, thread });
};

interface Entry {
  /** The shape for which the regions of the memory are placed. */
  readonly capacity: ImageShape;
  readonly loaded: LoadedImage;
}

const free: Entry[] = [];
const inUse = new Map<LoadedImage, Entry>();

const GUEST_UNIT = 8;
const MEMORY_UNIT = 0x1000000;

const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;

/** A shape that has room for later machines of about the same size. */
const capacityFor = (shape: ImageShape): ImageShape => {
  const guests = [...shape.guests];
  while (guests.length % GUEST_UNIT !== 0) guests.push({ vcpus: 2, storageBytes: 0 });
  const storage = shape.guests.reduce((sum, guest) => sum + roundUp(guest.storageBytes, 4096), 0);
  guests.push({ vcpus: 0, storageBytes: roundUp(storage, MEMORY_UNIT) - storage });
  const capacity = {
    guests,
    messageBytes: roundUp(shape.messageBytes, MEMORY_UNIT),
    traceRecords: shape.traceRecords ?? 0,
  };
  return imageBytes(capacity) <= IMAGE_BYTES_MAX ? capacity : shape;
};

const createEntry = async (shape: ImageShape, capacity: ImageShape): Promise<Entry> => {
  const bytes = imageBytes(capacity);
  if (bytes > IMAGE_BYTES_MAX) {
    throw new ApemuError(
      'APEMU_ERR_CONFIG_MEMORY',
      `the machine needs ${bytes} bytes (expected at most ${IMAGE_BYTES_MAX})`,
    );
  }
  const image = layOutImage(createSharedMemory(bytes), shape, capacity);
  return { capacity, loaded: await loadImage(image, 0) };
};

const sameShape = (a: ImageShape, b: ImageShape): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

/**
 * A memory laid out for this shape, with a kernel bound to it. With `capacity`, the regions are placed exactly as that shape places them,
 * so that addresses in a saved machine remain right.
 */
export const takeLoadedImage = async (
  shape: ImageShape,
  capacity?: ImageShape,
): Promise<LoadedImage> => {
  const suits = (entry: Entry): boolean =>
    capacity === undefined ? fitsInto(shape, entry.capacity) : sameShape(entry.capacity, capacity);
  const index = free.findIndex(suits);
  const entry =
    index < 0 ? await createEntry(shape, capacity ?? capacityFor(shape)) : free.splice(index, 1)[0];
  if (index >= 0) {
    clearImage(entry.loaded.image);
    layOutImage(entry.loaded.image.memory, shape, entry.capacity);
  }
  inUse.set(entry.loaded, entry);
  return entry.loaded;
};

/** The shape for which the regions of a loaded image in use are placed. */
export const capacityOf = (loaded: LoadedImage): ImageShape =>
  (inUse.get(loaded) as Entry).capacity;

/** Gives a memory back for another machine. The machine in it must not be used any more. */
export const releaseLoadedImage = (loaded: LoadedImage): void => {
  const entry = inUse.get(loaded);
  if (entry === undefined) return;
  inUse.delete(loaded);
  loaded.external = undefined;
  free.push(entry);
};
