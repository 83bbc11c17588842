// SPDX-License-Identifier: Apache-2.0
// What a Linux shows of its AP bus in sysfs, as plain records. lszcrypt's output is made from them, whichever Linux it is.
// Source: docs/reference/vfio-ap.md sections 3.2 to 3.4.

/** What cards and queues have alike. An undefined value is a file that is not there or cannot be read. */
export interface DeviceRecord {
  readonly config?: boolean;
  readonly chkstop?: boolean;
  readonly online?: boolean;
  readonly requests: string;
  /** Requests in the queue and before it. */
  readonly pending: number;
  /** Name of the bound driver. */
  readonly driver?: string;
}

export interface QueueRecord extends DeviceRecord {
  readonly apqi: number;
  /** The file `status` of a queue that vfio_ap drives. */
  readonly status?: string;
  /** The queue's own facility word with its bind state. */
  readonly functions?: number;
  /** Contents of se_bind and se_associate; null: the file cannot be read. */
  readonly seBind?: string | null;
  readonly seAssociate?: string | null;
  /** Lines of mkvps. */
  readonly masterKeys?: readonly string[];
}

export interface CardRecord extends DeviceRecord {
  readonly apid: number;
  /** `CEX8C`; only a card that zcrypt drives has one. */
  readonly type?: string;
  /** Facility word; 0 if the kernel shows none. */
  readonly functions: number;
  readonly hwtype: string;
  /** Contents of the file `depth`. */
  readonly depth: number;
  readonly maxMessageBytes?: number;
  readonly serial?: string;
  /** The queues in the order of their numbers. */
  readonly queues: readonly QueueRecord[];
}

export interface BusRecord {
  /** The file `features`; kernels before 6.4 have none. */
  readonly features?: string;
  /** The default domain; -1 if there is none. */
  readonly domain: number;
  readonly maxDomain: number;
  readonly interrupts: boolean;
  readonly configTimeS: number;
  readonly pollThread: boolean;
  readonly pollTimeoutNs: number;
  /** Masks as their files show them; `not supported` without QCI. */
  readonly usageDomains: string;
  readonly controlDomains: string;
}

export interface ApSystemRecord {
  readonly bus: BusRecord;
  /** The cards in the order of their numbers. */
  readonly cards: readonly CardRecord[];
}

/** Names of devices, as folders have them. */
export const cardName = (apid: number): string => `card${apid.toString(16).padStart(2, '0')}`;
export const queueName = (apid: number, apqi: number): string =>
  `${apid.toString(16).padStart(2, '0')}.${apqi.toString(16).padStart(4, '0')}`;

/** Bit n of a mask's text, counted from the left; undefined where the text has no digit for it. */
export function maskBit(text: string, n: number): boolean | undefined {
  const digit = Number.parseInt(text.replace(/^0x/, '')[n >> 2] ?? '', 16);
  return Number.isNaN(digit) ? undefined : (digit & (8 >> (n & 3))) !== 0;
}

/** Whether the bus has secure-execution binding. */
export const bindsQueues = ({ features }: BusRecord): boolean =>
  features?.includes('APSB') ?? false;
