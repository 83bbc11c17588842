// SPDX-License-Identifier: Apache-2.0
// Nine more defects, written after the search was as it is: how many of them it finds says what it is worth for defects nobody has thought of.
// Source: docs/reference/fuzzing.md section 5.
import { type Defect, defect, type Patch } from './defect.ts';

const simple = (from: string, to: string): Patch => ['simple-driver.ts', from, to];

export const UNTUNED_REFERENCE: readonly Defect[] = [
  defect(
    'a queue that comes later is not bound to its driver',
    'G4',
    ['recovers'],
    [
      'ap-bus-driver/devices.ts',
      'if (bus.state.driversLoaded) probeQueue',
      'if (bus.state.driversLoaded && bus.state.scans < 1) probeQueue',
    ],
  ),
  defect(
    'the timeout of one queue forgets those of the others',
    'poll timer not armed again',
    ['ends-once', 'recovers'],
    [
      'ap-bus-driver/poll.ts',
      '    if (queue.timeoutNs !== 0 && queue.timeoutNs < next) next = queue.timeoutNs;\n',
      '',
    ],
  ),
  defect(
    'the oldest message is taken from the list, whichever was answered',
    'wrong object',
    ['ends-once', 'right', 'throws', 'leaks'],
    [
      'ap-bus-driver/messages.ts',
      'removeAt(slots.pending, slots.pendingCount--, i);',
      'removeAt(slots.pending, slots.pendingCount--, 0);',
    ],
  ),
  defect(
    'a queue that stops keeps its messages until it returns',
    'request never ends while the device is away',
    ['ends-once'],
    [
      'ap-bus-driver/scan.ts',
      '    queue.statistics.errors++;\n  }\n  flushQueue(bus, queue);',
      '    queue.statistics.errors++;\n  }',
    ],
    // The next scan would end them as those of a queue with an error.
    [
      'ap-bus-driver/scan.ts',
      '} else if (queue.devState === DEV_ERROR ||',
      '} else if ((queue.config && !queue.chkstop && queue.devState === DEV_ERROR) ||',
    ],
  ),
  defect(
    'interruptions that were asked for are waited for for ever',
    'G3',
    ['ends-once', 'recovers', 'progress'],
    [
      'ap-bus-driver/irq-wait.ts',
      'irqSinceNs !== 0 && bus.ap.cpu.nowNs() - irqSinceNs > IRQ_WAIT_NS',
      'irqSinceNs < 0 && bus.ap.cpu.nowNs() - irqSinceNs > IRQ_WAIT_NS',
    ],
  ),
];

export const UNTUNED_SIMPLE: readonly Defect[] = [
  defect(
    'closing does not reset the queues',
    'G11',
    ['leaks'],
    simple('    rapq(ap, queue.apqn);\n', ''),
  ),
  defect(
    'a reply is handed up where the next one will be stored',
    'use after free',
    ['right'],
    simple('ap.cpu.storage.slice(REPLY', 'ap.cpu.storage.subarray(REPLY'),
  ),
  defect(
    'requests for a queue that is away wait for its return',
    'request never ends while the device is away',
    ['ends-once'],
    simple(
      "      fail(state, queue.waiting.splice(0), 'ENODEV');\n      if (ap.cpu",
      '      if (ap.cpu',
    ),
  ),
  defect(
    'a reply that does not fit ends no request',
    'G9',
    ['ends-once', 'progress'],
    simple("    fail(state, [work], 'EMSGSIZE');\n", ''),
  ),
];
