// SPDX-License-Identifier: Apache-2.0
// From a reply to the guest's interruption: GISA, alert list, delivery, TPI.
// Source: docs/reference/ap-architecture.md sections 6.7 and 6.8; docs/reference/vfio-ap.md section 5.5.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PSW_IO } from '../../native-like/arch/psw.ts';
import { GAL_ISC, GISA_NEXT_ALERT } from '../../native-like/arch/sie.ts';
import * as L from '../../native-like/machine/layout.ts';
import { alertPending, kickOne, pendingOrRestore, processAlerts } from '../../src/kvm/gib.ts';
import { clearPending, loadNewPsw, takePending } from '../../src/kvm/interruptions.ts';
import { registerIsc, unregisterIsc } from '../../src/kvm/isc.ts';
import { gisaAddress } from '../../src/kvm/virtual-machine.ts';
import { Bench } from './bench.ts';

const APQN = 0x0504;
const NIB = 0x2000;
const TPI = 0xb2360000 | 0;
const MS = 1_000_000;

let bench: Bench;
beforeEach(async () => {
  bench = await Bench.create();
});
afterEach(() => bench.close());

const raise = (guest: number, isc: number): void =>
  bench.machine.kernel.makePending(bench.image.gisa(guest), isc, bench.image.guest(guest));
const nextAlert = (guest: number): number =>
  new DataView(bench.image.u8.buffer).getInt32(bench.image.gisa(guest) + GISA_NEXT_ALERT);
const origin = (): number => bench.image.word(L.C_GIB);
const cr6 = (guest: string, vcpu: number, mask: number): void => {
  bench.image.i32[bench.block(guest, vcpu) + L.V_CR6] = (mask << 24) | 0;
};
const word = (address: number): number =>
  new DataView(
    bench.machine.guest('Guest1').storage.buffer,
    bench.machine.guest('Guest1').storage.byteOffset,
  ).getUint32(address);

describe('registration of guest sub-classes (6.7)', () => {
  it('counts, arms the alert with the first and ends it with the last', () => {
    expect(registerIsc(bench.image, 1, 3)).toBe(GAL_ISC);
    expect(registerIsc(bench.image, 1, 3)).toBe(GAL_ISC);
    expect(bench.gisa()).toEqual({ ipm: 0, iam: 0x10 });
    expect(unregisterIsc(bench.image, 1, 3)).toBe(0);
    expect(bench.gisa().iam).toBe(0x10);
    expect(unregisterIsc(bench.image, 1, 3)).toBe(0);
    expect(bench.gisa().iam).toBe(0);
    expect(unregisterIsc(bench.image, 1, 3)).toBe(-22);
  });

  it('refuses sub-classes above 7 with ERANGE and a guest without GISA with ENODEV', () => {
    expect(registerIsc(bench.image, 1, 8)).toBe(-34);
    expect(unregisterIsc(bench.image, 1, 8)).toBe(-34);
    bench.image.i32[bench.image.guest(1) + L.G_GISA_FORMAT] = -1;
    expect(registerIsc(bench.image, 1, 3)).toBe(-19);
    expect(unregisterIsc(bench.image, 1, 3)).toBe(-19);
  });

  it('leaves the IAM alone while the GISA is on the alert list', () => {
    registerIsc(bench.image, 1, 3);
    raise(1, 3);
    registerIsc(bench.image, 1, 4);
    expect(bench.gisa().iam).toBe(0);
    clearPending(bench.image, 1, 3);
    bench.machine.alerts.poll();
    expect(bench.gisa().iam).toBe(0x18);
  });
});

