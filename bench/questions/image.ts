// SPDX-License-Identifier: Apache-2.0
// What do the image of the largest machine, and one more guest, vCPU or queue in it, cost?
import { type ImageShape, imageBytes } from '../../native-like/machine/image-shape.ts';
import { COLD_WORDS, QUEUE_WORDS } from '../../native-like/machine/layout.ts';
import { type Finding, type Question, type QuestionContext, valueFinding } from '../findings.ts';
import { buildMachine } from '../machine/machine.ts';

const SIDE = 256;
const SIDE_SMOKE = 8;
const TIMES = 5;
const MIB = 2 ** 20;
/** Enough records that rounding to pages does not show. */
const MANY = 4096;

const shape = (guests: number, vcpus: number): ImageShape => ({
  guests: Array.from({ length: guests }, () => ({ vcpus, storageBytes: 0 })),
  messageBytes: 0,
});

/** Bytes one more of something takes, from the sizes of two images. */
const each = (more: ImageShape, less: ImageShape): number =>
  (imageBytes(more) - imageBytes(less)) / MANY;

const single = (row: string, value: number): Finding => ({ row, value, spread: [value, value] });

const measureLargest = async (context: QuestionContext): Promise<Finding[]> => {
  const side = context.smoke ? SIDE_SMOKE : SIDE;
  const times: number[] = [];
  const sizes: number[] = [];
  for (let n = 0; n < TIMES; n++) {
    globalThis.gc?.();
    const before = process.memoryUsage().rss;
    const start = performance.now();
    await buildMachine({ adapters: side, domains: side, storageBytes: 0, messageBytes: 0 });
    times.push(performance.now() - start);
    sizes.push((process.memoryUsage().rss - before) / MIB);
  }
  return [valueFinding('image-time', times), valueFinding('image-memory', sizes)];
};

const measureRecords = (): Finding[] => {
  const perVcpu = each(shape(1, MANY), shape(1, 0));
  return [
    single('memory-guest', each(shape(MANY, 0), shape(0, 0)) + perVcpu),
    single('memory-vcpu', perVcpu),
    single('memory-queue', (QUEUE_WORDS + COLD_WORDS) * 4 + 1),
  ];
};

export const image: Question = {
  name: 'image',
  variants: ['largest', 'records'],
  measure: async (variant, context) =>
    variant === 'largest' ? measureLargest(context) : measureRecords(),
};
