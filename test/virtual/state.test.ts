// SPDX-License-Identifier: Apache-2.0
// Machines with virtual mdevs as data: a checkpoint and a saved file go on as the machine itself would have.
import { describe, expect, it } from 'vitest';
import {
  createMachine,
  type Machine,
  restoreMachine,
  saveMachine,
  takeCheckpoint,
} from '../../src/index.ts';
import { MATRIX, read, SHARED, UUIDS } from './machines.ts';

const BEFORE = `apemu-program 1
A.0: aqic 01.0000 ir=1 isc=3 nib=0x2000
clock: run
A.0: nqap 01.0000 psmid=1 addr=0x4000 len=64
A.0: nqap 01.0000 psmid=2 addr=0x4000 len=64
B.0: nqap 02.0009 psmid=3 addr=0x4000 len=64
B.0: nqap 02.0009 psmid=4 addr=0x4000 len=64
clock: advance 500us
`;
const AFTER = `apemu-program 1
clock: advance 700us
A.0: io
A.0: dqap 01.0000 addr=0x8000 len=100
B.0: dqap 02.0009 addr=0x8000 len=100
sysfs: echo 1:5 > ${MATRIX}/${UUIDS[0]}/unassign_adapter
A.0: nqap 01.0000 psmid=5 addr=0x4000 len=64
lpar: checkstop 3
clock: run
A.0: dqap 01.0000 addr=0x8000 len=100
A.0: dqap 01.0000 addr=0x8000 len=100
B.0: dqap 02.0009 addr=0x8000 len=100
A.0: tapq 01.0000 t=1
sysfs: cat /sys/bus/ap/devices/card05/request_count
sysfs: cat /sys/bus/ap/devices/05.0004/pendingq_count
sysfs: cat ${MATRIX}/${UUIDS[0]}/map
sysfs: detach B
B.0: tapq 02.0009
sysfs: attach B
B.0: tapq 02.0009
`;
const recordsOf = (machine: Machine): string => JSON.stringify(machine.exec(AFTER).records);

describe('a machine with virtual mdevs', () => {
  it('goes on from a checkpoint as it did, the map included', async () => {
    const machine = await createMachine(SHARED);
    machine.exec(BEFORE);
    const checkpoint = takeCheckpoint(machine);
    const map = read(machine, `${MATRIX}/${UUIDS[0]}/map`);
    const first = recordsOf(machine);
    for (let again = 0; again < 3; again++) {
      checkpoint.restore();
      expect(read(machine, `${MATRIX}/${UUIDS[0]}/map`)).toBe(map);
      expect(recordsOf(machine)).toBe(first);
    }
    machine.close();
  });

  it('goes on from a saved file as it would have', async () => {
    const machine = await createMachine(SHARED);
    machine.exec(BEFORE);
    const saved = saveMachine(machine);
    const wanted = recordsOf(machine);
    machine.close();
    const restored = await restoreMachine(saved);
    expect(recordsOf(restored)).toBe(wanted);
    restored.close();
  });
});
