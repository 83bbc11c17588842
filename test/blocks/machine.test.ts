// SPDX-License-Identifier: Apache-2.0
// Control blocks of a running machine: the bytes in its image are the architected ones, and a state description carries what the
// image knows of a vCPU, there and back.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { QCI_FLAG_N, QCI_FLAG_S } from '../../native-like/arch/qci.ts';
import { ECA_AIV, ECA_APIE, ICPT_INST } from '../../native-like/arch/sie.ts';
import { emptyMask, idsOf, maskOf } from '../../native-like/blocks/block.ts';
import {
  crycbDesignation,
  crycbFormatOf,
  readCrycb,
  writeApcb,
} from '../../native-like/blocks/crycb.ts';
import { readGisa } from '../../native-like/blocks/gisa.ts';
import { produceQci, readQci } from '../../native-like/blocks/qci.ts';
import {
  applyStateDescription,
  produceStateDescription,
  readStateDescription,
  STATE_DESCRIPTION_LAYOUT,
  type StateDescription,
  stateDescriptionOf,
} from '../../native-like/blocks/state-description.ts';
import { statusWord } from '../../native-like/blocks/status-word.ts';
import { G_CRYCBD, V_EXIT, V_INSTRUCTION } from '../../native-like/machine/layout.ts';
import { EXECUTE_COMPLETED, EXECUTE_INTERCEPT } from '../../native-like/machine/outcome.ts';
import { completed, createMachine, type Machine } from '../../src/index.ts';
import { golden } from './support.ts';

const YAML = readFileSync(join(import.meta.dirname, '../../examples/two-guests.yaml'), 'utf8');
const machines: Machine[] = [];
const start = async (): Promise<Machine> => {
  const machine = await createMachine(YAML);
  machines.push(machine);
  return machine;
};
afterEach(() => {
  for (const machine of machines.splice(0)) machine.close();
});

/** A vCPU of guest 1 that was intercepted at PQAP(AQIC): every field is in it. */
const SD: StateDescription = {
  lctl: 0,
  eca: ECA_AIV | ECA_APIE,
  icptcode: ICPT_INST,
  ipa: 0xb2af,
  ipb: 0x00240000,
  ecb3: 0,
  gd: 0x1f001900,
  psw: [0x02000000, 0x80000000 | 0, 0, 0x1004],
  crycbd: 0x1f001803,
  cr6: 0x02000000,
  ecd: 0,
};
const BYTES = golden(512, {
  76: '00200008 04',
  86: 'b2af 00240000',
  112: '1f001900',
  144: '02000000 80000000 00000000 00001004',
  252: '1f001803',
  308: '02000000',
});

describe('state description', () => {
  it('is 512 bytes with the fields the AP facility uses', () => {
    expect(produceStateDescription(SD)).toEqual(BYTES);
    expect(readStateDescription(BYTES)).toEqual(SD);
    const offsets = STATE_DESCRIPTION_LAYOUT.map((row) => `${row.name} ${row.offset.toString(16)}`);
    expect(offsets.join(' ')).toBe(
      'lctl 44 ECA 4c icptcode 50 IPA 56 IPB 58 ECB3 63 gd 70 PSW 90 CRYCBD fc CR6 130 ECD 1c8',
    );
  });

  it('fields the image does not keep survive their bytes', () => {
    const whole = { ...SD, lctl: 0x0200, ecb3: 0x0c, ecd: 0x00200000 };
    expect(readStateDescription(produceStateDescription(whole))).toEqual(whole);
    expect(() => readStateDescription(new Uint8Array(256))).toThrow(RangeError);
  });

  it('carries the interception and what the image knows of the vCPU', async () => {
    const { image } = await start();
    const vcpu = image.vcpu(1, 0);
    image.i32[vcpu + V_EXIT] = ICPT_INST;
    image.i32[vcpu + V_INSTRUCTION] = 0xb2af0024 | 0;
    const sd = stateDescriptionOf(image, 1, 0, EXECUTE_INTERCEPT);
    expect(sd).toMatchObject({ icptcode: ICPT_INST, ipa: 0xb2af, ipb: 0x00240000 });
    expect(sd).toMatchObject({ eca: ECA_AIV | ECA_APIE, gd: 0x1f001901, crycbd: 0x1f001803 });
    expect(stateDescriptionOf(image, 1, 0, EXECUTE_COMPLETED)).toMatchObject({
      icptcode: 0,
      ipa: 0,
      ipb: 0,
    });
  });

  it('goes into the image and comes out the same', async () => {
    const { image } = await start();
    for (const gd of [0, 0x1f001900, 0x1f001901]) {
      applyStateDescription(image, 1, 1, { ...SD, gd });
      expect(stateDescriptionOf(image, 1, 1, EXECUTE_INTERCEPT)).toEqual({ ...SD, gd });
    }
  });

  it('without APIE: the guest has no AP instructions any more; with it, it has them again', async () => {
    const machine = await start();
    const cpu = machine.guest('Guest1').cpu(0);
    expect(cpu.tapq('05.0004').cc).toBe(0);
    const sd = stateDescriptionOf(machine.image, 1, 0, EXECUTE_COMPLETED);
    applyStateDescription(machine.image, 1, 0, { ...sd, eca: ECA_AIV });
    expect(cpu.tapq('05.0004').programInterruption).toBe(1);
    applyStateDescription(machine.image, 1, 0, { ...sd, eca: ECA_AIV | ECA_APIE });
    expect(cpu.tapq('05.0004').cc).toBe(0);
  });

  it('without CRYCB: the guest has no queue', async () => {
    const machine = await start();
    const sd = stateDescriptionOf(machine.image, 1, 0, EXECUTE_COMPLETED);
    applyStateDescription(machine.image, 1, 0, { ...sd, crycbd: 0 });
    expect(machine.guest('Guest1').cpu(0).tapq('05.0004')).toMatchObject({
      cc: 3,
      status: { rc: 1 },
    });
  });

  it('with the GISA of another guest it is refused', async () => {
    const { image } = await start();
    expect(() => applyStateDescription(image, 1, 0, { ...SD, gd: 0x1f002901 })).toThrow('1f002901');
  });
});

