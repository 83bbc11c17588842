// SPDX-License-Identifier: Apache-2.0
// Errors planted in the engine of virtual queues, one text each; every one is noticed.
import type { Patch } from '../mutations/copies.ts';

/** `file` is below vfio-ap/virtual. */
export const VIRTUAL_PATCHES: readonly (Patch & { readonly rule: string })[] = [
  {
    rule: 'V-03: instructions mean the queues of the guest that executes them',
    file: 'hook.js',
    find: 'findVirtualQueue(this.#image, guest, gr0 & GR0_APQN)',
    put: 'findVirtualQueue(this.#image, 1, gr0 & GR0_APQN)',
  },
  {
    rule: 'V-05: the least loaded queue is chosen',
    file: 'choice.js',
    find: 'load >= bestLoad',
    put: 'load > bestLoad',
  },
  {
    rule: 'V-05: sticky stays with one queue',
    file: 'choice.js',
    find: 'all[hash % all.length]',
    put: 'free[0]',
  },
  {
    rule: 'V-06: replies come back in the order in which they were ready',
    file: 'engine.js',
    find: 'a.since - b.since',
    put: 'b.message.slot - a.message.slot',
  },
  {
    rule: 'V-08: the depth is the sum of those of the candidates',
    file: 'candidates.js',
    find: 'total + (value & GR2_QD_MASK) + 1',
    put: 'total + (value & GR2_QD_MASK)',
  },
  {
    rule: 'V-09: a reset discards what is under way',
    file: 'hook.js',
    find: 'this.#engine.discard(entry);',
    put: '',
  },
  {
    rule: 'V-10: the notification is made with the guest’s GISA',
    file: 'hook.js',
    find: 'image.gisa(guest), isc, record',
    put: '0, isc, record',
  },
  {
    rule: 'V-11: 03 only where a candidate is deconfigured',
    file: 'candidates.js',
    find: 'return attention.length > 0 ? ATTENTION_CHECKSTOPPED : ATTENTION_ABSENT;',
    put: 'return ATTENTION_DECONFIGURED;',
  },
  {
    rule: 'V-12: what needs a secure key or is malformed is filtered',
    file: 'engine.js',
    find: 'if (code !== 0)',
    put: 'if (false)',
  },
  {
    rule: 'V-14: messages already sent finish on the old queue',
    file: 'assign.js',
    find: 'busy() && waited < DRAIN_LIMIT_NS',
    put: 'false',
  },
  {
    rule: 'VD-51: an adapter gets no more messages than it has engines',
    file: 'engine.js',
    find: 'this.#kernel.pendingOn(real) < engines',
    put: 'true',
  },
  {
    rule: 'VD-52: a message that a card has lost ends',
    file: 'engine.js',
    find: 'if (where === TAG_GONE)',
    put: 'if (where === TAG_GONE && false)',
  },
];
