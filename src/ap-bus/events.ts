// SPDX-License-Identifier: Apache-2.0
// What the host side reports to the outside: uevents, and lines in the kernel's logs.
// Source: docs/reference/vfio-ap.md sections 3.4 (uevents) and 3.8 (log texts); VD-11, VD-30.
import { type PutBack, rememberList, rememberSet, together } from '../lpar/remember.ts';
import { type AreaRecords, DebugAreas } from './debug-areas.ts';
import type { Timers } from './operation.ts';

/** Actions of kobject_action, in the kernel's order. */
export const UEVENT_ACTIONS = [
  'add',
  'remove',
  'change',
  'move',
  'online',
  'offline',
  'bind',
  'unbind',
] as const;
export type UeventAction = (typeof UEVENT_ACTIONS)[number];

/** One uevent. `keys` are its additional variables, in their order. */
export interface Uevent {
  readonly timeNs: number;
  readonly subsystem: string;
  readonly action: UeventAction;
  readonly path: string;
  readonly keys: readonly (readonly [string, string])[];
}

/** A uevent as a netlink socket receives it (`action@path`, then KEY=value), with newlines for the NULs and without SEQNUM. */
export function ueventText({ action, path, subsystem, keys }: Uevent): string {
  const all = [['ACTION', action], ['DEVPATH', path], ['SUBSYSTEM', subsystem], ...keys];
  return [`${action}@${path}`, ...all.map(([key, value]) => `${key}=${value}`)].join('\n');
}

/** The logs that users read. */
export type LogRing = 'kernel' | 'vfio_ap' | 'zcrypt';
export type LogLevel = 'warn' | 'notice' | 'info' | 'WARN';

/** One line of a log. */
export interface LogLine {
  readonly timeNs: number;
  readonly ring: LogRing;
  readonly level: LogLevel;
  readonly text: string;
}

/** The contents of a journal as plain data. */
export interface JournalRecord {
  readonly uevents: readonly Uevent[];
  readonly log: readonly LogLine[];
  readonly once: readonly string[];
  readonly areas: AreaRecords;
}

/** Number of lines and of events that are kept. Older ones are dropped, as in the kernel's ring buffer. */
const RING_CAPACITY = 1024;

/** Keeps a limited number of events and log lines, and tells listeners of new ones. */
export class HostJournal {
  readonly #timers: Timers;
  readonly #uevents: Uevent[] = [];
  readonly #log: LogLine[] = [];
  readonly #listeners = new Set<(event: Uevent) => void>();
  readonly #onceTexts = new Set<string>();
  /** What the modules record for their developers. */
  readonly areas: DebugAreas;

  constructor(timers: Timers) {
    this.#timers = timers;
    const log = (level: LogLevel, text: string): void => this.write('kernel', level, text);
    this.areas = new DebugAreas(() => timers.nowNs(), log);
  }

  get uevents(): readonly Uevent[] {
    return this.#uevents;
  }

  get log(): readonly LogLine[] {
    return this.#log;
  }

  /** Has the listener called for every uevent. The function that is returned removes it. */
  onUevent(listener: (event: Uevent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  uevent(
    subsystem: string,
    action: Uevent['action'],
    path: string,
    keys: Uevent['keys'] = [],
  ): void {
    const event = { timeNs: this.#timers.nowNs(), subsystem, action, path, keys };
    push(this.#uevents, event);
    for (const listener of this.#listeners) listener(event);
  }

  write(ring: LogRing, level: LogLevel, text: string): void {
    push(this.#log, { timeNs: this.#timers.nowNs(), ring, level, text });
  }

  /** The contents as plain data. */
  save(): JournalRecord {
    const [uevents, log, once] = [[...this.#uevents], [...this.#log], [...this.#onceTexts]];
    return { uevents, log, once, areas: this.areas.save() };
  }

  remember(): PutBack {
    const areas = this.areas.save();
    return together(
      () => this.areas.restore(areas),
      rememberList(this.#uevents),
      rememberList(this.#log),
      rememberSet(this.#onceTexts),
    );
  }

  /** Replaces the contents by those of a saved journal. */
  restore(record: JournalRecord): void {
    this.#uevents.splice(0, this.#uevents.length, ...record.uevents);
    this.#log.splice(0, this.#log.length, ...record.log);
    this.#onceTexts.clear();
    for (const text of record.once) this.#onceTexts.add(text);
    this.areas.restore(record.areas);
  }

  /** WARN_ONCE: writes only the first line of each kind. */
  writeOnce(ring: LogRing, level: LogLevel, kind: string, text: string): void {
    if (this.#onceTexts.has(kind)) return;
    this.#onceTexts.add(kind);
    this.write(ring, level, text);
  }
}

function push<T>(ring: T[], entry: T): void {
  ring.push(entry);
  if (ring.length > 2 * RING_CAPACITY) ring.splice(0, ring.length - RING_CAPACITY);
}