describe('the alert list of the GIB (6.7, AD-34)', () => {
  beforeEach(() => {
    registerIsc(bench.image, 1, 3);
    registerIsc(bench.image, 2, 3);
  });

  it('the first GISA on it interrupts the host; IAM is cleared as a whole, IPM stays', () => {
    raise(1, 3);
    expect(origin()).toBe(gisaAddress(1));
    expect(nextAlert(1)).toBe(0);
    expect(bench.gisa()).toEqual({ ipm: 0x10, iam: 0 });
    expect(alertPending(bench.image)).toBe(true);
  });

  it('a second one goes to the head and interrupts nobody', () => {
    raise(1, 3);
    bench.image.i32[L.C_GIB + L.GIB_HOST_PENDING] = 0;
    raise(2, 3);
    expect(origin()).toBe(gisaAddress(2));
    expect(nextAlert(2)).toBe(gisaAddress(1));
    expect(alertPending(bench.image)).toBe(false);
  });

  it('a GISA on the list is not added again', () => {
    raise(1, 3);
    bench.image.u8[bench.image.gisa(1) + 7] = 0x10; // as if it had been armed meanwhile
    raise(1, 3);
    expect(nextAlert(1)).toBe(0);
    expect(processAlerts(bench.image, () => {})).toBe(1);
  });

  it('a sub-class that does not alert only becomes pending', () => {
    raise(1, 4);
    expect(bench.gisa()).toEqual({ ipm: 0x08, iam: 0x10 });
    expect(origin()).toBe(0);
  });

  it('the host takes it by storing NONE, restores next_alert, and stores NULL at the end', () => {
    raise(1, 3);
    raise(2, 3);
    const seen: [number, number][] = [];
    expect(processAlerts(bench.image, (guest) => seen.push([guest, origin()]))).toBe(2);
    expect(seen).toEqual([
      [2, 1],
      [1, 1],
    ]);
    expect([origin(), nextAlert(1), nextAlert(2)]).toEqual([0, gisaAddress(1), gisaAddress(2)]);
    expect(alertPending(bench.image)).toBe(false);
  });

  it('what comes while the host is at work is taken in the next round, without an interruption', () => {
    raise(1, 3);
    const seen: number[] = [];
    processAlerts(bench.image, (guest) => {
      seen.push(guest);
      if (guest === 1) raise(2, 3);
    });
    expect(seen).toEqual([1, 2]);
    expect([origin(), nextAlert(2)]).toEqual([0, gisaAddress(2)]);
    expect(alertPending(bench.image)).toBe(false);
  });

  it('IAM is put back only when nothing is pending', () => {
    raise(1, 3);
    processAlerts(bench.image, () => {});
    expect(pendingOrRestore(bench.image, 1)).toBe(0x10);
    expect(bench.gisa().iam).toBe(0);
    takePending(bench.image, 1, 0xff);
    expect(pendingOrRestore(bench.image, 1)).toBe(0);
    expect(bench.gisa()).toEqual({ ipm: 0, iam: 0x10 });
  });

  it('the machine does all this by itself: alert, delivery, alert again', () => {
    for (let round = 0; round < 3; round++) {
      raise(1, 3);
      bench.machine.alerts.poll();
      expect(bench.machine.alerts.active).toEqual([1]);
      expect(bench.machine.guest('Guest1').cpu(0).takeInterruption()).toBe(3);
      bench.machine.alerts.poll();
      expect(bench.gisa()).toEqual({ ipm: 0, iam: 0x10 });
      expect([bench.machine.alerts.active, origin()]).toEqual([[], 0]);
    }
  });

  it.each([
    ['the first that is enabled', [0xff, 0xff], [true, true], [0, 0], 0],
    ['not one with I/O off in its PSW', [0xff, 0xff], [false, true], [0, 0], 1],
    ['not one whose CR6 has the sub-class off', [0xef, 0x10], [true, true], [0, 0], -1],
    ['narrowed down only by CR6 of vCPUs it looked at', [0x1f, 0x10], [false, true], [0, 0], 1],
    ['not one inside interpretive execution', [0xff, 0xff], [true, true], [1, 0], 1],
    ['nobody when all are busy', [0xff, 0xff], [true, true], [1, 1], -1],
  ])('kicks one idle vCPU: %s', (_what, masks, io, inSie, expected) => {
    for (const n of [0, 1]) {
      cr6('Guest1', n, masks[n]);
      const at = bench.block('Guest1', n);
      bench.image.i32[at] = io[n] ? bench.image.word(at) | PSW_IO : bench.image.word(at) & ~PSW_IO;
      bench.image.i32[bench.image.runner(at)] = n + 1;
      bench.image.i32[bench.image.thread(n) + L.T_IN_SIE] = inSie[n] === 1 ? at : 0;
    }
    expect(kickOne(bench.image, 1, 0x10)).toBe(expected);
  });
});

