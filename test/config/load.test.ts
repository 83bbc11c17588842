// SPDX-License-Identifier: Apache-2.0
// What a good configuration becomes: defaults, units, notations, warnings; and that many mistakes come together.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROFILES } from '../../src/ap-bus/profile.ts';
import { REPLY_SHAPES } from '../../src/cex/shapes.ts';
import {
  configFromObject,
  faultFromObject,
  loadConfigFile,
  parseConfig,
} from '../../src/config/load.ts';
import { formatMistake, MistakesError } from '../../src/config/mistakes.ts';
import { SWITCHES } from '../../src/config/switches.ts';
import { KERNEL_PROFILES, type MachineConfig } from '../../src/config/types.ts';
import { formatDuration, parseDurationNs, parseMemory } from '../../src/config/units.ts';
import { ApemuError } from '../../src/errors.ts';

const load = (text: string): MachineConfig => parseConfig(`apemu: 1\n${text}`, 'dir/c.yaml').config;

function thrownBy(action: () => unknown): ApemuError {
  try {
    action();
  } catch (error) {
    if (error instanceof ApemuError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('a configuration becomes complete', () => {
  it('the example with the two guests of the documentation loads without a warning', () => {
    const { config, warnings } = loadConfigFile(
      new URL('../../examples/two-guests.yaml', import.meta.url).pathname,
    );
    expect(warnings).toEqual([]);
    expect([...config.machine.adapters.keys()]).toEqual([5, 6]);
    expect(config.machine.adapters.get(6)).toMatchObject({ type: 14, mode: 'accelerator' });
    expect(config.machine.usageDomains).toEqual([4, 0x47, 0xab, 0xff]);
    expect(config.host).toEqual({
      kernel: 'current',
      apmask: '-5,-6',
      aqmask: undefined,
      switches: {},
    });
    expect(config.guests.map((guest) => guest.name)).toEqual(['Guest1', 'Guest2']);
    expect(config.guests[0].mdev).toEqual({
      adapters: [5, 6],
      domains: [4, 0xab],
      controlDomains: [],
    });
    expect(config.guests[1]).toMatchObject({
      uuid: '00000000-0000-4000-8000-000000000002',
      vcpus: 1,
      memory: 16 * 2 ** 20,
      program: 'ap-bus',
      facilities: [12, 15, 65, 76],
    });
  });

  it('a file that says nothing but its version is a machine without adapters and guests', () => {
    const config = load('');
    expect(config.machine).toEqual({
      profile: 'z16',
      adapters: new Map(),
      usageDomains: [],
      controlDomains: [],
      seed: 1,
      messageMemory: 64 * 2 ** 20,
      timing: { rapqNs: 1e6, zapqNs: 5e6, aqicNs: 1e5 },
      allowGuestDamage: false,
    });
    expect(config.guests).toEqual([]);
  });

  it('every key of section 5 is understood', () => {
    const config = load(
      `
machine:
  seed: 0xdeadbeef
  messageMemory: 1GiB
  timing: { rapq: 2ms, zapq: 0, aqic: 1500ns }
  adapters:
    0xff:
      type: 16
      mode: ep11
      depth: 16
      ml: 15
      functions: 0xF2800000
      serial: 93AABBCC
      service: { model: lognormal, time: 1.5ms, sigma: 0.25, engines: 2, order: fifo }
      config: off
host:
  kernel: linux-6.1
  apmask: 0x00
  aqmask: "+0-15,-0x04"
  switches: { removeInUse: ebusy, strictStatus: true }
guests:
  G:
    uuid: AAAAAAAA-0000-4000-8000-000000000001
    memory: 64KiB
    program: programs/x.ap
    facilities: [65, 12, 15]
    aiv: false
    gisaFormat: 0
    apie: false
    spread: true
    secureExecution: { secrets: [0xffff, 0, 7] }
    workload: { name: rng, messages: 5, length: [10, 20], rate: 1000, arrivals: poisson, outstanding: 3 }
    args: { a: [1, { b: text }] }
`.replace('apmask: 0x00', 'apmask: "0x00"'),
    );
    expect(config.machine.adapters.get(255)).toEqual({
      apid: 255,
      type: 16,
      mode: 'ep11',
      depth: 16,
      ml: 15,
      functions: 0xf2800000,
      serial: '93AABBCC',
      service: { model: 'lognormal', timeNs: 1.5e6, sigma: 0.25, engines: 2, order: 'fifo' },
      configured: false,
    });
    expect(config.machine).toMatchObject({
      seed: 0xdeadbeef,
      messageMemory: 2 ** 30,
      timing: { rapqNs: 2e6, zapqNs: 0, aqicNs: 1500 },
    });
    expect(config.host).toEqual({
      kernel: 'linux-6.1',
      apmask: '0x00',
      aqmask: '+0-15,-0x04',
      switches: { removeInUse: 'ebusy', strictStatus: true },
    });
    expect(config.guests[0]).toMatchObject({
      uuid: 'aaaaaaaa-0000-4000-8000-000000000001',
      mdev: undefined,
      program: join('dir', 'programs/x.ap'),
      facilities: [12, 15, 65],
      gisaFormat: 0,
      secureExecution: { secrets: [0, 7, 0xffff] },
      workload: {
        name: 'rng',
        messages: 5,
        minLength: 10,
        maxLength: 20,
        ratePerSecond: 1000,
        arrivals: 'poisson',
        outstanding: 3,
      },
      args: { a: [1, { b: 'text' }] },
    });
  });

  it.each([
    [
      'apqn: 05.0004, on: dqap, rc: 5, count: 2',
      {
        apqn: 0x504,
        on: 'dqap',
        effect: { kind: 'rc', rc: 5 },
        trigger: { kind: 'count', count: 2 },
      },
    ],
    [
      'apqn: "ff.00fF", rc: 0x42',
      {
        apqn: 0xffff,
        on: 'any',
        effect: { kind: 'rc', rc: 0x42 },
        trigger: { kind: 'probability', probability: 1 },
      },
    ],
    [
      'guest: G, drop: true, probability: 0.5',
      {
        guest: 'G',
        on: 'nqap',
        effect: { kind: 'drop' },
        trigger: { kind: 'probability', probability: 0.5 },
      },
    ],
    [
      'guest: G, delay: 3ms, at: [5ms, 1ms]',
      {
        guest: 'G',
        on: 'nqap',
        effect: { kind: 'delay', delayNs: 3e6 },
        trigger: { kind: 'at', atNs: [1e6, 5e6] },
      },
    ],
    [
      'guest: G, reorder: 3, at: 0',
      { effect: { kind: 'reorder', places: 3 }, trigger: { kind: 'at', atNs: [0] } },
    ],
    [
      'apqn: 05.0004, reply: "82/8A", function: PK, count: 1',
      {
        on: 'nqap',
        effect: { kind: 'reply', reply: { kind: 'code', in: '82', code: 0x8a, function: 'PK' } },
        trigger: { kind: 'count', count: 1 },
      },
    ],
    [
      'guest: G, on: nqap, reply: cca/8/2290, function: "RL"',
      { effect: { kind: 'reply', reply: { kind: 'cca', rc: 8, rs: 2290, function: 'RL' } } },
    ],
    [
      'guest: G, reply: ep11/80010001/c0003, function: 38',
      {
        effect: {
          kind: 'reply',
          reply: { kind: 'ep11', rv: 0x80010001, returnCode: 0xc0003, function: '38' },
        },
      },
    ],
    [
      'guest: G, reply: shape/few-rules/9',
      { effect: { kind: 'reply', reply: { kind: 'shape', shape: 'few-rules', value: 9 } } },
    ],
    ['guest: G, on: nqap, cc: 2, every: 4096', { effect: { kind: 'cc', cc: 2, everyBytes: 4096 } }],
  ])('the fault { %s } is understood', (text, fault) => {
    expect(load(`guests: { G: {} }\nfaults:\n  - { ${text} }`).faults[0]).toMatchObject(fault);
  });

  it.each(REPLY_SHAPES.filter((shape) => shape.danger !== undefined).map(({ name }) => [name]))(
    'the reply shape/%s is understood where the machine allows damage to guests',
    (name) => {
      const { faults } = load(
        `machine: { allowGuestDamage: true }\nguests: { G: {} }\nfaults: [{ guest: G, reply: shape/${name} }]`,
      );
      expect(faults[0].effect).toEqual({ kind: 'reply', reply: { kind: 'shape', shape: name } });
    },
  );

  it('a single fault is checked for a machine as its configuration would be', () => {
    const config = load('guests: { G: {} }');
    expect(faultFromObject({ guest: 'G', on: 'dqap', rc: 5 }, config)).toEqual({
      guest: 'G',
      apqn: undefined,
      on: 'dqap',
      effect: { kind: 'rc', rc: 5 },
      trigger: { kind: 'probability', probability: 1 },
    });
    const wrong = [{ guest: 'H', rc: 5 }, { guest: 'G' }, { guest: 'G', reply: 'shape/rng-long' }];
    for (const fault of wrong) expect(() => faultFromObject(fault, config)).toThrow(MistakesError);
  });

  it('a guest with nothing behind its name has all defaults', () => {
    expect(load('guests:\n  Lonely:\n').guests[0]).toMatchObject({ name: 'Lonely', vcpus: 1 });
  });

  it('the result is frozen all the way down', () => {
    const config = load(
      'guests: { G: { mdev: { adapters: [1] } } }\nmachine: { adapters: { 1: { mode: cca } } }',
    );
    expect(Object.isFrozen(config.guests[0].mdev?.adapters)).toBe(true);
    expect(Object.isFrozen(config.machine.adapters.get(1)?.service)).toBe(true);
  });

  it('a plain object takes the same keys, and apemu may be left out', () => {
    const { config } = configFromObject({
      machine: {
        adapters: { '0x05': { mode: 'cca' }, 6: { mode: 'loopback' } },
        usageDomains: [1],
      },
      guests: { G: { memory: 65536 } },
    });
    expect([...config.machine.adapters.keys()]).toEqual([5, 6]);
    expect(config.guests[0].memory).toBe(65536);
    expect(config.file).toBeUndefined();
  });
});

describe('what is legal and odd is a warning with its place', () => {
  it('an adapter, a usage domain and a control domain the machine does not have', () => {
    const { warnings } = parseConfig(
      'apemu: 1\nmachine: { adapters: { 5: { mode: cca } }, usageDomains: [4] }\nguests:\n  G: { mdev: { adapters: [5, 7], domains: [4, 0xfe], controlDomains: [1] } }\n',
      'w.yaml',
    );
    expect(warnings.map(({ line, column, message }) => `${line}:${column} ${message}`)).toEqual([
      '4:26 the machine has no adapter 0x07: the guest will not see it',
      '4:43 the machine has no usage domain 0xfe: the guest will not see it',
      '4:70 the machine has no control domain 0x01: the guest will not see it',
    ]);
  });

  it('a reply that the queue’s card never gives', () => {
    const { warnings } = parseConfig(
      'apemu: 1\nmachine: { adapters: { 5: { mode: cca }, 6: { mode: accelerator } }, usageDomains: [4] }\nfaults:\n  - { apqn: 05.0004, reply: cca/8/65 }\n  - { apqn: 06.0004, reply: cca/8/65 }\n  - { apqn: 06.0004, reply: 82/10 }\n',
      'w.yaml',
    );
    expect(warnings.map(({ line, column, message }) => `${line}:${column} ${message}`)).toEqual([
      '5:29 adapter 6 is in mode accelerator: a reply of mode cca changes nothing',
    ]);
  });

  it('19.A8: a response code in decimal digits, which elsewhere is hexadecimal', () => {
    const yaml = (rc: string) =>
      `apemu: 1\nmachine: { adapters: { 5: { mode: cca } }, usageDomains: [4] }\nfaults:\n  - { apqn: 05.0004, on: nqap, rc: ${rc} }\n`;
    const { config, warnings } = parseConfig(yaml('10'), 'w.yaml');
    expect(config.faults[0]?.effect).toEqual({ kind: 'rc', rc: 0x0a });
    expect(warnings.map(({ line, column, message }) => `${line}:${column} ${message}`)).toEqual([
      '4:36 rc: 10 is response code 0a; AP programs and reports have them in hexadecimal (write 0x0a, or 0x10 if that was meant)',
    ]);
    for (const plain of ['0x10', '5', '0'])
      expect(parseConfig(yaml(plain), 'w.yaml').warnings).toEqual([]);
  });

  it('a type the machine has no slot for', () => {
    const { warnings } = configFromObject({
      machine: { profile: 'z13', adapters: { 5: { mode: 'cca', type: 'CEX8' } } },
    });
    expect(warnings.map((warning) => warning.message)).toEqual([
      'adapter 5: a z13 has no slot for a CEX8',
    ]);
  });

  it('facility 65 without facility 15 (AD-37)', () => {
    const { warnings } = configFromObject({ guests: { G: { facilities: [12, 65] } } });
    expect(warnings.map((warning) => warning.code)).toEqual(['APEMU_WARN_CONFIG_NO_APFT']);
  });
});

describe('mistakes', () => {
  it('of one file come together, in the order of the file', () => {
    const error = thrownBy(() =>
      parseConfig(
        'apemu: 1\nmachine:\n  profile: z99\n  usageDomains: [1, 300, x]\nguests:\n  A: { memory: 5KiB, vcpus: 0, mdev: { adapters: [1], domains: [1] } }\n  B: { mdev: { adapters: [1], domains: [1] }, colour: red }\n',
        'm.yaml',
      ),
    );
    expect(error).toBeInstanceOf(MistakesError);
    expect(
      (error as MistakesError).mistakes.map((m) => `${m.place.line} ${m.code.slice(17)}`),
    ).toEqual(['3 TYPE', '4 RANGE', '4 TYPE', '6 MEMORY', '6 RANGE', '7 OVERLAP', '7 UNKNOWN_KEY']);
    expect(error.message.split('\n')[0]).toBe(
      'm.yaml:3:12: machine.profile is "z99" (expected one of z13, z14, z15, z16) [APEMU_ERR_CONFIG_TYPE]',
    );
  });

  it('of a plain object name the path of the value', () => {
    const error = thrownBy(() => configFromObject({ machine: { usageDomains: [300] } }));
    expect(formatMistake((error as MistakesError).mistakes[0])).toContain(
      'configuration: machine.usageDomains[0]',
    );
  });

  it.each([
    [null],
    [5],
    ['text'],
    [[]],
    [{ guests: [] }],
    [{ machine: 3 }],
    [{ guests: { G: () => 1 } }],
  ])('of the wrong kind altogether are mistakes too: %s', (value) => {
    expect(thrownBy(() => configFromObject(value)).code).toMatch(/^APEMU_ERR_CONFIG_/);
  });

  it('a file that cannot be read has its own code and the errno name', () => {
    const error = thrownBy(() => loadConfigFile('/no/such/file.yaml'));
    expect([error.code, error.errno]).toEqual(['APEMU_ERR_CONFIG_READ', 'ENOENT']);
  });

  it('aliases that multiply are refused, not expanded', () => {
    const bomb = `apemu: 1\nguests:\n  G:\n    args:\n      a: &a [1,1,1,1,1,1,1,1,1,1]\n${'bcdefgh'
      .split('')
      .map((name, i) => {
        const before = `*${'abcdefgh'[i]}`;
        return `      ${name}: &${name} [${Array(10).fill(before).join(', ')}]\n`;
      })
      .join('')}`;
    expect(thrownBy(() => parseConfig(bomb, 'bomb.yaml')).code).toMatch(/^APEMU_ERR_CONFIG_/);
  });
});

describe('host.s390Tools', () => {
  it.each([
    ["'2.43'", '2.43'],
    ['2.43', '2.43'],
    ['2.40', '2.40'],
    ['"2.4"', undefined],
    ['2.4', '2.40'],
    ['2.34', undefined],
  ])('%s is %s', (text, release) => {
    const read = () => load(`host: { s390Tools: ${text} }`).host.s390Tools;
    if (release !== undefined) expect(read()).toBe(release);
    else expect(thrownBy(read).message).toContain('a release of s390-tools: 2.16, 2.35, ');
  });
});

describe('switches', () => {
  it('are those of the host profiles', () => {
    expect(SWITCHES.map((row) => row.name).sort()).toEqual(Object.keys(PROFILES.current).sort());
    for (const kernel of KERNEL_PROFILES) {
      const { config } = configFromObject({ host: { switches: { ...PROFILES[kernel] } } });
      expect(config.host.switches).toEqual(PROFILES[kernel]);
    }
    expect([...KERNEL_PROFILES].sort()).toEqual(Object.keys(PROFILES).sort());
  });
});

describe('units', () => {
  it.each([
    ['2ms', 2e6],
    ['1.5us', 1500],
    ['0', 0],
    ['7ns', 7],
    ['3s', 3e9],
    ['5', undefined],
    ['-1ms', undefined],
    ['1m', undefined],
  ])('the duration %s is %s ns', (text, ns) => {
    expect(parseDurationNs(text)).toBe(ns);
  });

  it.each([[0], [1], [1500], [2e6], [3e9], [1e9 + 1]])('%d ns survives its own notation', (ns) => {
    expect(parseDurationNs(formatDuration(ns))).toBe(ns);
  });

  it.each([
    ['1KiB', 1024],
    ['3 MiB', 3 * 2 ** 20],
    ['2GiB', 2 ** 31],
    ['1.5MiB', undefined],
    ['1kB', undefined],
  ])('the size %s is %s bytes', (text, bytes) => {
    expect(parseMemory(text)).toBe(bytes);
  });
});
