// SPDX-License-Identifier: Apache-2.0
// Nested guests: the shadow CRYCB row by row, and instructions executed through it.
// Source: docs/reference/ap-architecture.md section 6.6, AD-38; docs/reference/vfio-ap.md VD-23.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FACILITY_APXA } from '../../native-like/arch/facilities.ts';
import {
  CRYCB_FORMAT_0,
  CRYCB_FORMAT_1,
  CRYCB_FORMAT_2,
  ECA_APIE,
} from '../../native-like/arch/sie.ts';
import { idsOf, maskOf } from '../../native-like/blocks/block.ts';
import { readApcb, writeApcb } from '../../native-like/blocks/crycb.ts';
import { deriveEffectiveMasks } from '../../native-like/machine/guest-setup.ts';
import * as L from '../../native-like/machine/layout.ts';
import { EXECUTE_COMPLETED, EXECUTE_INTERCEPT } from '../../native-like/machine/outcome.ts';
import { createMachine, type Machine } from '../../src/index.ts';
import type { NestedGuest } from '../../src/kvm/nested.ts';
import { type ShadowInput, shadowCrycb } from '../../src/kvm/shadow-crycb.ts';
import { configuration } from './bench.ts';

const F0 = CRYCB_FORMAT_0;
const F1 = CRYCB_FORMAT_1;
const F2 = CRYCB_FORMAT_2;
const UNDEFINED_FORMAT = 2;
const AT = 0x2000;
const UNREADABLE = (): undefined => undefined;

/** A CRYCB whose two APCBs name these numbers, with a wrapping key of one value. */
const crycb = (apm: number[], aqm: number[], adm: number[], key = 0): Uint8Array => {
  const bytes = new Uint8Array(256);
  for (const apcb of [0, 1] as const)
    writeApcb(bytes, apcb, { apm: maskOf(apm), aqm: maskOf(aqm), adm: maskOf(adm) });
  bytes.fill(key, 0x48, 0x80);
  bytes.fill(0xff, 0xe0, 0x100); // reserved bytes of APCB1: part of the AND
  return bytes;
};

const INNER = crycb([1, 5, 70], [4, 0x47], [4, 9], 0x3c);
const OUTER = crycb([5, 6, 70], [4, 5, 0x47], [4, 9, 0x47], 0x55);

const input = (
  over: Partial<ShadowInput> & { inner?: number; outer?: number; at?: number },
): ShadowInput => {
  const at = over.at ?? AT;
  return {
    innerCrycbd: at | (over.inner ?? F2),
    apie: true,
    wrapping: false,
    msax3: true,
    read: (address: number, bytes: number) => INNER.slice(address - at, address - at + bytes),
    outerFormat: over.outer ?? F2,
    outerCrycb: OUTER,
    ...over,
  };
};
const masks = (bytes: Uint8Array, apcb: 0 | 1) => {
  const { apm, aqm, adm } = readApcb(bytes, apcb);
  return [apm, aqm, adm].map((mask) => idsOf(mask));
};
const NOTHING = [[], [], []];

