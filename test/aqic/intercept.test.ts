// SPDX-License-Identifier: Apache-2.0
// KVM's handling of an intercepted PQAP, row by row, in every host profile.
// Source: docs/reference/ap-architecture.md sections 3.2, 3.3, 3.4; docs/reference/vfio-ap.md sections 5.1, 5.2.
import { afterEach, describe, expect, it } from 'vitest';
import {
  FACILITY_AIV,
  FACILITY_AP,
  FACILITY_APFT,
  FACILITY_AQIC,
} from '../../native-like/arch/facilities.ts';
import { G_FACILITIES } from '../../native-like/machine/layout.ts';
import type { ProfileName } from '../../src/ap-bus/profile.ts';
import { Bench, FC_AQIC, type Raw, type Registers } from '../kvm/bench.ts';

const PROFILES: readonly ProfileName[] = [
  'current',
  'linux-7.2',
  'linux-6.12',
  'linux-6.1',
  'v13',
  'doc-v6',
  'strict',
];
const APQN = 0x0504;
const NIB = 0x2000;
const AQIC: Registers = { gr0: FC_AQIC | APQN, gr1High: 0x8000, gr1Low: 6, gr2: NIB };
const OPERATION = 0x01;
const PRIVILEGED = 0x02;
const SPECIFICATION = 0x06;

const benches: Bench[] = [];
const open = async (over: Parameters<typeof Bench.create>[0]): Promise<Bench> => {
  const bench = await Bench.create(over);
  benches.push(bench);
  return bench;
};
afterEach(() => {
  for (const bench of benches.splice(0)) bench.close();
});

/** One row: what is different, the instruction, and the program interruption that must come (undefined: it completes, RC 00). */
interface Row {
  readonly step: string;
  readonly what: string;
  readonly guest1?: Raw;
  readonly arrange?: (bench: Bench) => void;
  readonly registers?: Partial<Registers>;
  readonly pgm: number | undefined;
}

const hostWithoutAp = (bench: Bench): void => {
  const at = bench.image.guest(0) + G_FACILITIES;
  bench.image.i32[at] = bench.image.word(at) & ~FACILITY_AP;
};
const without =
  (facility: number) =>
  (bench: Bench): void =>
    bench.facilities((word) => word & ~facility);
const problem = (bench: Bench): void => bench.psw({ problem: true });
const both =
  (...arrangements: readonly ((bench: Bench) => void)[]) =>
  (bench: Bench): void => {
    for (const arrange of arrangements) arrange(bench);
  };

