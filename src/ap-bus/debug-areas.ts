// SPDX-License-Identifier: Apache-2.0
// The s390 debug feature's areas of AP: what is recorded at which level, and the files of /sys/kernel/debug/s390dbf.
// Source: Linux 6.1 and 6.12, arch/s390/kernel/debug.c (debug_input_level_fn, debug_input_pages_fn, debug_input_flush_fn,
// debug_dflt_header_fn, debug_register_view, debug_events_append); ap_bus.c, zcrypt_api.c, pkey_base.c and vfio_ap_drv.c (debug_register).
import { PAGE_BYTES } from '../../native-like/arch/limits.ts';
import { attributeTable, ROOT_READ_ONLY, ROOT_READ_WRITE, WRITE_ONLY } from './attribute.ts';
import type { Outcome } from './errno.ts';
import { cString, decimalInt } from './number-syntax.ts';

/** Levels of entries: the lower, the more important. */
export const DEBUG_ERROR = 3;
export const DEBUG_WARN = 4;
export const DEBUG_INFO = 5;
const MAX_LEVEL = 6;
/** A level at which nothing is recorded, and its text. */
const OFF = -1;
const OFF_TEXT = '-';

/** Bytes of an entry beside its arguments. */
const ENTRY_HEAD_BYTES = 18;
/** Pages whose addresses the kernel can still keep in one piece of storage of 4 MiB. */
const MAX_AREA_PAGES = 524_288;
/** Entries that are kept, however many pages an area has: a choice (VD-76). */
const MAX_AREA_ENTRIES = 4096;
/** No code has an address here (VD-76). */
const CALLER = '0'.repeat(16);

interface AreaRow {
  readonly pages: number;
  /** Words of an entry: a text and its arguments. */
  readonly words: number;
  readonly level: number;
}

/** The areas as their modules register them. */
const AREAS = {
  ap: { pages: 2, words: 6, level: DEBUG_ERROR },
  pkey: { pages: 1, words: 5, level: DEBUG_WARN },
  vfio_ap: { pages: 1, words: 10, level: DEBUG_WARN },
  zcrypt: { pages: 2, words: 6, level: DEBUG_ERROR },
} as const satisfies Readonly<Record<string, AreaRow>>;
export type AreaName = keyof typeof AREAS;
export const AREA_NAMES = Object.keys(AREAS) as AreaName[];

interface Entry {
  readonly timeNs: number;
  readonly level: number;
  readonly text: string;
}

/** One area as plain data. A change makes a new record. */
export interface AreaRecord {
  readonly level: number;
  readonly pages: number;
  readonly entries: readonly Entry[];
}

export type AreaRecords = Readonly<Record<AreaName, AreaRecord>>;

/** Number of entries for which an area has room. */
const roomOf = (name: AreaName, pages: number): number => {
  const perPage = Math.floor(PAGE_BYTES / (ENTRY_HEAD_BYTES + 8 * AREAS[name].words));
  return Math.min(MAX_AREA_ENTRIES, pages * perPage);
};

const latest = (entries: readonly Entry[], room: number): readonly Entry[] =>
  room === 0 ? [] : entries.slice(-room);

export class DebugAreas {
  readonly #nowNs: () => number;
  /** Writes a line of the kernel's log. */
  readonly #log: (level: 'info' | 'warn', text: string) => void;
  #areas: AreaRecords;

  constructor(nowNs: () => number, log: (level: 'info' | 'warn', text: string) => void) {
    this.#nowNs = nowNs;
    this.#log = log;
    const rows = AREA_NAMES.map((name) => {
      const { level, pages } = AREAS[name];
      return [name, { level, pages, entries: [] }] as const;
    });
    this.#areas = Object.fromEntries(rows) as unknown as AreaRecords;
  }