describe('shadow CRYCB (6.6)', () => {
  it.each([
    ['APIE off, no STFLE 76', { apie: false, msax3: false }, 0],
    ['APIE off, inner format 0', { apie: false, inner: F0 }, 0],
    ['APIE off, STFLE 76 and inner format 1', { apie: false, inner: F1 }, F2],
    ['APIE off, STFLE 76 and inner format 2', { apie: false, inner: F2 }, F2],
  ])('%s: designation %i, no masks', (_what, over, format) => {
    const result = shadowCrycb(input(over));
    if (result.validity !== undefined) throw new Error('validity');
    expect(result.format).toBe(format);
    expect([masks(result.crycb, 0), masks(result.crycb, 1)]).toEqual([NOTHING, NOTHING]);
  });

  it.each([
    ['address 0', { innerCrycbd: F2 }, 0x39],
    ['address 0, APIE off', { innerCrycbd: F2, apie: false }, 0x39],
    ['format 1 that ends at a page end', { inner: F1, at: 0x2f80 }, 0x3c],
    ['format 1 that ends at a page end, APIE off', { inner: F1, at: 0x2f80, apie: false }, 0x3c],
    ['format 2 that ends at a page end', { inner: F2, at: 0x2f00 }, 0x3c],
    ['format 0 that ends at a page end', { inner: F0, at: 0x2fe0 }, 0x3c],
    ['inner format 2, outer 1', { inner: F2, outer: F1 }, 0x22],
    ['inner format 2, outer 0', { inner: F2, outer: F0 }, 0x22],
    ['inner format 1, outer 0', { inner: F1, outer: F0 }, 0x22],
    ['undefined inner format, outer 2', { inner: UNDEFINED_FORMAT }, 0x22],
    ['undefined inner format, outer 0', { inner: UNDEFINED_FORMAT, outer: F0 }, 0x22],
    ['inner format 2 crosses a page, outer 1', { inner: F2, outer: F1, at: 0x2f80 }, 0x3c],
    ['APCB1 not readable', { inner: F2, read: UNREADABLE }, 0x35],
    ['APCB0 not readable', { inner: F0, outer: F0, read: UNREADABLE }, 0x35],
    ['APCB0 not readable for APCB1', { inner: F1, read: UNREADABLE }, 0x35],
    ['keys not readable', { apie: false, wrapping: true, read: UNREADABLE }, 0x35],
  ])('%s: validity interception %i', (_what, over, validity) => {
    expect(shadowCrycb(input(over))).toEqual({ validity });
  });

  it.each([
    ['format 1 a doubleword before', { inner: F1, at: 0x2f78 }],
    ['format 2 a doubleword before', { inner: F2, at: 0x2ef8 }],
    ['format 0 a doubleword before', { inner: F0, at: 0x2fd8 }],
    ['format 2 at a page end with APIE off', { inner: F2, at: 0x2f00, apie: false }],
  ])('%s: no interception', (_what, over) => {
    expect(shadowCrycb(input(over)).validity).toBeUndefined();
  });

  it.each([
    [
      '2, outer 2',
      F2,
      F2,
      NOTHING,
      [
        [5, 70],
        [4, 0x47],
        [4, 9],
      ],
    ],
    ['1, outer 2', F1, F2, NOTHING, [[5], [4], [4, 9]]],
    ['0, outer 2', F0, F2, NOTHING, [[5], [4], [4, 9]]],
    ['1, outer 1', F1, F1, [[5], [4], [4, 9]], NOTHING],
    ['0, outer 1', F0, F1, [[5], [4], [4, 9]], NOTHING],
    ['0, outer 0', F0, F0, [[5], [4], [4, 9]], NOTHING],
  ])(
    'inner format %s: AND of both levels, marked format 2',
    (_what, inner, outer, apcb0, apcb1) => {
      const result = shadowCrycb(input({ inner, outer }));
      if (result.validity !== undefined) throw new Error('validity');
      expect([masks(result.crycb, 0), masks(result.crycb, 1)]).toEqual([apcb0, apcb1]);
      expect(result.format).toBe(F2);
    },
  );

  it('format 2 takes all 128 bytes, the reserved ones too', () => {
    const result = shadowCrycb(input({}));
    if (result.validity !== undefined) throw new Error('validity');
    expect([...result.crycb.subarray(0xe0)]).toEqual(new Array(32).fill(0xff));
  });

  it('domains above 15 never come out of APCB0, whatever its unused bytes say', () => {
    const result = shadowCrycb(
      input({ inner: F1, read: (_address, bytes) => new Uint8Array(bytes).fill(0xff) }),
    );
    if (result.validity !== undefined) throw new Error('validity');
    expect(masks(result.crycb, 1)).toEqual([
      [5, 6],
      [4, 5],
      [4, 9],
    ]);
  });

  it('wrapping keys are the XOR of both levels, only when both have key wrapping', () => {
    const [on, off] = [true, false].map((wrapping) => shadowCrycb(input({ wrapping })));
    if (on?.validity !== undefined || off?.validity !== undefined) throw new Error('validity');
    expect([...(on as { crycb: Uint8Array }).crycb.subarray(0x48, 0x80)]).toEqual(
      new Array(56).fill(0x69),
    );
    expect([...(off as { crycb: Uint8Array }).crycb.subarray(0x48, 0x80)]).toEqual(
      new Array(56).fill(0),
    );
  });
});