const ROWS: readonly Row[] = [
  { step: '1', what: 'the host has no AP instructions', arrange: hostWithoutAp, pgm: OPERATION },
  { step: '2', what: 'ECA.28 is off', guest1: { apie: false }, pgm: OPERATION },
  {
    step: '2 before 4',
    what: 'ECA.28 is off in problem state',
    guest1: { apie: false },
    arrange: problem,
    pgm: OPERATION,
  },
  {
    step: '3',
    what: 'ECA.28 is off and the function is TAPQ',
    guest1: { apie: false },
    registers: { gr0: APQN },
    pgm: OPERATION,
  },
  { step: '4', what: 'the guest is in problem state', arrange: problem, pgm: PRIVILEGED },
  {
    step: '4 before 5',
    what: 'problem state and reserved bits',
    arrange: problem,
    registers: { gr0: FC_AQIC | 0x010000 | APQN },
    pgm: PRIVILEGED,
  },
  ...[0x010000, 0x400000, 0x7f0000].map((bits) => ({
    step: '5',
    what: `GR0 has reserved bits ${bits.toString(16)}`,
    registers: { gr0: FC_AQIC | bits | APQN },
    pgm: SPECIFICATION,
  })),
  {
    step: '6',
    what: 'the T bit is on without facility 15',
    arrange: without(FACILITY_APFT),
    registers: { gr0: FC_AQIC | 0x800000 | APQN },
    pgm: SPECIFICATION,
  },
  {
    step: '6',
    what: 'the T bit is on with facility 15',
    registers: { gr0: FC_AQIC | 0x800000 | APQN },
    pgm: undefined,
  },
  ...[0x40, 0x80, 0x10, 0xf0].map((bits) => ({
    step: '7',
    what: `a CRYCB without APXA and APQN bits ${bits.toString(16)}`,
    guest1: { facilities: [12, 15, 65] },
    registers: { gr0: FC_AQIC | (bits >= 0x40 ? bits << 8 : bits) },
    pgm: SPECIFICATION,
  })),
  {
    step: '7',
    what: 'a CRYCB without APXA and an APQN within 63/15',
    guest1: { facilities: [12, 15, 65] },
    pgm: undefined,
  },
  {
    step: '8',
    what: 'the guest lacks facility 65',
    arrange: without(FACILITY_AQIC),
    pgm: SPECIFICATION,
  },
  {
    step: '8',
    what: 'the guest model has no facility 65',
    guest1: { facilities: [12, 15, 76] },
    pgm: SPECIFICATION,
  },
  {
    step: '7 before 9',
    what: 'a CRYCB without APXA, an APQN it has no bit for, and no hook',
    guest1: { facilities: [12, 15, 65] },
    arrange: (bench) => bench.machine.detach('Guest1'),
    registers: { gr0: FC_AQIC | 0x4004 },
    pgm: SPECIFICATION,
  },
  { step: 'hook 1', what: 'ECA.AIV is off', guest1: { aiv: false }, pgm: OPERATION },
  {
    step: '8 before hook 1',
    what: 'facility 65 and AIV are off',
    arrange: both(without(FACILITY_AQIC), without(FACILITY_AIV)),
    pgm: SPECIFICATION,
  },
];

describe.each(PROFILES)('handle_pqap of profile %s', (kernel) => {
  it.each(ROWS)('step $step: $what', async (row) => {
    const bench = await open({
      kernel,
      ...(row.guest1 === undefined ? {} : { guest1: row.guest1 }),
    });
    const before = bench.held(APQN);
    row.arrange?.(bench);
    const ending = bench.pqap({ ...AQIC, ...row.registers });
    expect(ending.pgm).toBe(row.pgm);
    if (row.pgm === undefined) expect(ending.rc).toBe(0);
    else expect(bench.held(APQN)).toEqual(before);
  });

  it('step 9: the hook sets GR1 to the status, bits 0-31 zero, and CC 0 (old: unchanged)', async () => {
    const bench = await open({ kernel });
    bench.psw({ cc: 2 });
    const ending = bench.pqap(AQIC);
    expect(ending).toEqual({
      cc: keeps(kernel) ? 2 : 0,
      pgm: undefined,
      high: 0,
      low: 0x80000000,
      rc: 0,
    });
  });

  it('step 9: a response code of the hook is CC 3', async () => {
    const bench = await open({ kernel });
    expect(bench.pqap({ ...AQIC, gr2: 0 })).toMatchObject({ cc: 3, rc: 0x06, high: 0 });
  });

  it('step 10: without a hook RC 01 and CC 3; the status is in bits 32-63 only in the strict profile', async () => {
    const bench = await open({ kernel });
    bench.machine.detach('Guest1');
    const ending = bench.pqap(AQIC);
    const strict = kernel === 'strict';
    expect(ending).toEqual({
      cc: 3,
      pgm: undefined,
      high: strict ? 0 : 0x00010000,
      low: strict ? 0x00010000 : AQIC.gr1Low,
      rc: strict ? 1 : 0,
    });
    expect(bench.held(APQN)).toMatchObject({ pins: 0, alertMask: 0, isc: undefined });
  });
});

const keeps = (kernel: string): boolean => ['linux-6.1', 'v13', 'doc-v6'].includes(kernel);
