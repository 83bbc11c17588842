// SPDX-License-Identifier: Apache-2.0
// Defects planted in a copy of the simple driver of examples/fuzzing.
// Source: docs/reference/fuzzing.md section 5.
import { type Defect, defect, type Patch } from './defect.ts';

const patch = (from: string, to: string): Patch => ['simple-driver.ts', from, to];

export const SIMPLE_DEFECTS: readonly Defect[] = [
  defect(
    'after a reset the requests that were on the queue still count as sent',
    'G1',
    ['ends-once', 'right'],
    patch(
      '  queue.full = false;\n  sendAgain(state, queue, queue.sent.splice(0));',
      '  queue.full = false;\n  sendAgain(state, queue, queue.sent);',
    ),
  ),
  defect(
    'a reply that nobody waits for is taken for one somebody does',
    'G2',
    ['throws'],
    patch('  if (work === undefined) return;\n  if (!fits)', '  if (!fits)'),
  ),
  defect(
    'without interruptions the queue is given up',
    'G3',
    ['recovers'],
    patch(
      '  queue.irq = code === AP_RESPONSE_NORMAL || code === AP_RESPONSE_OTHERWISE_CHANGED;',
      "  queue.irq = code === AP_RESPONSE_NORMAL || code === AP_RESPONSE_OTHERWISE_CHANGED;\n  if (!queue.irq) [queue.phase, queue.checkNs] = ['down', Number.POSITIVE_INFINITY];",
    ),
  ),
  defect(
    'a reply with an error code is taken for the result',
    'G8',
    ['right'],
    patch("  if (parsed.kind === 'error' || parsed.code !== 0) return 'EIO';", ''),
  ),
  defect(
    'what a queue has lost is sent again without limit',
    'G10',
    ['progress'],
    patch('++work.tries >= TRIES_MAX', '++work.tries < 0'),
  ),
  defect(
    'busy at NQAP drops the request',
    'dropped at RC 05',
    ['ends-once', 'progress'],
    patch(
      '    default:\n      if (code !== AP_RESPONSE_BUSY) sendAgain',
      '    case AP_RESPONSE_BUSY:\n      queue.waiting.shift();\n      return false;\n    default:\n      if (code !== AP_RESPONSE_BUSY) sendAgain',
    ),
  ),
  defect(
    'busy at DQAP is taken for "nothing more will come"',
    'RC 05 at DQAP taken for empty',
    ['ends-once', 'progress'],
    patch(
      '    if (code === AP_RESPONSE_BUSY) return;',
      '    if (code === AP_RESPONSE_BUSY) {\n      queue.sent = [];\n      return;\n    }',
    ),
  ),
  defect(
    'the notification byte is cleared after the queues are read',
    'cleared after polling',
    ['rules', 'progress'],
    patch(
      '    cpu.storage[NIB] = 0;\n    for (const queue of state.queues) serve(ap, state, queue);',
      '    for (const queue of state.queues) serve(ap, state, queue);\n    cpu.storage[NIB] = 0;',
    ),
  ),
  defect(
    'with interruptions no timer watches over them',
    'poll timer not armed again',
    ['progress'],
    patch('return nowNs + WATCH_NS;', 'return Number.POSITIVE_INFINITY;'),
  ),
  defect(
    'replies are matched by their order',
    'by order, not PSMID',
    ['right'],
    patch(
      'queue.sent.findIndex(({ psmid }) => psmid === ap.psmidLow)',
      'queue.sent.length - queue.sent.length',
    ),
  ),
  defect(
    'a PSMID is used again while it is outstanding',
    'PSMID reused',
    ['right', 'ends-once'],
    patch('work.psmid = ++state.psmid;', 'work.psmid = queue.sent.length + 1;'),
  ),
  defect(
    'a full queue stays full',
    '"full" never cleared',
    ['ends-once', 'recovers', 'progress'],
    patch('  queue.full = false;\n  const at', '  const at'),
    patch('  if (queue.sent.length === 0) queue.full = false;\n', ''),
  ),
  defect(
    'a queue that is down is not looked at again',
    'never back after configure',
    ['recovers'],
    patch('      if (ap.cpu.nowNs() >= queue.checkNs) reset(ap, state, queue);\n', ''),
    patch('return queue.checkNs;', 'return Number.POSITIVE_INFINITY;'),
  ),
  defect(
    'what is on the queue is forgotten when it goes down',
    'work lost when the domain goes',
    ['ends-once', 'progress'],
    patch("  fail(state, queue.sent.splice(0), 'ENODEV');", '  queue.sent = [];'),
  ),
  defect(
    'closing leaves what is on the queues without an ending',
    'close never ends',
    ['ends-once'],
    patch("    fail(state, queue.sent.splice(0), 'ECANCELED');", '    queue.sent = [];'),
  ),
  defect(
    'a reply is as long as its header says, not as DQAP says',
    'short reply read beyond its end',
    ['right'],
    patch(
      'ap.cpu.storage.slice(REPLY, REPLY + ap.length);',
      "ap.cpu.storage.slice(\n    REPLY,\n    REPLY + replyLength(ap.cpu.storage.subarray(REPLY), work.message[1] === TYPE_50 ? 'type50' : 'xcrb'),\n  );",
    ),
  ),
];
