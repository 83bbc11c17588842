// SPDX-License-Identifier: Apache-2.0
// What the user of a kernel does with its files: drawn at random, and as seeds of a corpus.
import type { Random } from '../lpar/random.ts';
import type { EventStatement } from '../program/ast.ts';
import type { UserEvent } from '../program/events.ts';
import { eventLine } from '../scenario/text.ts';
import type { KernelFile } from '../target/target.ts';

/** Those of the files that can be written. */
const writable = (files: readonly KernelFile[]): KernelFile[] =>
  files.filter(({ texts }) => texts.length > 0);

/** Writes a text into one of the files. At least one of them can be written. */
const writeOf = (random: Random, files: readonly KernelFile[]): UserEvent => {
  const { file, texts } = random.pick(writable(files));
  return { kind: 'write', file, text: random.pick(texts) };
};

/** Mostly a write, since a read changes nothing. */
export const fileEvent = (random: Random, files: readonly KernelFile[]): UserEvent => {
  const { file, texts } = random.pick(files);
  if (texts.length > 0) return { kind: 'write', file, text: random.pick(texts) };
  return random.chance(25) ? { kind: 'read', file } : writeOf(random, files);
};

/** Writes a text into a file, and then what takes it back, if there is such a thing. */
export const fileRoundTrip = (random: Random, files: readonly KernelFile[]): UserEvent[] => {
  const { file, texts, back } = random.pick(writable(files));
  const [there, again] = texts;
  const write = (path: string, text: string): UserEvent => ({ kind: 'write', file: path, text });
  const returns = back ?? (again === undefined ? undefined : { file, text: again });
  return [
    write(file, there),
    ...(returns === undefined ? [] : [write(returns.file, returns.text)]),
  ];
};

/** Number of reads in one scenario. */
const SEED_READS = 12;

/** Writes each file once (of files with the same name only the first), and reads all others. */
export const fileSeeds = (files: readonly KernelFile[]): EventStatement[][] => {
  const start = (event: UserEvent): EventStatement => eventLine({ kind: 'start' }, event);
  const names = new Set<string>();
  const writes: EventStatement[][] = [];
  const reads: EventStatement[] = [];
  for (const { file, texts } of files) {
    const name = file.slice(file.lastIndexOf('/'));
    if (texts.length === 0) reads.push(start({ kind: 'read', file }));
    else if (!names.has(name)) {
      names.add(name);
      writes.push(texts.map((text) => start({ kind: 'write', file, text })));
    }
  }
  const groups: EventStatement[][] = [];
  for (let at = 0; at < reads.length; at += SEED_READS)
    groups.push(reads.slice(at, at + SEED_READS));
  return [...writes, ...groups];
};
