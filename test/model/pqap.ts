// SPDX-License-Identifier: Apache-2.0
// The functions of PQAP other than AQIC.
// Source: ap-architecture.md 1.4, 1.5, 1.7, 4.2, 5.6, AD-11, AD-16, AD-20, and P13 to P27 of README.md.

import type { Outcome } from '../vectors/under-test.ts';
import { fieldOf } from './bits.ts';
import { type Instruction, PGM } from './instruction.ts';
import { accept, isBindable, MODE_X, queueInformation, refuse, statusWord } from './status.ts';

export function tapq(i: Instruction): Outcome {
  i.vcpu.gr[2] = queueInformation(i, i.queue!);
  return accept(i);
}

/** RAPQ and ZAPQ: messages and enablement go at acceptance, the queue is back after the reset time. */
export function reset(i: Instruction): Outcome {
  const { model } = i;
  const queue = i.queue!;
  const before = statusWord(model, queue, 0);
  const unbind = (i.gr0 & 0x00400000n) !== 0n && !i.defect('f-does-not-unbind');
  model.clearQueue(queue);
  if (!i.defect('reset-keeps-async')) queue.asyncError = undefined;
  queue.resetting = true;
  const { rapqNs, zapqNs } = model.machine.timing;
  const zeroize = i.name === 'zapq';
  model.events.after(
    zeroize && !i.defect('zapq-as-fast-as-rapq') ? zapqNs : rapqNs,
    'reset',
    queue,
    () => {
      queue.resetting = false;
      if (unbind) queue.bind = 'unbound';
      else if (zeroize && queue.bind === 'associated' && !i.defect('zapq-keeps-secret'))
        queue.bind = 'bound';
      if (queue.bind !== 'associated') queue.secret = undefined;
    },
  );
  const done = accept(i);
  if (i.defect('reset-shows-old-status')) i.vcpu.gr[1] = BigInt(before);
  return done;
}

export function qci(i: Instruction): Outcome {
  const address = i.address(i.gr2);
  if (!i.inStorage(address, 128)) {
    return i.defect('qci-store-unchecked') ? i.completed(0) : i.program(PGM.addressing);
  }
  if (i.defect('qci-sets-gr1')) i.vcpu.gr[1] = 0n;
  i.guest.storage.set(i.model.access.qciBlock(i.guest), Number(address));
  return i.completed(0);
}

/** Mode as asked, the lower of the type asked for and the adapter's type, version 0. */
export function qact(i: Instruction): Outcome {
  const own = i.queue!.adapter.config.type;
  const asked = fieldOf(i.gr1, 32, 39);
  const type = i.defect('qact-own-type') ? own : Math.min(asked, own);
  i.vcpu.gr[2] = (i.gr1 & (7n << 58n)) | (BigInt(type) << 24n);
  return accept(i);
}

export function bapq(i: Instruction): Outcome {
  const queue = i.queue!;
  if (!isBindable(queue)) return i.defect('bind-any-mode') ? accept(i) : refuse(i, 0x30);
  if (queue.bind === 'unbound') queue.bind = 'bound';
  return accept(i);
}

export function aapq(i: Instruction): Outcome {
  const { model, guest } = i;
  const queue = i.queue!;
  const index = Number(i.gr2 & 0xffffn);
  const usable = (queue.adapter.config.functions & MODE_X) !== 0 && queue.bind === 'bound';
  if (!usable && !i.defect('associate-any')) return refuse(i, 0x31);
  if (queue.used > 0 && !i.defect('associate-non-empty')) return refuse(i, 0x32);
  const known = guest.config.secureExecution!.secrets.includes(index);
  if (!known && !i.defect('associate-any-secret')) return refuse(i, 0x34);
  queue.bind = 'associating';
  const done = accept(i);
  model.events.after(model.machine.timing.assocNs, 'associate', queue, () => {
    const taken = [...model.queues.values()].some(
      (q) => q.secret?.guest === guest.index && q.secret.index === index,
    );
    if (taken && !model.defect('secret-shared')) {
      queue.bind = 'bound';
      queue.asyncError = 0x35;
    } else {
      queue.bind = 'associated';
      queue.secret = { guest: guest.index, index };
    }
  });
  return done;
}
