// SPDX-License-Identifier: Apache-2.0
// What the user space of a guest (QEMU) does about configuration changes: it asks to be told, keeps events, and reports them to the
// guest. Also what can go wrong with that.
// Source: docs/reference/config-change.md section 2 (QEMU hw/vfio/ap.c: vfio_ap_register_irq_notifier, vfio_ap_cfg_chg_notifier_handler).
import { finishAtOnce } from '../../ap-bus/driving.ts';
import {
  clearReports,
  injectEvent,
  SEI_FAULT_DOUBLED,
  SEI_FAULT_LOST,
  SEI_FAULT_MORE,
  SEI_FAULT_SOURCE,
  setEventFault,
  setUserBusy,
  signalUser,
} from '../../kvm/channel-report.ts';
import {
  SET_IRQS_BYTES,
  VFIO_AP_CFG_CHG_IRQ_INDEX,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_DATA_EVENTFD,
  type VfioApFile,
} from '../../vfio-ap/fd.ts';
import type { EventTrigger } from '../../vfio-ap/mdev.ts';
import type { Machine } from './machine.ts';

/** Length of a SET_IRQS call with one eventfd after its fields. */
const SET_ONE_EVENTFD_BYTES = SET_IRQS_BYTES + 4;

const setTrigger = (file: VfioApFile, fd: EventTrigger | -1): string | undefined =>
  finishAtOnce(
    file.ioctl({
      name: 'VFIO_DEVICE_SET_IRQS',
      argsz: SET_ONE_EVENTFD_BYTES,
      flags: VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
      index: VFIO_AP_CFG_CHG_IRQ_INDEX,
      start: 0,
      count: 1,
      fd,
    }),
  )?.value.errno;

/** Registers the notifier of a guest that has opened its device. Returns a warning if the kernel has no such event. */
export const registerNotifier = (
  machine: Machine,
  guest: number,
  file: VfioApFile,
): string | undefined => {
  const failed = setTrigger(file, () => signalUser(machine.image, guest));
  return failed === undefined
    ? undefined
    : `vfio: IRQ ${VFIO_AP_CFG_CHG_IRQ_INDEX} not available (number of irqs ${file.irqCount})`;
};

/** QEMU's unrealize: removes the eventfd. Events that wait stay with the guest. */
export const unregisterNotifier = (file: VfioApFile): void => {
  setTrigger(file, -1);
};

/** What a user can have a guest's user space do, by the word that asks for it. */
const ACTS: Readonly<Record<string, (machine: Machine, guest: number) => void>> = {
  busy: ({ image }, guest) => setUserBusy(image, guest, true),
  idle: ({ image }, guest) => setUserBusy(image, guest, false),
  event: ({ image }, guest) => injectEvent(image, guest),
  lost: ({ image }, guest) => setEventFault(image, guest, SEI_FAULT_LOST),
  doubled: ({ image }, guest) => setEventFault(image, guest, SEI_FAULT_DOUBLED),
  more: ({ image }, guest) => setEventFault(image, guest, SEI_FAULT_MORE),
  normal: ({ image }, guest) => setEventFault(image, guest, 0),
  reset: ({ image }, guest) => clearReports(image, guest),
};

/** The words that `actOnUserSpace` knows, for messages. */
export const USER_SPACE_ACTS = [...Object.keys(ACTS), 'source=N'].join(', ');

/**
 * Acts on a guest's user space. Words: `busy` and `idle`, the main loop stops looking at its eventfds or looks again; `event`, an event
 * without any change; `lost` and `doubled`, the next event is not told or told twice; `more`, the answer says "more" for ever;
 * `source=N`, another reporting source (1 to 255, not 5); `normal`, no fault; `reset`, no events. Returns whether there is such a word.
 */
export const actOnUserSpace = (machine: Machine, name: string, word: string): boolean => {
  const { number } = machine.guest(name);
  const source = /^source=([0-9]{1,3})$/.exec(word);
  if (source !== null) {
    const value = Number(source[1]);
    if (value < 1 || value > SEI_FAULT_SOURCE) return false;
    setEventFault(machine.image, number, value);
    return true;
  }
  if (!Object.hasOwn(ACTS, word)) return false;
  ACTS[word](machine, number);
  return true;
};
