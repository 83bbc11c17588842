// SPDX-License-Identifier: Apache-2.0
// apmask and aqmask, which tell the APQNs that belong to the host's default drivers.
// Source: docs/reference/vfio-ap.md section 4.2 (ap_bus.c: apmask_store, apmask_commit, __verify_card_reservations,
// ap_bus_revise_bindings, __ap_revise_reserved).
import type { ApBus } from './bus.ts';
import { ApQueue } from './device.ts';
import type { Outcome } from './errno.ts';
import { andNot, equals, fullMask, isEmpty, type Mask, maskText } from './mask.ts';
import { parseMask } from './number-syntax.ts';
import { isOperation, type Operation, withLocks } from './operation.ts';
import { busUevent } from './uevents.ts';

type MaskName = 'apmask' | 'aqmask';

/**
 * Write to apmask or aqmask. The text is parsed; every driver is asked whether an APQN that becomes the host's is in use; the mask is
 * changed; every queue whose owner and driver disagree is bound again; then comes the uevent. EINVAL; EBUSY with nothing changed.
 */
export function* storeMask(bus: ApBus, name: MaskName, text: string): Operation<Outcome> {
  let changed = false;
  const outcome = yield* withLocks([bus.permsLock], function* (): Operation<Outcome> {
    if (bus.overrides > 0) return 'EINVAL'; // This comes before the text is looked at.
    const parsed = parseMask(text, bus[name]);
    if (!parsed.ok) return parsed.errno;
    if (equals(parsed.value, bus[name])) return 'ok';
    const refused = yield* verifyReservations(bus, name, parsed.value);
    if (refused !== 'ok') return refused;
    bus[name] = parsed.value;
    changed = true;
    return 'ok';
  });
  if (!changed) return outcome;
  const committed = bus[name];
  yield* reviseBindings(bus);
  const key = name === 'apmask' ? 'APMASK' : 'AQMASK';
  // The kernel puts a newline at the end of this variable.
  busUevent(bus, [[key, `${maskText(committed)}\n`]]);
  return 'ok';
}

/**
 * Asks every driver that is not a default driver whether it uses an APQN of the bits that are new in this mask and the bits of the other
 * mask.
 */
function* verifyReservations(bus: ApBus, name: MaskName, mask: Mask): Operation<Outcome> {
  const added = andNot(mask, bus[name]);
  if (isEmpty(added)) return 'ok';
  for (const driver of bus.drivers) {
    if (driver.inUse === undefined) continue;
    // The newest kernels take all ones for the mask that is not edited (section 4.2).
    const other = bus.switches.inUseAsksAll ? fullMask() : undefined;
    const question =
      name === 'apmask'
        ? driver.inUse(added, other ?? bus.aqmask)
        : driver.inUse(other ?? bus.apmask, added);
    const answer = isOperation(question) ? yield* question : question;
    if (answer !== 'ok') return 'EBUSY';
  }
  return 'ok';
}

/**
 * Whether a mask edit attaches a queue without a driver. Linux reads the flags of a driver that does not exist, so that this depends on
 * the build (VD-32).
 */
function attachesDriverless(bus: ApBus, hostOwned: boolean): boolean {
  switch (bus.switches.driverlessAtMaskEdit) {
    case 'attach':
      return true;
    case 'attach-if-host-owned':
      return hostOwned;
    case 'attach-if-guest-owned':
      return !hostOwned;
  }
}

/** Detaches each queue whose owner and driver disagree, and probes it again. */
function* reviseBindings(bus: ApBus): Operation<void> {
  for (const device of [...bus.devices]) {
    if (!(device instanceof ApQueue) || !bus.devices.has(device)) continue;
    const hostOwned = bus.hostOwns(device.apqn);
    if (device.driver === null) {
      if (attachesDriverless(bus, hostOwned)) yield* bus.attach(device);
    } else if (device.driver.isDefault !== hostOwned) {
      yield* bus.detach(device);
      yield* bus.attach(device);
    }
  }
}
