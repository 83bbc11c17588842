import { it } from 'vitest';
import { reportOf, virtualLockstep } from '../model/virtual/lockstep.ts';
import { VirtualModel } from '../model/virtual/machine.ts';
import { createVirtualMachine } from './machine-under-test.ts';
it('x', async () => {
  let bad = 0;
  const from = Number(process.env.FROM ?? 1), n = Number(process.env.N ?? 40);
  let total = 0;
  for (let seed = from; seed < from + n; seed++) {
    try {
    const found = await virtualLockstep({ seed, operations: 600, subject: createVirtualMachine, model: (p, q) => new VirtualModel(p, q) });
    total += found.instructions;
    if (found.difference && bad++ < Number(process.env.SHOW ?? 6)) console.log(reportOf(seed, found.difference), process.env.P ? JSON.stringify(found.preset) : '');
    } catch (e) { if (bad++ < 6) console.log(seed, e); }
  }
  console.log('bad', bad, 'of', n, total);
}, 600000);