describe('a guest of a guest executes through its shadow CRYCB (VD-23)', () => {
  const PQAP = 0xb2af0000 | 0;
  const NQAP = 0xb2ad0046 | 0;
  const DQAP = 0xb2ae0046 | 0;
  let machine: Machine;
  let nested: NestedGuest;
  const block = (): number => machine.image.vcpu(nested.number, 0);
  const set = (n: number, low: number): void => {
    machine.image.i32[block() + L.V_GR + 2 * n] = 0;
    machine.image.i32[block() + L.V_GR + 2 * n + 1] = low;
  };
  const rc = (): number => (machine.image.word(block() + L.V_GR + 3) >>> 16) & 0xff;
  const tapq = (apqn: number): number => {
    set(0, apqn);
    expect(nested.execute(0, PQAP)).toBe(EXECUTE_COMPLETED);
    return rc();
  };
  const put = (bytes: Uint8Array, at = AT): void => machine.guest('Guest1').storage.set(bytes, at);
  const enter = (over: Partial<Parameters<NestedGuest['enter']>[0]> = {}) =>
    nested.enter({
      crycbd: AT | F2,
      eca: ECA_APIE,
      storage: { address: 0x10000, bytes: 0x10000 },
      ...over,
    });
  const unassign = (file: string, number: string): string => {
    const { uuid } = machine.guest('Guest1');
    return machine.write(`/sys/devices/vfio_ap/matrix/${uuid}/${file}`, number);
  };

  beforeEach(async () => {
    machine = await createMachine(configuration({}), { nested: 1 });
    nested = machine.nest('Guest1');
    put(crycb([5, 6], [4], [4]));
  });
  afterEach(() => machine.close());

  it('reaches what both levels have: RC 00, else RC 01', () => {
    expect(enter()).toBeUndefined();
    expect(tapq(0x0504)).toBe(0);
    expect(tapq(0x0547)).toBe(1); // the outer guest has it, the inner has not
    expect(tapq(0x0604)).toBe(1); // the inner has it, the outer has not
  });

  it('exchanges a message in its own storage', () => {
    enter();
    const storage = machine.guest('Guest1').storage.subarray(0x10000, 0x20000);
    storage.fill(0xa5, 0x1000, 0x1040);
    for (const [n, value] of [0x2a000504, 0, 0, 0, 1, 2, 0x1000, 0x40].entries()) set(n, value);
    set(0, 0x40000504);
    expect(nested.execute(0, NQAP)).toBe(EXECUTE_COMPLETED);
    expect(rc()).toBe(0);
    set(0, 0x80000504 | 0);
    for (const [n, value] of [0, 0, 0x2000, 0x1000].entries()) set(n + 4, value);
    expect(nested.execute(0, DQAP)).toBe(EXECUTE_COMPLETED);
    expect(rc()).toBe(0);
    expect([...storage.subarray(0x2000, 0x2040)]).toEqual(new Array(64).fill(0xa5));
  });

  it("a mask change of the outer guest rebuilds the shadow at once; the hypervisor's own edit waits for the next entry", () => {
    enter();
    expect(nested.built).toBe(1);
    expect(unassign('unassign_domain', '4')).toBe('ok');
    expect(nested.built).toBe(2);
    expect(tapq(0x0504)).toBe(1);
    expect(unassign('assign_domain', '4')).toBe('ok');
    expect(tapq(0x0504)).toBe(0);
    put(crycb([5], [0x47], []));
    expect(tapq(0x0504)).toBe(0);
    enter();
    expect([tapq(0x0504), tapq(0x0547)]).toEqual([1, 0]);
  });

  it('a detach of the outer guest takes everything; a scan that removes the adapter too', () => {
    enter();
    machine.partition.removeAdapter(5);
    expect(tapq(0x0504)).toBe(1);
    machine.run();
    machine.detach('Guest1');
    expect(nested.validity).toBeUndefined();
    expect(tapq(0x0504)).toBe(1);
  });

  it('a rebuild that fails leaves it outside, without masks', () => {
    enter();
    put(new Uint8Array(256), AT);
    nested.enter({ crycbd: AT | F2, eca: ECA_APIE, storage: { address: 0, bytes: 0x1000 } });
    expect(enter({ crycbd: 0x2f00 | F2 })).toBe(0x3c);
    expect(() => nested.execute(0, PQAP)).toThrow(RangeError);
    expect(enter({ crycbd: 0x3ff00 | F1 })).toBeUndefined();
    expect(enter({ crycbd: 0x7ff00000 | F2 })).toBe(0x35);
  });

  it('AQIC goes to the hypervisor in the outer guest; without APIE every instruction does', () => {
    enter();
    set(0, (3 << 24) | 0x0504);
    expect(nested.execute(0, PQAP)).toBe(EXECUTE_INTERCEPT);
    enter({ eca: 0 });
    set(0, 0x0504);
    expect(nested.execute(0, PQAP)).toBe(EXECUTE_INTERCEPT);
  });

  it('an outer guest with format 0 fills APCB0 under format 2: read only without APXA (AD-38)', async () => {
    machine.close();
    machine = await createMachine(configuration({ guest1: { facilities: [12, 15, 65] } }), {
      nested: 1,
    });
    nested = machine.nest('Guest1');
    put(crycb([5], [4], [4]));
    expect(enter({ crycbd: AT | F0 })).toBeUndefined();
    expect(tapq(0x0504)).toBe(1);
    const host = machine.image.guest(0) + L.G_FACILITIES;
    machine.image.i32[host] = machine.image.word(host) & ~FACILITY_APXA;
    deriveEffectiveMasks(machine.image, nested.number);
    expect(tapq(0x0504)).toBe(0);
  });

  it('there are as many records as the machine was made with', () => {
    expect(() => machine.nest('Guest1')).toThrow(RangeError);
  });
});
