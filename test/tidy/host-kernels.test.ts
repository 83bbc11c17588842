// SPDX-License-Identifier: Apache-2.0
// The host as kernels are, real tools, and real kernels as the oracle: each point of that work, and the tests that show it.
import { describe, expect, it } from 'vitest';
import { missing, type Shown } from './shown.ts';

/** Each point by its number: A what the model had wrong, B what was missing, C the oracle. */
const POINTS: readonly (readonly [id: string, what: string, shown: readonly Shown[]])[] = [
  [
    'A1',
    'driver_override: whose a queue is, what a mask edit says, how the text is read',
    [
      ['test/ap-bus/device-files.test.ts', 'leaves a queue to whom its driver belongs'],
      ['test/ap-bus/device-files.test.ts', 'counts for ever when its queue leaves'],
      ['test/ap-bus/device-files.test.ts', 'a mask edit, also one without a change'],
      ['test/ap-bus/device-files.test.ts', 'of 4,094 bytes is taken, of 4,095 refused'],
    ],
  ],
  [
    'A2',
    'a queue without driver at a mask edit, as the build of the kernel has it',
    [
      ['test/vfio-ap/filter.test.ts', 'a mask edit of a build %j'],
      ['test/golden-vfio-ap/extended.test.ts', 'the build'],
      ['test/recorder/compare.test.ts', 'queues without driver that are attached'],
    ],
  ],
  [
    'A3',
    'uevents: their keys, order and times',
    [
      ['test/ap-bus/bus-files.test.ts', 'tells which driver took a queue'],
      ['test/ap-bus/device-events.test.ts', '14.A3: events'],
      ['test/golden-vfio-ap/extended.test.ts', 'time and events included'],
    ],
  ],
  [
    'A4',
    'files `uevent`: what they read, and what they take',
    [['test/ap-bus/device-events.test.ts', '14.A4: the file uevent']],
  ],
  [
    'A5',
    'interrupt, states, online, counts and timers, kernel by kernel',
    [
      ['test/ap-bus/device-states.test.ts', '14.A5: the file interrupt'],
      ['test/ap-bus/device-states.test.ts', '14.A5: a checkstop'],
      ['test/ap-bus/device-states.test.ts', '14.A5: requests of the driver itself'],
      ['test/ap-bus/device-states.test.ts', '14.A5: files and timers'],
    ],
  ],
  [
    'A6',
    'secure-execution files only where Linux has them, SESTAT, a parser of ten fields',
    [
      ['test/ap-bus/device-files.test.ts', 'se_bind and se_associate in a secure-execution guest'],
      ['test/ap-bus/device-files.test.ts', 'answer EIO when BAPQ does not end with 00'],
      [
        'test/guest/lszcrypt.test.ts',
        'has the bind state of each queue where the guest binds queues',
      ],
      ['test/sysfs/lszcrypt.test.ts', 'splits each line into ten fields'],
    ],
  ],
  [
    'A7',
    'linux-6.1 resets and unplugs in its own way',
    [
      ['test/vfio-ap/reset.test.ts', 'in linux-6.1: %s'],
      ['test/vfio-ap/reset.test.ts', 'of an unbound queue whose guest loses the adapter'],
      ['test/program/adapter.test.ts', '14.A7'],
    ],
  ],
  [
    'A8',
    'facility words of presets',
    [['test/host/presets.test.ts', 'a special command is answered by RC']],
  ],
  [
    'A9',
    'lszcrypt, chzcrypt and ap-check by release',
    [
      ['test/s390-tools/lszcrypt.test.ts', 'lszcrypt as recorded'],
      ['test/s390-tools/chzcrypt.test.ts', 'chzcrypt as recorded'],
      ['test/sysfs/lszcrypt.test.ts', 'ends with status 1 on a host without cards before 2.42'],
      ['test/sysfs/lszcrypt.test.ts', 'warns of a default domain that is gone since 2.42'],
      ['test/sysfs/mdevctl.test.ts', 'refuses to start control domains without a usage domain'],
    ],
  ],
  [
    'A10',
    'attach of an open mdev, scans after lpar: lines, events of config once',
    [
      ['test/program/adapter.test.ts', 'an mdev that another guest has open cannot be attached'],
      ['test/program/adapter.test.ts', 'with a step: line in the program too'],
      ['test/host/config-events.test.ts', 'of the card, then of each queue'],
    ],
  ],
  [
    'A11',
    'scripts as administrators have them run to their end',
    [
      ['test/shell/scripts.test.ts', '14.11: a script that sets cards up'],
      ['test/shell/scripts.test.ts', '14.11: a script that runs a guest'],
      ['test/shell/scripts.test.ts', '14.11: helpers of a test suite'],
      ['test/shell/language.test.ts', 'a script gives what bash gives'],
    ],
  ],
  [
    'A12',
    'what is held after an odd response code of AQIC, profile by profile',
    [
      ['test/aqic/hook.test.ts', 'interruptions end, what was held before is freed'],
      ['test/sysfs/layers.test.ts', 'strict is current with every answer'],
    ],
  ],
  [
    'B13',
    'guest images of any kernel there is, and of one’s own',
    [
      ['test/qemu/guest-image.test.ts', 'name the parts a kernel is made of since 7.2'],
      ['test/qemu/kernel-tree.test.ts', 'gives modules with what they need before them'],
      ['test/linux/newest-kernel.test.ts', 'boots and lists its cards'],
      ['test/linux/newest-kernel.test.ts', 'follows hot unplug and plug'],
    ],
  ],
  [
    'B14',
    'commands wait for the prompt of a kernel of one’s own',
    [
      ['test/linux/run.test.ts', 'types it at the prompt'],
      ['test/linux/run.test.ts', 'commands from a pipe wait for the prompt'],
    ],
  ],
  [
    'B15',
    'device nodes, generators, keys, debug areas, tracepoints',
    [
      ['test/shell/zcrypt-nodes.test.ts', 'makes, filters, lists and removes a node'],
      ['test/ap-bus/hw-random.test.ts', 'rng_current takes'],
      ['test/host/pkey.test.ts', 'gives tokens that its cards open'],
      ['test/ap-bus/debug-areas.test.ts', 'records what the bus does'],
      ['test/trace/ftrace.test.ts', 'is that of the kernel'],
    ],
  ],
  [
    'C16',
    'recording, with a kernel’s end as a result',
    [
      ['test/cli/golden-record.test.ts', 'which replays'],
      ['test/recorder/generate.test.ts', 'has operations of that kind'],
      ['test/recorder/agent.test.ts', 'ends with the complaint of a kernel'],
      ['test/recorder/agent.test.ts', 'ends with an operation that hangs'],
      [
        'test/linux/recorder.test.ts',
        'falls over a queue that is bound while its card has no driver',
      ],
    ],
  ],
  [
    'C17',
    'replaying, with differences grouped by kind',
    [
      ['test/cli/golden.test.ts', 'shows the first difference with file and line'],
      ['test/golden-vfio-ap/extended.test.ts', 'has differences of one kind together'],
    ],
  ],
  [
    'C18',
    'comparing, and a difference made short',
    [
      ['test/recorder/compare.test.ts', 'is found, with the fewest operations that show it'],
      ['test/cli/golden-record.test.ts', 'ends with a table of what was compared'],
      ['test/linux/recorder.test.ts', 'shows a defect planted in the model'],
    ],
  ],
  [
    'C19',
    'the operator’s shell of a partition, and its kernel’s SCLP commands',
    [
      ['test/qemu/lpar-machine.test.ts', '14.19: takes adapters away'],
      ['test/qemu/lpar-machine.test.ts', 'has a shell without what belongs to the Linux in it'],
      ['test/qemu/sclp.test.ts', 'are configured and deconfigured, or are so already'],
      ['test/linux/partition.test.ts', 'lists four adapters with four domains each'],
    ],
  ],
];

describe('the host as kernels are', () => {
  it.each(POINTS)('%s: %s', (_id, _what, shown) => {
    expect(shown.filter(missing)).toEqual([]);
  });

  it('has each point once', () => {
    expect(POINTS.map(([id]) => Number(id.slice(1)))).toEqual(
      Array.from({ length: 19 }, (_, n) => n + 1),
    );
  });
});
