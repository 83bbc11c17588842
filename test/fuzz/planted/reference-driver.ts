// SPDX-License-Identifier: Apache-2.0
// Defects planted in a copy of the reference AP bus driver.
// Source: docs/reference/fuzzing.md section 5.
import { type Defect, defect } from './defect.ts';

const QUEUE = 'ap-bus-driver/queue.ts';
const MESSAGES = 'ap-bus-driver/messages.ts';
const DEVICES = 'ap-bus-driver/devices.ts';
const SCAN = 'ap-bus-driver/scan.ts';
const POLL = 'ap-bus-driver/poll.ts';
const BUS = 'ap-bus-driver/bus.ts';
const USER = 'ap-bus-driver/user.ts';
const REQUESTS = 'workloads/requests.ts';
const INSTRUCTIONS = 'guest/instructions.ts';

export const REFERENCE_DEFECTS: readonly Defect[] = [
  defect(
    'an orphaned reply counts as the outstanding one',
    'G2',
    ['ends-once'],
    [QUEUE, '(queue.count > 0 || queue.slots.pendingCount > 0)', 'queue.count > 0'],
  ),
  defect(
    'a card is not released at hot unplug',
    'G5',
    ['leaks'],
    [
      DEVICES,
      '  bus.cardOf.delete(card.apid);\n  bus.state.cards.splice(bus.state.cards.indexOf(card), 1);',
      '  bus.cardOf.delete(card.apid);',
    ],
  ),
  defect(
    'a queue is bound while its card is not there',
    'G7',
    ['throws'],
    [
      SCAN,
      'createQueueDevice(bus, bus.cardOf.get(state.scanApid)!, apqn,',
      'createQueueDevice(bus, bus.cardOf.get(state.scans > 1 ? -1 : state.scanApid)!, apqn,',
    ],
  ),
  defect(
    'an error reply is taken for the result',
    'G8',
    ['right'],
    [
      REQUESTS,
      "if (parsed.kind === 'error' || parsed.code !== 0) return 'EIO';",
      "if (parsed.kind === 'error') return undefined;",
    ],
  ),
  defect(
    'a queue goes before its messages are flushed',
    'G11',
    ['ends-once'],
    [
      DEVICES,
      '  flushQueue(bus, queue);\n  queue.devState = DEV_SHUTDOWN;',
      '  queue.devState = DEV_SHUTDOWN;',
    ],
  ),
  defect(
    'response code 02 at NQAP drops the request',
    'dropped at RC 02',
    ['ends-once'],
    [
      QUEUE,
      '    case AP_RESPONSE_RESET_IN_PROGRESS:\n      queue.smState = SM_RESET_WAIT;\n      return SM_WAIT_LOW;\n    case AP_RESPONSE_INVALID_DOMAIN:',
      '    case AP_RESPONSE_RESET_IN_PROGRESS:\n      slots.waitingCount--;\n      queue.smState = SM_RESET_WAIT;\n      return SM_WAIT_LOW;\n    case AP_RESPONSE_INVALID_DOMAIN:',
    ],
  ),
  defect(
    'response code 10 at NQAP drops the request',
    'dropped at RC 10',
    ['ends-once'],
    [
      QUEUE,
      '    case AP_RESPONSE_Q_FULL:\n      return queueFullWait(queue, status);',
      '    case AP_RESPONSE_Q_FULL:\n      slots.waitingCount--;\n      return queueFullWait(queue, status);',
    ],
  ),
  defect(
    'an error ends the queue for good',
    'never back after an error',
    ['recovers'],
    [SCAN, 'queue.devState === DEV_ERROR ||', 'queue.devState < 0 ||'],
  ),
  defect(
    'a queue does not come back after configure',
    'never back after configure',
    ['recovers'],
    [
      SCAN,
      'if (deconfigured) queueStops(bus, queue, AP_RESPONSE_DECONFIGURED);\n    else queueReturns(bus, queue);',
      'if (deconfigured) queueStops(bus, queue, AP_RESPONSE_DECONFIGURED);\n    else queue.online = false;',
    ],
  ),
  defect(
    'a queue does not come back after a checkstop',
    'never back after checkstop',
    ['recovers'],
    [
      SCAN,
      'if (chkstop) queueStops(bus, queue, AP_RESPONSE_CHECKSTOPPED);\n    else queueReturns(bus, queue);',
      'if (chkstop) queueStops(bus, queue, AP_RESPONSE_CHECKSTOPPED);\n    else queue.online = false;',
    ],
  ),
  defect(
    'the notification byte is cleared after the queues are read',
    'cleared after polling',
    ['rules'],
    [
      POLL,
      '  if (state.irq) bus.storage[state.nibAddress] = 0;\n  state.pollDue = false;',
      '  state.pollDue = false;',
    ],
    [
      POLL,
      '  applyWait(bus, state.pollWait);\n  return true;',
      '  applyWait(bus, state.pollWait);\n  if (state.irq) bus.storage[state.nibAddress] = 0;\n  return true;',
    ],
  ),
  defect(
    'a partial reply is resumed with the wrong token',
    'wrong token',
    ['rules'],
    [
      INSTRUCTIONS,
      '    count(ap, COUNTED_DQAP, cc === 1',
      '    if (cc === 2) cpu.setGr(0, 0, cpu.grLow(0) & ~0xff0000);\n    count(ap, COUNTED_DQAP, cc === 1',
    ],
  ),
  defect(
    'replies are matched by their order',
    'by order, not PSMID',
    ['right', 'ends-once'],
    [
      MESSAGES,
      'if (slots.psmidLow[slot] !== ap.psmidLow || slots.psmidHigh[slot] !== ap.psmidHigh) continue;',
      '',
    ],
  ),
  defect(
    'a PSMID is used again while it is outstanding',
    'PSMID reused',
    ['right', 'ends-once'],
    [MESSAGES, '(bus.state.psmidCounter + 1) | 0', '((bus.state.psmidCounter + 1) & 1) | 0'],
  ),
  defect(
    'the return code of a reply is not looked at',
    'return code not looked at',
    ['right'],
    [REQUESTS, "if (parsed.kind === 'cca' && parsed.rc !== 0) return 'EINVAL';", ''],
  ),
  defect(
    'a full queue stays full',
    '"full" never cleared',
    ['ends-once', 'recovers'],
    [
      QUEUE,
      '      queue.smState = SM_WORKING;\n      return SM_WAIT_AGAIN;\n    case AP_RESPONSE_NO_PENDING_REPLY:\n      if (queue.count === 0) return goIdle(bus, queue, status);',
      '      return SM_WAIT_AGAIN;\n    case AP_RESPONSE_NO_PENDING_REPLY:',
    ],
    // The timeout of a request would end it after 30 s.
    [QUEUE, '  reset,\n  reset,\n  reset,\n];', '  reset,\n  () => SM_WAIT_NONE,\n  reset,\n];'],
  ),
  defect(
    'closing with work outstanding never ends',
    'close never ends',
    ['ends-once', 'leaks'],
    [
      REQUESTS,
      "if (user.closed) failRequest(user, request, 'ECANCELED');\n  else if",
      'if (user.closed) return;\n  else if',
    ],
  ),
  defect(
    'work is lost when the domain goes',
    'work lost with the domain',
    ['ends-once'],
    [USER, 'user.waiting.push(...(user.todo[apqn] as UserRequest[]));', ''],
  ),
  defect(
    'a flush forgets its messages',
    'result of an old request',
    ['right', 'ends-once'],
    [
      MESSAGES,
      '    release(slots, slot);\n    bus.workload.lost(queue.workload, true, slotAddress(slots, slot));\n  };',
      '    release(slots, slot);\n  };',
    ],
  ),
  defect(
    'a request that is refused is forgotten',
    'refused',
    ['ends-once'],
    [REQUESTS, "    else failRequest(user, request, 'EINVAL');\n", ''],
  ),
  defect(
    'a request timeout does nothing',
    'poll timer not armed again',
    ['ends-once', 'recovers'],
    [POLL, '      applyWait(bus, timeoutEvent(bus, queue));', '      timeoutEvent;'],
  ),
  defect(
    'a request nobody can take is held for ever',
    'ENODEV',
    ['ends-once', 'recovers', 'leaks'],
    [USER, "      failRequest(user, request, 'ENODEV');\n      continue;", '      continue;'],
  ),
  defect(
    'what was sent is never forgotten',
    'G5',
    ['leaks'],
    [REQUESTS, '  delete user.sent[address];\n', ''],
  ),
  defect(
    'a queue whose interruptions are refused stays where it is',
    'G3',
    ['ends-once', 'recovers', 'progress'],
    [
      QUEUE,
      '      if (bus.state.irq && enableIrq(bus, queue)) waitForIrq(bus, queue);\n      else toReady(bus, queue);\n      return SM_WAIT_AGAIN;',
      '      if (!bus.state.irq) toReady(bus, queue);\n      else if (enableIrq(bus, queue)) waitForIrq(bus, queue);\n      else return SM_WAIT_NONE;\n      return SM_WAIT_AGAIN;',
    ],
  ),
  defect(
    'another queue is let go than the one that has gone',
    'G6',
    ['leaks', 'recovers', 'throws', 'ends-once'],
    [
      BUS,
      'bus.state.queues.splice(bus.state.queues.indexOf(queue), 1);',
      'bus.state.queues.shift();',
    ],
  ),
  defect(
    'condition code 2 of NQAP is taken for done',
    'CC 2 taken for done',
    ['rules'],
    [INSTRUCTIONS, 'if (cpu.conditionCode() !== 2) break;', 'break;'],
  ),
  defect(
    'a reset that takes longer is not looked at again',
    'reset wait without an end',
    ['ends-once', 'recovers'],
    [
      QUEUE,
      '    case AP_RESPONSE_BUSY:\n      return SM_WAIT_LOW;\n    default:\n      return toError(bus, queue, rc(status));',
      '    case AP_RESPONSE_BUSY:\n      return SM_WAIT_NONE;\n    default:\n      return toError(bus, queue, rc(status));',
    ],
  ),
  defect(
    'an asynchronous error is never reset',
    'asynchronous error never reset',
    ['ends-once', 'recovers'],
    [SCAN, ' || asyncFailed(bus, queue, status)', ''],
  ),
  defect(
    'the slot of a refused message is not given back',
    'G5',
    ['leaks', 'ends-once', 'recovers'],
    [MESSAGES, '  release(slots, slot);\n  removeAt(slots.waiting', '  removeAt(slots.waiting'],
  ),
  defect(
    'what is read is as long as the longest reply so far',
    'short reply read beyond its end',
    ['right'],
    [
      REQUESTS,
      'const bytes = storage.slice(reply, reply + replyBytes);',
      'user.longest = Math.max(user.longest ?? 0, replyBytes);\n    const bytes = storage.slice(reply, reply + user.longest);',
    ],
  ),
];
