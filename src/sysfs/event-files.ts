// SPDX-License-Identifier: Apache-2.0
// `uevent` files of what has no other files: buses, drivers, and devices that only hold others.
// Source: Linux, drivers/base/bus.c (bus_uevent_store, uevent_store), core.c (uevent_show); recorded of a kernel of docs/oracle.md.
import { attributeTable, READ_WRITE, WRITE_ONLY } from '../ap-bus/attribute.ts';
import { storeUevent, type UeventSource } from '../ap-bus/uevents.ts';
import { type Directory, filesOf } from './node.ts';

const DEVICE = attributeTable<UeventSource>([
  { name: 'uevent', mode: READ_WRITE, show: () => '', store: storeUevent },
]);
const OTHERS = attributeTable<UeventSource>([
  { name: 'uevent', mode: WRITE_ONLY, store: storeUevent },
]);

/** The file of a device that has no variables of its own. */
export const deviceEvents = (source: UeventSource): Directory => filesOf(DEVICE, source);
/** The file of a bus or of a driver, which has no text. */
export const otherEvents = (source: UeventSource): Directory => filesOf(OTHERS, source);
