// SPDX-License-Identifier: Apache-2.0
// Planted errors of the virtual engine's model, for the proof that generated streams would see them.

export const VIRTUAL_DEFECTS = [
  ['turn-ignored', 'VD-51', 'sends by guest, not by who waited longest'],
  ['engines-ignored', 'VD-51', 'gives a card more messages than it has engines'],
  ['filter-off', 'V-12', 'lets everything through to an accelerator'],
  ['always-first', 'V-05', 'sends everything to the first candidate'],
  ['load-ignored', 'V-05', 'does not look at what is pending'],
  ['no-round-robin', 'V-05', 'does not go on to the next candidate at a tie'],
  ['reply-to-another', 'V-07', 'gives a reply to another guest too'],
  ['lost-silently', 'VD-52', 'does not tell of messages a card has lost'],
  ['highest-type', 'V-08', 'shows the type of the newest candidate'],
  ['depth-of-one', 'V-08', 'shows the depth of one candidate'],
  ['functions-joined', 'V-08', 'shows functions that only some candidates have'],
  ['limit-of-first', 'V-08', 'shows the message limit of the first candidate'],
  ['real-qci', 'V-09', 'shows real adapters in QCI'],
  ['reset-keeps-nothing-of-others', 'V-09', 'resets the queues of other guests too'],
  ['gone-is-01', 'V-11', 'answers 01 where all candidates are deconfigured'],
  ['gone-keeps-messages', 'VD-52', 'keeps messages of a queue without candidates'],
  ['aqic-by-real-queue', 'V-10', 'does not notify'],
  ['old-map', 'V-14', 'goes on with the map as it was at first'],
  ['control-domains', 'V-15', 'shows control domains'],
  ['shared-refused', 'V-04', 'refuses a real queue of another virtual mdev'],
  ['replaces-map', 'V-04', 'replaces the real numbers behind a virtual one'],
] as const;

export type VirtualDefect = (typeof VIRTUAL_DEFECTS)[number][0];
