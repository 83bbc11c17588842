// SPDX-License-Identifier: Apache-2.0
// What a kernel prints on its console when something is wrong with it, with a row of a table for each kind.
// Source: Linux, kernel/panic.c, lib/bug.c, mm/kasan/report.c, kernel/locking/lockdep.c, kernel/hung_task.c, kernel/rcu/tree_stall.h,
// kernel/watchdog.c, arch/s390/kernel/dumpstack.c, mm/slub.c.
import type { KernelComplaint } from '../target/outcome.ts';

const PATTERNS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['KASAN', /BUG: KASAN: [^\n]*/],
  ['slab corruption', /BUG \S+ ?\([^)]*\): [^\n]*/],
  ['UBSAN', /UBSAN: [^\n]*/],
  ['lockdep', /WARNING: (?:possible|inconsistent|suspicious|circular)[^\n]*/],
  ['stack overflow', /Kernel stack overflow[^\n]*/],
  [
    'Oops',
    /(?:Unable to handle kernel|Oops: |specification exception: |addressing exception: |illegal operation: )[^\n]*/,
  ],
  ['BUG', /(?:kernel )?BUG[: ][^\n]*/],
  ['WARNING', /WARNING: [^\n]*/],
  ['soft lockup', /watchdog: BUG: soft lockup[^\n]*/],
  ['RCU stall', /rcu: INFO: [^\n]*(?:stall|self-detected)[^\n]*/],
  ['hung task', /INFO: task [^\n]* blocked for more than[^\n]*/],
  ['refcount', /refcount_t: [^\n]*/],
  ['panic', /Kernel panic - not syncing[^\n]*/],
];

/** Finds the symbol in which it happened: from the PSW of an exception, from "at FILE:LINE symbol", or the first of a trace. */
const PLACES: readonly RegExp[] = [
  /Krnl PSW : [^(]*\(([\w.]+)\+0x/,
  /WARNING: [^\n]* at [^\n]*? ([\w.]+)\+0x/,
  /BUG: KASAN: [^\n]* in ([\w.]+)\+0x/,
  / \[<[0-9a-f]+>\] ([\w.]+)\+0x/,
];
/** Frames of a trace that tell nothing. */
const COMMON =
  /^(?:dump_stack|__warn|report_bug|monitor_event|show_|die$|do_|__do_|pgm_|refcount_warn)/;

/** Functions of AP drivers, by their names or by their module. */
const DRIVER = /^_?_?(?:ap_|cex4_|zcrypt_|pkey_|vfio_ap_)|\[(?:ap|zcrypt\w*|pkey\w*|vfio_ap)\]$/;

/** Symbols that tell where it was, the most telling first. */
const placesIn = (text: string): string[] =>
  PLACES.flatMap((pattern) =>
    [...text.matchAll(new RegExp(`${pattern.source}[^ ]*(?: (\\[\\w+\\]))?`, 'g'))].map(
      ([, name = '', module = '']) => `${name} ${module}`.trim(),
    ),
  ).filter((name) => !COMMON.test(name));

/**
 * The first function of a driver, since a driver is to blame for what happens in a function it has called; if there is none, the first of
 * all.
 */
const placeOf = (text: string): string => {
  const places = placesIn(text);
  return (places.find((name) => DRIVER.test(name)) ?? places[0] ?? '').split(' ')[0];
};

const withoutTimes = (text: string): string =>
  text.replace(/^\[ *\d+\.\d+\](?:\[[^\]]*\])? ?/gm, '');

/** The first complaint in what a console has printed; undefined if there is none. */
export const complaintIn = (console: string): KernelComplaint | undefined => {
  const text = withoutTimes(console);
  let first: { name: string; at: number; line: string } | undefined;
  for (const [name, pattern] of PATTERNS) {
    const match = pattern.exec(text);
    if (match !== null && (first === undefined || match.index < first.at))
      first = { name, at: match.index, line: match[0] };
  }
  if (first === undefined) return undefined;
  return { name: first.name, line: first.line.trim(), place: placeOf(text.slice(first.at)) };
};

/** Characters that are kept, and searched for a complaint; what follows the first complaint is kept as far. */
const HEARD_MAX = 0x100000;

const CONSOLE_LINES = 200;

/** What a console has printed since a moment: the newest of it until there is a complaint, then that and what follows. */
export class ConsoleText {
  text = '';
  #looked = 0;
  #complaint: KernelComplaint | undefined;

  hear(chunk: string): void {
    // A complaint is looked for before anything is forgotten.
    if (this.text.length + chunk.length > HEARD_MAX && this.complaint === undefined) {
      this.text = `${this.text}${chunk}`.slice(-HEARD_MAX / 2);
      this.#looked = -1;
    } else this.text += chunk.slice(0, Math.max(0, 2 * HEARD_MAX - this.text.length));
  }

  clear(): void {
    this.text = '';
    this.#looked = 0;
    this.#complaint = undefined;
  }

  /** Its first lines, as a part of a trace; none if nothing was printed. */
  traceLines(): string[] {
    const printed = this.text.trimEnd();
    return printed === '' ? [] : ['console:', ...printed.split('\n').slice(0, CONSOLE_LINES)];
  }

  /** The first complaint in it. The text is searched again when more was printed. */
  get complaint(): KernelComplaint | undefined {
    if (this.text.length !== this.#looked) this.#complaint = complaintIn(this.text);
    this.#looked = this.text.length;
    return this.#complaint;
  }
}
