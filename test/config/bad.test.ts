// SPDX-License-Identifier: Apache-2.0
// Every file of test/config/bad has one mistake; this table says where it is and what the user reads.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { MistakesError } from '../../src/config/mistakes.ts';

const DIRECTORY = new URL('./bad/', import.meta.url);

/** File, line, column, end of the code, part of the message. */
const ROWS: readonly [string, number, number, string, string][] = [
  ['syntax', 4, 1, 'SYNTAX', ''],
  ['empty', 1, 1, 'TYPE', 'the file is empty'],
  ['alias-of-itself', 3, 26, 'SIZE', 'the file is nested too deeply (expected at most 64 levels)'],
  [
    'nested-too-deeply',
    3,
    80,
    'SIZE',
    'the file is nested too deeply (expected at most 64 levels)',
  ],
  ['two-documents', 2, 1, 'SYNTAX', 'a second document begins here (expected one document)'],
  [
    'no-version',
    1,
    1,
    'MISSING_KEY',
    'the file has no key apemu (expected 1, the version of this format)',
  ],
  ['wrong-version', 1, 8, 'RANGE', 'apemu is 2 (expected 1, the version of this format)'],
  [
    'unknown-key',
    2,
    1,
    'UNKNOWN_KEY',
    'unknown key machien, did you mean machine? (expected one of apemu, machine, host, guests, faults)',
  ],
  ['unknown-adapter-key', 4, 21, 'UNKNOWN_KEY', 'unknown key depht, did you mean depth?'],
  [
    'unknown-profile',
    3,
    12,
    'TYPE',
    'machine.profile is "z9" (expected one of z13, z14, z15, z16)',
  ],
  [
    'unknown-mode',
    4,
    16,
    'TYPE',
    'machine.adapters.5.mode is "fast" (expected one of loopback, accelerator, cca, ep11)',
  ],
  [
    'unknown-type',
    4,
    27,
    'TYPE',
    'machine.adapters.5.type is "CEX99" (expected CEX4 to CEX8, or a type number 1 to 255)',
  ],
  ['no-mode', 4, 5, 'MISSING_KEY', 'machine.adapters.5 has no key mode'],
  [
    'adapter-above-255',
    4,
    5,
    'RANGE',
    '256 is no adapter number (expected a number from 0 to 255)',
  ],
  [
    'adapter-no-number',
    4,
    5,
    'UNKNOWN_KEY',
    'unknown key five (expected an adapter number, 0 to 255)',
  ],
  ['adapter-twice', 5, 5, 'DUPLICATE_KEY', 'the key 5 stands here a second time'],
  ['adapter-twice-in-two-notations', 5, 5, 'DUPLICATE_KEY', 'the key 5 is the same as 0x05'],
  [
    'domain-above-255',
    3,
    21,
    'RANGE',
    'machine.usageDomains[1] is 256 (expected a domain number, 0 to 255)',
  ],
  [
    'negative-domain',
    3,
    20,
    'RANGE',
    'machine.controlDomains[0] is -1 (expected a domain number, 0 to 255)',
  ],
  ['domain-fraction', 3, 18, 'RANGE', 'machine.usageDomains[0] is 4.5'],
  ['domain-word', 3, 18, 'TYPE', 'machine.usageDomains[0] is "first"'],
  [
    'domains-no-list',
    3,
    17,
    'RANGE',
    'machine.usageDomains is 4 (expected a list of domain numbers, such as [4, 0xab])',
  ],
  ['depth-17', 4, 28, 'RANGE', 'machine.adapters.5.depth is 17 (expected a queue depth, 1 to 16)'],
  ['functions-33-bits', 4, 32, 'RANGE', '(expected a 32-bit number, 0 to 0xffffffff)'],
  ['serial-too-long', 4, 29, 'TYPE', '(expected a text of 1 to 16 ASCII characters)'],
  [
    'service-without-time',
    4,
    35,
    'COMBINATION',
    'the service model fixed needs a time (expected time: 100us)',
  ],
  ['service-time-without-model', 4, 51, 'COMBINATION', 'the service model rated takes no time'],
  [
    'time-without-unit',
    3,
    19,
    'RANGE',
    'machine.timing.rapq is 5 (expected a time with its unit, such as 100us, 5ms, 1s, or 0)',
  ],
  [
    'message-memory-too-small',
    3,
    18,
    'MEMORY',
    '4096 bytes are too small (expected at least 1024KiB)',
  ],
  [
    'unknown-kernel',
    2,
    17,
    'TYPE',
    'host.kernel is "linux-2.4" (expected one of current, linux-7.2, linux-6.12, linux-6.1, v13, doc-v6, mixed, strict)',
  ],
  [
    'virtual-list',
    4,
    41,
    'COMBINATION',
    'a virtual mdev needs a mapping here (expected a mapping of virtual numbers to real ones, such as { 4: [3, 22] })',
  ],
  [
    'virtual-mapping-without-type',
    4,
    26,
    'COMBINATION',
    'adapters is a mapping (expected a list, or type: virtual)',
  ],
  [
    'virtual-control-domains',
    4,
    90,
    'COMBINATION',
    'a virtual mdev has no control domains (V-15) (expected no controlDomains)',
  ],
  ['virtual-number', 4, 48, 'RANGE', '256 is out of range (expected 0 to 255)'],
  [
    'choice-without-virtual',
    4,
    53,
    'COMBINATION',
    'choice is for virtual mdevs (expected type: virtual)',
  ],
  [
    'virtual-overlap',
    5,
    14,
    'OVERLAP',
    'guest H shares 06.0004 with guest G (expected no APQN in two mdevs)',
  ],
  [
    'workload-unknown',
    6,
    23,
    'WORKLOAD',
    'there is no workload mexp (expected one of loopback, rsa-2048-crt, rng, mixed)',
  ],
  ['unknown-switch', 2, 21, 'UNKNOWN_KEY', 'unknown key strictState, did you mean strictStatus?'],
  [
    'switch-value',
    2,
    34,
    'TYPE',
    'host.switches.removeInUse is "maybe" (expected one of block, ebusy)',
  ],
  ['mask', 2, 17, 'TYPE', 'host.apmask is "5,6" (expected a mask as sysfs takes it'],
  ['mask-too-long', 2, 17, 'TYPE', '(expected a mask as sysfs takes it'],
  [
    'mask-number-above-255',
    2,
    17,
    'RANGE',
    'host.apmask names 256 (expected numbers from 0 to 255)',
  ],
  [
    'mask-range-descends',
    2,
    17,
    'RANGE',
    'host.apmask has the range 9-5 (expected an ascending range)',
  ],
  [
    'overlapping-matrices',
    8,
    14,
    'OVERLAP',
    'guest B shares 05.0004 with guest A (expected no APQN in two mdevs)',
  ],
  ['memory-too-small', 7, 16, 'MEMORY', '8192 bytes are too small (expected at least 64KiB)'],
  [
    'memory-not-whole-pages',
    7,
    16,
    'MEMORY',
    '66560 bytes are not whole pages (expected a multiple of 4096 bytes)',
  ],
  [
    'memory-unit',
    7,
    16,
    'TYPE',
    'guests.A.memory is "16MB" (expected a size, such as 512KiB, 16MiB or 1GiB)',
  ],
  [
    'memory-above-the-image',
    8,
    16,
    'MEMORY',
    '(expected at most 2147418112 bytes (2 GiB - 64 KiB) for the whole machine)',
  ],
  ['message-memory-above-the-image', 3, 18, 'MEMORY', '2147483648 bytes are too large'],
  ['uuid-malformed', 7, 14, 'RANGE', 'guests.A.uuid is 1234 (expected a UUID'],
  [
    'uuid-twice',
    8,
    14,
    'DUPLICATE_UUID',
    'guest A has the UUID 00000000-0000-4000-8000-000000000001 too',
  ],
  ['guest-name', 7, 3, 'UNKNOWN_KEY', 'unknown key 1st (expected a guest name'],
  ['guest-twice', 8, 3, 'DUPLICATE_KEY', 'the key A stands here a second time'],
  ['no-vcpus', 7, 15, 'RANGE', 'guests.A.vcpus is 0 (expected a number of vCPUs, 1 to 248)'],
  [
    'facility',
    7,
    25,
    'RANGE',
    'guests.A.facilities[1] is 17 (expected a facility bit, one of 12, 15, 65, 76)',
  ],
  [
    'gisa-format',
    7,
    20,
    'RANGE',
    'guests.A.gisaFormat is 2 (expected a GISA format, one of 0, 1, none)',
  ],
  ['flag', 7, 14, 'TYPE', 'guests.A.apie is "maybe" (expected true or false)'],
  [
    'secret-index',
    7,
    37,
    'RANGE',
    'guests.A.secureExecution.secrets[0] is 65536 (expected a secret index, 0 to 0xffff)',
  ],
  ['workload-length', 7, 39, 'RANGE', '100 is above 10 (expected [shortest, longest])'],
  ['workload-arrivals', 7, 31, 'COMBINATION', 'arrivals need a rate'],
  [
    'fault-without-effect',
    3,
    5,
    'COMBINATION',
    'a fault has 0 effects (expected exactly one of rc, cc, drop, delay, reorder, reply)',
  ],
  ['fault-without-target', 3, 5, 'COMBINATION', 'a fault names no queue (expected guest or apqn)'],
  [
    'fault-two-triggers',
    3,
    5,
    'COMBINATION',
    'a fault has 2 triggers (expected at most one of count, probability, at)',
  ],
  ['fault-unknown-guest', 9, 14, 'UNKNOWN_GUEST', 'there is no guest B (expected one of A)'],
  ['fault-apqn', 3, 13, 'RANGE', 'faults[0].apqn is 5 (expected an APQN, such as 05.0004)'],
  ['fault-rc', 3, 26, 'RANGE', 'faults[0].rc is 256 (expected a response code, 0 to 0xff)'],
  [
    'fault-cc-on-tapq',
    3,
    5,
    'COMBINATION',
    'only nqap and dqap can end with condition code 1 or 2',
  ],
  [
    'fault-drop-on-dqap',
    3,
    5,
    'COMBINATION',
    'drop concerns the reply to a request, not dqap (expected on: nqap)',
  ],
  ['fault-every-without-cc-2', 3, 5, 'COMBINATION', 'every belongs to cc (expected cc: 2)'],
  ['fault-function-without-reply', 3, 5, 'COMBINATION', 'function belongs to reply'],
  [
    'fault-reply-on-dqap',
    3,
    5,
    'COMBINATION',
    'reply concerns the reply to a request, not dqap (expected on: nqap)',
  ],
  [
    'fault-reply-form',
    3,
    29,
    'REPLY',
    '83/8a is no reply (expected a reply such as 82/8a, 86/8b/1234, cca/8/2290, ep11/80010001, shape/echo)',
  ],
  ['fault-reply-cca-range', 3, 29, 'REPLY', 'cca/8/70000 is no reply'],
  [
    'fault-reply-shape',
    3,
    29,
    'REPLY',
    'reply shape ecko is unknown; known are wrong-type, echo, wrong-length',
  ],
  [
    'fault-reply-function',
    3,
    46,
    'REPLY',
    'pk is no function (expected a function: two letters (CCA), a number (EP11), MEB1 to CRB3 (accelerator), loopback)',
  ],
  [
    'fault-reply-damage',
    3,
    29,
    'GUEST_DAMAGE',
    'it needs the switch allowGuestDamage (expected machine: { allowGuestDamage: true })',
  ],
  [
    'fault-probability',
    3,
    42,
    'RANGE',
    'faults[0].probability is 1.5 (expected a number above 0, at most 1)',
  ],
  [
    'adapter-above-the-profile',
    5,
    5,
    'PROFILE',
    'a z13 has no adapter 64 (expected at most 63 on a z13)',
  ],
  [
    'domain-above-the-profile',
    4,
    17,
    'PROFILE',
    'a z14 has no domain 85, 255 (expected at most 84 on a z14)',
  ],
];

function mistakesOf(name: string): MistakesError {
  try {
    parseConfig(readFileSync(new URL(`${name}.yaml`, DIRECTORY), 'utf8'), `${name}.yaml`);
  } catch (error) {
    if (error instanceof MistakesError) return error;
    throw error;
  }
  throw new Error(`${name}.yaml was accepted`);
}

describe('a configuration with one mistake is refused with file, line, column and what was expected', () => {
  it.each(ROWS)('%s', (name, line, column, code, message) => {
    const error = mistakesOf(name);
    expect(error.mistakes).toHaveLength(1);
    const { place } = error.mistakes[0];
    expect(error.code).toBe(`APEMU_ERR_CONFIG_${code}`);
    expect(error.message).toContain(message);
    expect(`${place.file}:${place.line}:${place.column}`).toBe(`${name}.yaml:${line}:${column}`);
    expect(error.message.split('\n')).toHaveLength(1);
  });

  it('every file of the directory has its row', () => {
    const files = readdirSync(DIRECTORY)
      .filter((file) => file.endsWith('.yaml'))
      .map((file) => file.replace('.yaml', ''));
    expect(files.sort()).toEqual(ROWS.map(([name]) => name).sort());
  });
});