  /** Records an event, unless its area is set to more important ones only. */
  event(name: AreaName, level: number, text: string): void {
    const area = this.#areas[name];
    if (level > area.level) return;
    const entry = { timeNs: this.#nowNs(), level, text };
    this.#set(name, { entries: latest([...area.entries, entry], roomOf(name, area.pages)) });
  }

  /** debug_set_level, which the modules call too. A level that does not exist is only logged. */
  setLevel(name: AreaName, level: number): void {
    if (level === OFF) this.#log('info', `s390dbf: ${name}: switched off`);
    else if (level > MAX_LEVEL || level < 0) {
      const range = `out of range (0 - ${MAX_LEVEL})`;
      this.#log('info', `s390dbf: ${name}: level ${level} is ${range}`);
      return;
    }
    this.#set(name, { level });
  }

  levelText(name: AreaName): string {
    const { level } = this.#areas[name];
    return level === OFF ? OFF_TEXT : String(level);
  }

  pages(name: AreaName): number {
    return this.#areas[name].pages;
  }

  /** The entries with their headers, oldest first: area, seconds and microseconds, level, exception, CPU, caller. */
  text(name: AreaName): string {
    return this.#areas[name].entries
      .map(({ timeNs, level, text }) => {
        const us = Math.floor(timeNs / 1000);
        const seconds = String(Math.floor(us / 1_000_000)).padStart(11, '0');
        const rest = String(us % 1_000_000).padStart(6, '0');
        return `00 ${seconds}:${rest} ${level} - 0000 ${CALLER}  ${text}\n`;
      })
      .join('');
  }

  /** Write to `level`: a number, or `-` for none. */
  storeLevel(name: AreaName, written: string): Outcome {
    const text = lineOf(written);
    if (text.startsWith(OFF_TEXT)) this.setLevel(name, OFF);
    else {
      const level = decimalInt(text);
      if (level === undefined || level < 0) {
        this.#log('warn', `s390dbf: ${text} is not a valid level for a debug feature`);
        return 'EINVAL';
      }
      this.setLevel(name, level);
    }
    return 'ok';
  }

  /** Write to `pages`. The newest entries that still have room stay. */
  storePages(name: AreaName, written: string): Outcome {
    const pages = decimalInt(lineOf(written));
    if (pages === undefined || pages < 0) return 'EINVAL';
    if (pages > MAX_AREA_PAGES) {
      this.#log('info', `s390dbf: Allocating memory for ${pages} pages failed`);
      return 'EINVAL';
    }
    const entries = latest(this.#areas[name].entries, roomOf(name, pages));
    this.#set(name, { pages, entries });
    this.#log('info', `s390dbf: ${name}: set new size (${pages} pages)`);
    return 'ok';
  }

  /** Write to `flush`: `-` or the number of the area, of which there is one. Whatever else is only logged. */
  flush(name: AreaName, written: string): Outcome {
    const [first] = written;
    if (first === OFF_TEXT || first === '0') this.#set(name, { entries: [] });
    else if (!/^\d$/.test(first)) {
      const text = `Flushing debug data failed because ${first} is not a valid area`;
      this.#log('info', `s390dbf: ${text}`);
    }
    return 'ok';
  }

  save(): AreaRecords {
    return this.#areas;
  }

  restore(areas: AreaRecords): void {
    this.#areas = areas;
  }

  #set(name: AreaName, change: Partial<AreaRecord>): void {
    this.#areas = { ...this.#areas, [name]: { ...this.#areas[name], ...change } };
  }
}

/** Text without the newline at its end, up to the first NUL (debug_get_user_string). */
const lineOf = (written: string): string => cString(written.replace(/\n$/, ''));

/** An area of a journal, for its files. */
export interface AreaTarget {
  readonly areas: DebugAreas;
  readonly name: AreaName;
}

/** Files of each area. */
export const AREA_FILES = attributeTable<AreaTarget>([
  {
    name: 'flush',
    mode: WRITE_ONLY,
    debugfs: true,
    store: ({ areas, name }, text) => areas.flush(name, text),
  },
  {
    name: 'level',
    mode: ROOT_READ_WRITE,
    debugfs: true,
    show: ({ areas, name }) => `${areas.levelText(name)}\n`,
    store: ({ areas, name }, text) => areas.storeLevel(name, text),
  },
  {
    name: 'pages',
    mode: ROOT_READ_WRITE,
    debugfs: true,
    show: ({ areas, name }) => `${areas.pages(name)}\n`,
    store: ({ areas, name }, text) => areas.storePages(name, text),
  },
  {
    name: 'sprintf',
    mode: ROOT_READ_ONLY,
    debugfs: true,
    show: ({ areas, name }) => areas.text(name),
    store: () => 'EPERM',
  },
]);
