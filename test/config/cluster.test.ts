// SPDX-License-Identifier: Apache-2.0
// Configurations with several machines: what becomes of them, and every mistake with its place.
// Source: docs/design.md section 5; docs/migration.md (two hosts).
import { describe, expect, it } from 'vitest';
import { parseConfig, parseConfigOrCluster } from '../../src/config/load.ts';
import { MistakesError } from '../../src/config/mistakes.ts';

const mistakesOf = (text: string): string[] => {
  try {
    parseConfigOrCluster(text, 'm.yaml');
  } catch (error) {
    if (!(error instanceof MistakesError)) throw error;
    return error.mistakes.map(
      ({ code, message, expected = '', place }) =>
        `${place.line}:${place.column} ${code.replace('APEMU_ERR_CONFIG_', '')}: ${message} (${expected})`,
    );
  }
  return [];
};

const MACHINE = 'machine: { adapters: { 5: { mode: cca } }, usageDomains: [4] }';

const ROWS: readonly (readonly [name: string, text: string, mistakes: readonly string[]])[] = [
  [
    'a mistake in one machine has its place',
    `apemu: 1\nmachines:\n  A:\n    ${MACHINE}\n  B:\n    machine: { adapters: { 5: { mode: fast } } }\n`,
    ['6:39 TYPE: machine.adapters.5.mode is "fast" (one of loopback, accelerator, cca, ep11)'],
  ],
  [
    'mistakes of all machines come together',
    'apemu: 1\nmachines:\n  A:\n    machin: {}\n  B:\n    host: { kernel: dos }\n',
    [
      '4:5 UNKNOWN_KEY: unknown key machin, did you mean machine? (one of apemu, machine, host, guests, faults)',
      '6:21 TYPE: host.kernel is "dos" (one of current, linux-7.2, linux-6.12, linux-6.1, v13, doc-v6, mixed, strict)',
    ],
  ],
  [
    'two machines have the same guest',
    `apemu: 1\nmachines:\n  A: { ${MACHINE}, guests: { G: {} } }\n  B: { ${MACHINE}, guests: { G: {} } }\n`,
    [
      '4:82 DUPLICATE_KEY: machine A has a guest G too (another name, or incoming: true for one that comes from there)',
    ],
  ],
  [
    'a guest comes that no machine has',
    `apemu: 1\nmachines:\n  A: { ${MACHINE} }\n  B: { ${MACHINE}, guests: { G: { incoming: true } } }\n`,
    [
      '4:82 UNKNOWN_GUEST: no machine has the guest G that is to come (one of the guests of other machines)',
    ],
  ],
  [
    'a guest that comes is described where it comes from',
    `apemu: 1\nmachines:\n  A: { ${MACHINE}, guests: { G: {} } }\n  B: { ${MACHINE}, guests: { G: { incoming: true, vcpus: 2 } } }\n`,
    [
      '4:103 COMBINATION: G comes from another machine, which says its vcpus (incoming and mdev alone)',
    ],
  ],
  [
    'a virtual mdev does not migrate',
    `apemu: 1\nmachines:\n  A: { ${MACHINE}, guests: { G: {} } }\n  B: { ${MACHINE}, guests: { G: { incoming: true, mdev: { type: virtual } } } }\n`,
    ['4:109 COMBINATION: a virtual mdev does not migrate (a passthrough mdev)'],
  ],
  [
    'machines stand beside nothing else',
    'apemu: 1\nmachines: {}\nhost: {}\n',
    ['3:1 UNKNOWN_KEY: unknown key host (one of apemu, machines)'],
  ],
  [
    'a machine without a name of its kind',
    'apemu: 1\nmachines: { 1A: {} }\n',
    ["2:13 UNKNOWN_KEY: unknown key 1A (a machine's name: a letter, then letters, digits, _ or -)"],
  ],
];

describe('several machines', () => {
  it.each(ROWS)('%s', (_name, text, mistakes) => {
    expect(mistakesOf(text)).toEqual(mistakes);
  });

  it('have a place for each guest of the others, made as it is, with UUIDs counted over all', () => {
    const text = `apemu: 1\nmachines:\n  A: { ${MACHINE}, guests: { G: { memory: 64KiB, mdev: { adapters: [5], domains: [4] } } } }\n  B: { ${MACHINE}, guests: { H: {} } }\n`;
    const loaded = parseConfigOrCluster(text, 'm.yaml');
    if (!('machines' in loaded.config)) throw new Error('no cluster');
    const guests = [...loaded.config.machines.values()].map((machine) =>
      machine.guests.map(({ name, uuid, memory, mdev, incoming }) => [
        name,
        uuid.at(-1),
        memory,
        mdev?.adapters,
        incoming,
      ]),
    );
    const [g, h] = [
      ['G', '1', 65536],
      ['H', '2', 16 * 2 ** 20],
    ];
    expect(guests).toEqual([
      [
        [...g, [5], false],
        [...h, undefined, true],
      ],
      [
        [...h, undefined, false],
        [...g, undefined, true],
      ],
    ]);
  });

  it('are refused in words where there can be one', () => {
    expect(() => parseConfig('apemu: 1\nmachines: {}\n', 'm.yaml')).toThrow(
      'm.yaml:2:1: the configuration has several machines (expected one machine; apemu exec, apemu shell and apemu qemu take several)',
    );
    const alone = `apemu: 1\n${MACHINE}\nguests: { G: { incoming: true } }\n`;
    expect(() => parseConfig(alone, 'm.yaml')).toThrow(
      'G comes from another machine, and there is none',
    );
  });
});
