// SPDX-License-Identifier: Apache-2.0
// The shape of a configuration as users write it. Every leaf says in `expected` what a reader would want to be told.
// Source: docs/design.md section 5.

import Type from 'typebox';
import {
  ADAPTER_MODES,
  ADAPTER_TYPES,
  MACHINE_PROFILES,
} from '../../native-like/arch/adapter-types.ts';
import { DEPTH_MAX, MESSAGE_BYTES_MAX, ML_MAX } from '../../native-like/arch/limits.ts';
import { ENGINES_MAX } from '../../native-like/machine/layout.ts';
import { INJECTION_EXPECTED } from '../cex/inject-text.ts';
import { FUNCTION_EXPECTED } from '../cex/request-function.ts';
import { RELEASES } from '../s390-tools/releases.ts';
import {
  apqis,
  closed,
  duration,
  flag,
  hexadecimal,
  MAX_APID,
  mappedApids,
  mappedApqis,
  numberKey,
  onOff,
  size,
  text,
  together,
  whole,
  word,
} from './schema-parts.ts';
import { SWITCHES, type SwitchRow } from './switches.ts';
import { FAULT_INSTRUCTIONS, KERNEL_PROFILES, SERVICE_MODELS } from './types.ts';
import { DURATION_PATTERN } from './units.ts';

/** KVM's limit with the extended SCA. Source: Linux arch/s390/include/asm/kvm_host.h KVM_S390_ESCA_CPU_SLOTS. */
const MAX_VCPUS = 248;

/** Facility bits a guest may have. Source: ap-architecture.md section 4.1. */
export const GUEST_FACILITIES = [12, 15, 65, 76] as const;

const Service = Type.Object(
  {
    model: Type.Optional(word(SERVICE_MODELS)),
    time: Type.Optional(duration),
    sigma: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, maximum: 10, expected: 'a number above 0, at most 10' }),
    ),
    engines: Type.Optional(whole(1, ENGINES_MAX, 'a number of engines')),
    order: Type.Optional(word(['completion', 'fifo'])),
  },
  together,
);

const Adapter = Type.Object(
  {
    type: Type.Optional(
      Type.Union(
        [
          ...ADAPTER_TYPES.map((row) => Type.Literal(row.name)),
          Type.Integer({ minimum: 1, maximum: 255 }),
        ],
        { expected: 'CEX4 to CEX8, or a type number 1 to 255' },
      ),
    ),
    mode: word(ADAPTER_MODES.map((row) => row.mode)),
    depth: Type.Optional(whole(1, DEPTH_MAX, 'a queue depth')),
    ml: Type.Optional(whole(0, ML_MAX, 'a message limit in units of 4 KiB')),
    functions: Type.Optional(hexadecimal(0xffffffff, 'a 32-bit number')),
    serial: Type.Optional(
      Type.String({
        pattern: '^[\\x20-\\x7e]{1,16}$',
        expected: 'a text of 1 to 16 ASCII characters',
      }),
    ),
    service: Type.Optional(Service),
    config: Type.Optional(onOff),
  },
  closed,
);

const Machine = Type.Object(
  {
    profile: Type.Optional(word(MACHINE_PROFILES.map((row) => row.name))),
    adapters: Type.Optional(
      Type.Record(numberKey, Adapter, {
        ...closed,
        expectedKey: `an adapter number, 0 to ${MAX_APID}`,
      }),
    ),
    usageDomains: Type.Optional(apqis),
    controlDomains: Type.Optional(apqis),
    seed: Type.Optional(hexadecimal(0xffffffff, 'a 32-bit number')),
    messageMemory: Type.Optional(size),
    allowGuestDamage: Type.Optional(flag),
    timing: Type.Optional(
      Type.Object(
        {
          rapq: Type.Optional(duration),
          zapq: Type.Optional(duration),
          aqic: Type.Optional(duration),
        },
        closed,
      ),
    ),
  },
  closed,
);

/** Masks as the sysfs files take them. Source: docs/reference/vfio-ap.md section 3.1. */
const mask = Type.String({
  pattern:
    '^(0x[0-9a-fA-F]{0,64}|([+-](0[xX][0-9a-fA-F]+|[0-9]+)(-(0[xX][0-9a-fA-F]+|[0-9]+))?,?)+)$',
  expected: 'a mask as sysfs takes it, such as "-5,-6", "+0-15" or "0xffff"',
});

/** Quoted, or as the number YAML takes it for. */
const release = Type.Union(
  RELEASES.flatMap(({ name }) => [Type.Literal(name), Type.Literal(Number(name))]),
  { expected: `a release of s390-tools: ${RELEASES.map(({ name }) => name).join(', ')}` },
);

function switchValue(row: SwitchRow) {
  if (row.words !== undefined) return word(row.words);
  return row.range === undefined ? flag : whole(row.range[0], row.range[1], 'a number');
}

const Host = Type.Object(
  {
    kernel: Type.Optional(word(KERNEL_PROFILES)),
    apmask: Type.Optional(mask),
    aqmask: Type.Optional(mask),
    s390Tools: Type.Optional(release),
    switches: Type.Optional(
      Type.Object(
        Object.fromEntries(SWITCHES.map((row) => [row.name, Type.Optional(switchValue(row))])),
        closed,
      ),
    ),
  },
  closed,
);

const Workload = Type.Object(
  {
    name: text('the name of a workload'),
    messages: Type.Optional(whole(0, 0x7fffffff, 'a number of messages')),
    length: Type.Optional(
      Type.Union(
        [
          Type.Integer({ minimum: 1, maximum: MESSAGE_BYTES_MAX }),
          Type.Array(Type.Integer({ minimum: 1, maximum: MESSAGE_BYTES_MAX }), {
            minItems: 2,
            maxItems: 2,
          }),
        ],
        { expected: 'a length in bytes, 1 to 61440, or [shortest, longest]' },
      ),
    ),
    rate: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, expected: 'messages a second, above 0' }),
    ),
    arrivals: Type.Optional(word(['fixed', 'poisson'])),
    outstanding: Type.Optional(whole(1, DEPTH_MAX, 'a number of messages')),
  },
  together,
);

