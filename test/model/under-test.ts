// SPDX-License-Identifier: Apache-2.0
// The reference model behind the interface that vectors and lockstep runs use.

import type { MachineUnderTest, UnderTestFactory } from '../vectors/under-test.ts';
import { MASK64 } from './bits.ts';
import { Model } from './model.ts';
import type { DefectName } from './mutations.ts';

/** A factory of models, with planted defects if a test wants them. */
export function modelFactory(...defects: DefectName[]): UnderTestFactory {
  return {
    name: defects.length === 0 ? 'model' : `model with ${defects.join(', ')}`,
    create: (preset) => underTest(new Model(preset.machine, preset.guests, defects)),
  };
}

function underTest(model: Model): MachineUnderTest {
  return {
    execute: (guest, vcpu, word) => model.execute(guest, vcpu, word),
    register: (guest, vcpu, n) => model.vcpu(guest, vcpu).gr[n],
    setRegister: (guest, vcpu, n, value) => {
      model.vcpu(guest, vcpu).gr[n] = value & MASK64;
    },
    psw: (guest, vcpu) => ({ ...model.vcpu(guest, vcpu).psw }),
    setPsw: (guest, vcpu, psw) => {
      model.vcpu(guest, vcpu).psw = { ...psw };
    },
    storage: (guest) => model.storage(guest),
    writeStorage: (guest, address, bytes) => model.storage(guest).set(bytes, address),
    advance: (ns) => model.advance(ns),
    setMasks: (guest, apcb, masks) => model.setMasks(guest, apcb, masks),
    configure: (apid) => model.configure(apid),
    deconfigure: (apid) => model.deconfigure(apid),
    checkstop: (apid) => model.checkstop(apid),
    recover: (apid) => model.recover(apid),
    setBusy: (apqn, ns) => model.setBusy(apqn, ns),
    injectFault: (fault) => model.injectFault(fault),
    queueStatus: (apqn) => model.queueStatus(apqn),
    pendingIscs: () => [...model.pendingHostIscs].sort((a, b) => a - b),
  };
}