describe('delivery (6.8)', () => {
  it('a reply sets the NIB and the IPM bit; the interruption carries its word and the lowcore fields', () => {
    const guest = bench.machine.guest('Guest1');
    bench.enable(APQN, 6, NIB);
    bench.machine.advance(MS);
    guest.cpu(0).nqap(APQN, { psmid: 1n, message: new Uint8Array(16) });
    expect([guest.storage[NIB], bench.gisa().ipm]).toEqual([1, 0x02]);
    guest.storage.fill(0xee, 0xb8, 0xc4);
    guest.cpu(0).setRegister(0, 0n);
    bench.image.i32[bench.block() + L.V_PSW_ADDRESS_LOW] = 0x1234;
    const psw = Array.from({ length: 4 }, (_, n) => bench.image.word(bench.block() + n) >>> 0);
    expect(guest.cpu(0).cpu.takeInterruption()).toBe(0xb0000000);
    expect([word(0xb8), word(0xbc), word(0xc0)]).toEqual([0, 0, 0xb0000000]);
    expect([0, 4, 8, 12].map((n) => word(0x170 + n))).toEqual(psw);
    expect(bench.gisa().ipm).toBe(0);
    expect(guest.cpu(0).takeInterruption()).toBeUndefined();
  });

  it('the new PSW is loaded from 1F0', () => {
    const view = new DataView(
      bench.machine.guest('Guest1').storage.buffer,
      bench.machine.guest('Guest1').storage.byteOffset,
    );
    for (const [n, value] of [1, 2, 3, 0x5000].entries()) view.setUint32(0x1f0 + 4 * n, value);
    loadNewPsw(bench.image, bench.block());
    expect([0, 1, 2, 3].map((n) => bench.image.word(bench.block() + n))).toEqual([1, 2, 3, 0x5000]);
  });

  it('lower sub-classes come first', () => {
    for (const isc of [7, 0, 3, 5]) raise(1, isc);
    const order = [];
    for (let isc = bench.machine.guest('Guest1').cpu(0).takeInterruption(); isc !== undefined; ) {
      order.push(isc);
      isc = bench.machine.guest('Guest1').cpu(0).takeInterruption();
    }
    expect(order).toEqual([0, 3, 5, 7]);
  });

  it.each(Array.from({ length: 8 }, (_, isc) => isc))(
    'sub-class %i needs its own bit of CR6',
    (isc) => {
      raise(1, isc);
      cr6('Guest1', 0, 0xff & ~(0x80 >> isc));
      expect(bench.machine.guest('Guest1').cpu(0).takeInterruption()).toBeUndefined();
      expect(bench.gisa().ipm).toBe(0x80 >> isc);
      cr6('Guest1', 0, 0x80 >> isc);
      expect(bench.machine.guest('Guest1').cpu(0).takeInterruption()).toBe(isc);
    },
  );

  it('PSW bit 6 holds all back; another vCPU that is enabled takes it, once', () => {
    raise(1, 6);
    bench.psw({ io: false });
    expect(bench.machine.guest('Guest1').cpu(0).takeInterruption()).toBeUndefined();
    expect(bench.machine.guest('Guest1').cpu(1).takeInterruption()).toBe(6);
    bench.psw({ io: true });
    expect(bench.machine.guest('Guest1').cpu(0).takeInterruption()).toBeUndefined();
  });

  it('another guest takes nothing of it', () => {
    raise(1, 6);
    expect(bench.machine.guest('Guest2').cpu(0).takeInterruption()).toBeUndefined();
  });
});

describe('TPI (6.8)', () => {
  const tpi = (operand = 0) =>
    bench.machine
      .guest('Guest1')
      .cpu(0)
      .execute(TPI | operand);

  it('CC 0 when nothing is pending, nothing stored', () => {
    bench.machine.guest('Guest1').storage.fill(0xee, 0xb8, 0xc4);
    expect(tpi().cc).toBe(0);
    expect(word(0xc0)).toBe(0xeeeeeeee);
  });

  it('address 0: CC 1 and three words in the lowcore; the interruption is taken', () => {
    raise(1, 6);
    bench.machine.guest('Guest1').storage.fill(0xee, 0xb8, 0xc8);
    expect(tpi().cc).toBe(1);
    expect([word(0xb8), word(0xbc), word(0xc0), word(0xc4)]).toEqual([
      0, 0, 0xb0000000, 0xeeeeeeee,
    ]);
    expect(bench.gisa().ipm).toBe(0);
    expect(tpi().cc).toBe(0);
  });

  it('another address: two words there', () => {
    raise(1, 6);
    bench.machine.guest('Guest1').storage.fill(0xee, 0x1000, 0x1010);
    bench.machine.guest('Guest1').cpu(0).setRegister(3, 0x0ff8n);
    expect(tpi(0x3008).cc).toBe(1);
    expect([word(0x1000), word(0x1004), word(0x1008)]).toEqual([0, 0, 0xeeeeeeee]);
  });

  it('looks at CR6, not at the PSW', () => {
    raise(1, 6);
    bench.psw({ io: false });
    cr6('Guest1', 0, 0xfd);
    expect(tpi().cc).toBe(0);
    cr6('Guest1', 0, 0x02);
    expect(tpi().cc).toBe(1);
  });

  it.each([1, 2, 3, 0xffd])(
    'operand %i is no word boundary: specification, still pending',
    (operand) => {
      raise(1, 6);
      expect(tpi(operand).programInterruption).toBe(6);
      expect(bench.gisa().ipm).toBe(0x02);
    },
  );

  it('problem state: privileged operation, before alignment', () => {
    raise(1, 6);
    bench.psw({ problem: true });
    expect(tpi(1).programInterruption).toBe(2);
    expect(bench.gisa().ipm).toBe(0x02);
  });

  it.each([0x40000n, 0x3fffcn, 1n << 40n])(
    'a store at %i fails: addressing, put back',
    (address) => {
      raise(1, 6);
      bench.machine.guest('Guest1').cpu(0).setRegister(3, address);
      expect(tpi(0x3000).programInterruption).toBe(5);
      expect(bench.gisa().ipm).toBe(0x02);
    },
  );

  it('the host has none here: operation exception', () => {
    expect(bench.machine.hostCpu.execute(TPI)).toBe(1);
    expect(bench.machine.hostCpu.programInterruption()).toBe(1);
  });
});
