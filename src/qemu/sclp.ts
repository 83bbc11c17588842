// SPDX-License-Identifier: Apache-2.0
// The service-call commands that configure and deconfigure an adapter of the partition: their words, and what they do.
// Source: Linux drivers/s390/char/sclp_ap.c and sclp.h (command words, response codes, the facility's bit), include/asm/sclp.h and
// QEMU include/hw/s390x/sclp.h (the block's header and where READ SCP INFO has the facilities); docs/reference/vfio-ap.md section 3.3.

import type { Partition } from '../lpar/partition.ts';
import type { AdapterCommands } from './ap-service.ts';

/** SERVICE CALL: RRE format, R1 has the command word, R2 the real address of the block. */
export const OPCODE_SERVC = 0xb220;

/** Commands. */
const READ_SCP_INFO = 0x00020001;
const READ_SCP_INFO_FORCED = 0x00120001;
export const CONFIGURE_AP = 0x001f0001;
export const DECONFIGURE_AP = 0x001e0001;
/** Where the commands that concern an adapter have its number. */
const APID_IN_COMMAND = 0x0000ff00;

/** Response code in the block's header. */
export const RESPONSE_AT = 6;
/** READ SCP INFO: all information is there. */
export const RESPONSE_INFORMATION = 0x0010;
/** Configure and deconfigure: done, or so already. Linux takes 0440 and 0450, too. */
const RESPONSE_DONE = 0x0020;
const RESPONSE_ALREADY = 0x0120;

/** The byte of READ SCP INFO's facilities (a doubleword at 48) and the bit in it that say that adapters can be configured. */
export const AP_FACILITY_AT = 51;
export const AP_FACILITY = 0x01;

/** Whether a command word asks for the facilities. */
export const readsInformation = (command: number): boolean =>
  command === READ_SCP_INFO || command === READ_SCP_INFO_FORCED;

/** What a command word wants of which adapter; undefined for every other command. */
export function adapterCommand(command: number): { apid: number; on: boolean } | undefined {
  const apid = (command & APID_IN_COMMAND) >>> 8;
  const what = command & ~APID_IN_COMMAND;
  if (what !== CONFIGURE_AP && what !== DECONFIGURE_AP) return undefined;
  return { apid, on: what === CONFIGURE_AP };
}

/** The adapters of a partition, for the program that runs in it. */
export class PartitionAdapters implements AdapterCommands {
  readonly #partition: Partition;

  constructor(partition: Partition) {
    this.#partition = partition;
  }

  configure(apid: number, on: boolean): number | undefined {
    if (!this.#partition.adapters.has(apid)) return undefined;
    if (this.#partition.isDeconfigured(apid) === !on) return RESPONSE_ALREADY;
    if (on) this.#partition.configure(apid);
    else this.#partition.deconfigure(apid);
    return RESPONSE_DONE;
  }
}
