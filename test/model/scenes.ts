// SPDX-License-Identifier: Apache-2.0
// Short scenes for generated streams: sequences that single random operations would hardly ever hit.
// Source: ap-architecture.md 5.6, AD-19, AD-28.

import type { Operation } from '../vectors/operations.ts';
import type { MachinePreset } from '../vectors/under-test.ts';
import { DQAP, NQAP, PQAP } from './instruction.ts';
import { APQIS } from './presets.ts';
import type { Random } from './random.ts';
import { MODE_X } from './status.ts';
import { ccaRequest } from './values.ts';

type Registers = readonly (readonly [number, bigint])[];

export interface Scene {
  /** The queue that the stream should go on with. */
  readonly apqn: number | undefined;
  readonly operations: Operation[];
}

const NOTHING: Scene = { apqn: undefined, operations: [] };
const MESSAGE_AT = 0x3000n;
/** Long enough for everything that is under way. */
const SETTLE: Operation = { op: 'advance', ns: 5_000_000 };

/** An instruction of vCPU 0 in 64-bit supervisor state; R1=4, R2=6. */
function execute(guest: number, opcode: number, gr: Registers): Operation {
  const word = opcode * 0x10000 + (opcode === PQAP ? 0 : 0x46);
  return { op: 'instruction', guest, vcpu: 0, word, problem: false, addressingMode: 64, gr };
}

function pqap(guest: number, gr0: bigint, ...more: Registers): Operation {
  return execute(guest, PQAP, [[0, gr0], ...more]);
}

function nqap(guest: number, apqn: number, length: number, last: boolean): Operation {
  const gr0 = BigInt(apqn) + (last ? 0x40000000n : 0n);
  return execute(guest, NQAP, [
    [0, gr0],
    [6, MESSAGE_AT],
    [7, BigInt(length)],
  ]);
}

/** A secure guest empties, binds and associates one or two queues; then a reset or a look. */
function binding(random: Random, preset: MachinePreset): Scene {
  const secure = [...preset.guests.keys()].filter((g) => preset.guests[g].secureExecution);
  if (secure.length === 0) return NOTHING;
  const guest = random.pick(secure);
  const index = BigInt(random.pick([...preset.guests[guest].secureExecution!.secrets, 7]));
  const x = preset.machine.adapters.filter((a) => (a.functions & MODE_X) !== 0);
  const adapters = x.length > 0 ? x : preset.machine.adapters;
  const operations: Operation[] = [];
  let focus = 0;
  for (let n = 1 + random.below(2); n > 0; n--) {
    focus = random.pick(adapters).apid * 256 + random.pick(preset.machine.usageDomains);
    const apqn = BigInt(focus);
    if (random.chance(60)) operations.push(pqap(guest, apqn + 0x01000000n), SETTLE);
    operations.push(pqap(guest, apqn + 0x07000000n));
    operations.push(pqap(guest, apqn + 0x08000000n, [2, index]));
    if (random.chance(70)) operations.push(SETTLE);
    const fc = random.pick([0x00800000n, 0x01000000n, 0x02000000n, 0x01400000n, 0x05000000n]);
    operations.push(pqap(guest, apqn + fc));
    if (random.chance(70)) operations.push(SETTLE, pqap(guest, apqn + 0x00800000n));
  }
  return { apqn: focus, operations };
}

/** A request that names a domain, to a CCA queue if there is one. */
function domains(random: Random, preset: MachinePreset): Scene {
  const cca = preset.machine.adapters.filter((a) => a.mode === 'cca');
  if (cca.length === 0) return NOTHING;
  const apqn = random.pick(cca).apid * 256 + random.pick(preset.machine.usageDomains);
  const guest = random.below(preset.guests.length);
  const domain = random.pick([...APQIS.wide, ...preset.machine.controlDomains, 1, 0xffff]);
  const bytes = ccaRequest(domain);
  const length = random.pick([308, 308, 320, 307]);
  return {
    apqn,
    operations: [
      { op: 'write', guest, address: Number(MESSAGE_AT), bytes },
      nqap(guest, apqn, length, true),
    ],
  };
}

/** Parts that fill a message up to its limit and beyond; then another message and its reply. */
function parts(random: Random, preset: MachinePreset): Scene {
  const adapter = random.pick(preset.machine.adapters);
  const apqn = adapter.apid * 256 + random.pick(preset.machine.usageDomains);
  const guest = random.below(preset.guests.length);
  const limit = (adapter.ml || 3) * 4096;
  const first = Math.min(limit, 0xd000);
  return {
    apqn,
    operations: [
      SETTLE,
      nqap(guest, apqn, first - random.pick([0, 0, 8]), false),
      nqap(guest, apqn, random.pick([8, 9, 4096]), true),
      nqap(guest, apqn, 8, true),
      SETTLE,
      execute(guest, DQAP, [
        [0, BigInt(apqn) + 0x80000000n],
        [2, 0n],
        [6, 0x2000n],
        [7, BigInt(random.pick([64, limit]))],
      ]),
    ],
  };
}

export function randomScene(random: Random, preset: MachinePreset): Scene {
  return random.pick([binding, domains, parts, parts])(random, preset);
}