/** Types of mdevs, and how a virtual one spreads messages over its real queues. */
const MDEV_TYPES = ['passthrough', 'virtual'] as const;
const VIRTUAL_CHOICES = ['least', 'sticky', 'first', 'random'] as const;

/** `none`: adapter interruptions are virtualised and there is no GISA to set them up with. */
const GISA_FORMATS = [0, 1, 'none'] as const;

const Guest = Type.Object(
  {
    uuid: Type.Optional(
      Type.String({
        pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$',
        expected: 'a UUID, such as 00000000-0000-4000-8000-000000000001',
      }),
    ),
    vcpus: Type.Optional(whole(1, MAX_VCPUS, 'a number of vCPUs')),
    memory: Type.Optional(size),
    mdev: Type.Optional(
      Type.Object(
        {
          type: Type.Optional(word(MDEV_TYPES)),
          adapters: Type.Optional(mappedApids),
          domains: Type.Optional(mappedApqis),
          controlDomains: Type.Optional(apqis),
          choice: Type.Optional(word(VIRTUAL_CHOICES)),
          allowSecure: Type.Optional(flag),
        },
        closed,
      ),
    ),
    incoming: Type.Optional(flag),
    program: Type.Optional(text('the name of a built-in program, or a path')),
    facilities: Type.Optional(
      Type.Array(
        Type.Union(
          GUEST_FACILITIES.map((bit) => Type.Literal(bit)),
          { expected: `a facility bit, one of ${GUEST_FACILITIES.join(', ')}` },
        ),
        { expected: `a list of facility bits, such as [${GUEST_FACILITIES.join(', ')}]` },
      ),
    ),
    aiv: Type.Optional(flag),
    gisaFormat: Type.Optional(
      Type.Union(
        GISA_FORMATS.map((format) => Type.Literal(format)),
        { expected: `a GISA format, one of ${GISA_FORMATS.join(', ')}` },
      ),
    ),
    apie: Type.Optional(flag),
    spread: Type.Optional(flag),
    secureExecution: Type.Optional(
      Type.Object(
        {
          secrets: Type.Optional(
            Type.Array(hexadecimal(0xffff, 'a secret index'), {
              expected: 'a list of secret indexes, such as [1, 0x10]',
            }),
          ),
        },
        closed,
      ),
    ),
    workload: Type.Optional(
      Type.Union([Type.String({ minLength: 1 }), Workload], {
        expected: 'the name of a workload, or a mapping with its name',
      }),
    ),
    args: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), { expected: 'a mapping of arguments' }),
    ),
  },
  closed,
);

const Fault = Type.Object(
  {
    guest: Type.Optional(text('the name of a guest')),
    apqn: Type.Optional(
      Type.String({
        pattern: '^[0-9a-fA-F]{2}\\.00[0-9a-fA-F]{2}$',
        expected: 'an APQN, such as 05.0004',
      }),
    ),
    on: Type.Optional(word(FAULT_INSTRUCTIONS)),
    rc: Type.Optional(hexadecimal(0xff, 'a response code')),
    cc: Type.Optional(whole(1, 2, 'a condition code')),
    every: Type.Optional(whole(1, 1 << 20, 'a number of bytes')),
    drop: Type.Optional(Type.Literal(true, { expected: 'true' })),
    delay: Type.Optional(duration),
    reorder: Type.Optional(whole(1, 255, 'a number of places')),
    reply: Type.Optional(text(INJECTION_EXPECTED)),
    function: Type.Optional(
      Type.Union([Type.String({ minLength: 1 }), Type.Integer({ minimum: 0, maximum: 0xffff })], {
        expected: FUNCTION_EXPECTED,
      }),
    ),
    count: Type.Optional(whole(1, 0x7fffffff, 'a number of instructions')),
    probability: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, maximum: 1, expected: 'a number above 0, at most 1' }),
    ),
    at: Type.Optional(
      Type.Union(
        [
          Type.String({ pattern: DURATION_PATTERN }),
          Type.Literal(0),
          Type.Array(duration, { minItems: 1 }),
        ],
        {
          expected: 'a time such as 2ms, or a list of times',
        },
      ),
    ),
  },
  together,
);

/** A guest's name, or a machine's: it is used as `Guest1.0:`, `$Guest1` and `B/sysfs:` in AP programs. */
export const GUEST_NAME = '^[A-Za-z][A-Za-z0-9_-]*$';

/** The whole file. A standard JSON schema: editors can use it. */
export const ConfigSchema = Type.Object(
  {
    apemu: Type.Literal(1, { expected: '1, the version of this format' }),
    machine: Type.Optional(Machine),
    host: Type.Optional(Host),
    guests: Type.Optional(
      Type.Record(Type.String({ pattern: GUEST_NAME }), Guest, {
        ...closed,
        expectedKey: 'a guest name: a letter, then letters, digits, _ or -',
      }),
    ),
    faults: Type.Optional(Type.Array(Fault, { expected: 'a list of faults' })),
  },
  closed,
);

export type RawConfig = Type.Static<typeof ConfigSchema>;
export type RawAdapter = Type.Static<typeof Adapter>;
export type RawService = Type.Static<typeof Service>;
export type RawGuest = Type.Static<typeof Guest>;
export type RawWorkload = Type.Static<typeof Workload>;
export type RawFault = Type.Static<typeof Fault>;