describe('control blocks of a machine', () => {
  it("a guest's CRYCB is the architected one: adapters and domains of its mdev in APCB1", async () => {
    const { image } = await start();
    const crycbd = image.word(image.guest(1) + G_CRYCBD);
    expect(crycbd).toBe(crycbDesignation(0x1f001800, 3));
    expect(crycbFormatOf(crycbd)?.apcb).toBe(1);
    const crycb = readCrycb(image.u8.slice(image.crycb(1), image.crycb(1) + 256));
    expect(idsOf(crycb.apcb1.apm)).toEqual([5, 6]);
    expect(idsOf(crycb.apcb1.aqm)).toEqual([0x04, 0xab]);
    expect(idsOf(crycb.apcb0.apm)).toEqual([]);
  });

  it('masks written as an APCB are the masks interpretive execution tests', async () => {
    const machine = await start();
    const { image } = machine;
    const at = image.crycb(1);
    const bytes = image.u8.slice(at, at + 256);
    writeApcb(bytes, 1, { apm: maskOf([6]), aqm: maskOf([0x47]), adm: emptyMask() });
    image.u8.set(bytes, at);
    applyStateDescription(image, 1, 0, stateDescriptionOf(image, 1, 0, EXECUTE_COMPLETED));
    const cpu = machine.guest('Guest1').cpu(0);
    expect(cpu.tapq('06.0047').cc).toBe(0);
    expect(completed(cpu.tapq('05.0004')).status.rc).toBe(1);
  });

  it('PQAP(QCI) stores the QCI block, reserved bytes zero', async () => {
    const machine = await start();
    const { block, cc } = completed(machine.guest('Guest1').cpu(0).qci());
    expect(cc).toBe(0);
    const qci = readQci(block);
    expect(idsOf(qci.apm)).toEqual([5, 6]);
    expect(idsOf(qci.aqm)).toEqual([0x04, 0xab]);
    expect(qci.flags & (QCI_FLAG_S | QCI_FLAG_N)).toBe(QCI_FLAG_S | QCI_FLAG_N);
    expect(produceQci(qci)).toEqual(block);
  });

  it("a guest's GISA is the architected one, not on the alert list", async () => {
    const { image } = await start();
    const gisa = readGisa(image.u8.slice(image.gisa(2), image.gisa(2) + 32), 1);
    expect(gisa).toMatchObject({ nextAlert: 0x1f002900, ipm: 0, g: false, c: false });
  });

  it('the status of an idle queue is the status word of an empty queue', async () => {
    const machine = await start();
    const { status } = completed(machine.guest('Guest1').cpu(0).tapq('06.00ab'));
    expect(
      statusWord({
        empty: status.queueEmpty,
        replies: status.repliesWaiting,
        full: status.queueFull,
        async: status.async,
        irq: status.irqEnabled,
        rc: status.rc,
      }) >>> 0,
    ).toBe(0x80000000);
  });
});
