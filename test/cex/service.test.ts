// SPDX-License-Identifier: Apache-2.0
// Service times, engines, the support matrix and workloads.
// Source: docs/reference/messages.md 7.2, 4.2, 4.3.
import { describe, expect, it } from 'vitest';
import { clearKeyCache } from '../../src/cex/key-cache.ts';
import { buildCrt, buildRng } from '../../src/cex/messages/build.ts';
import {
  canRun,
  checkReply,
  createWorkload,
  WORKLOAD_NAMES,
  type WorkloadMode,
} from '../../src/cex/messages/workloads.ts';
import { requestFunction } from '../../src/cex/request-function.ts';
import {
  ENGINES,
  newEngines,
  requestServiceNs,
  schedule,
  serviceTimeNs,
} from '../../src/cex/service-time.ts';
import { FUNCTIONS, supportTable } from '../../src/cex/support.ts';
import { ask, card, hex, rsaKey, Seeded } from './helpers.ts';

describe('service times', () => {
  it.each([
    [10, 'accelerator', 'CRB2', 0, 228],
    [11, 'accelerator', 'MEB3', 0, 20],
    [14, 'accelerator', 'CRB3', 0, 362],
    [12, 'cca', 'PD', 256, 77],
    [12, 'cca', 'PD', 257, 455],
    [13, 'cca', 'PK', 128, 14],
    [14, 'cca', 'RL', 0, 23],
    [14, 'cca', 'FQ', 0, 80],
    [14, 'cca', 'GK', 0, 800],
    [14, 'cca', 'KG', 0, 4000],
    [11, 'ep11', '38', 0, 100],
    [11, 'ep11', '21', 0, 5000],
    [11, 'ep11', '5', 0, 1000],
    [14, 'loopback', 'loopback', 0, 0],
  ] as const)('type %i %s %s with %i bytes is 8 x %i us', (type, mode, name, size, rating) => {
    expect(serviceTimeNs(type, mode, name, size)).toBe(8 * 1000 * rating);
  });

  it('a saturated card finishes one operation per rating: CEX4A CRT 2K 4386/s', () => {
    const engines = newEngines();
    const each = serviceTimeNs(10, 'accelerator', 'CRB2', 256);
    let last = 0;
    for (let i = 0; i < 4386; i++) last = schedule(engines, 0, each);
    expect(last / 1e9).toBeCloseTo(1, 2);
  });

  it('profiles: instant is 0, fixed is fixed, rated reads the request, lognormal has its median at zero', () => {
    const rl = buildRng({ domain: 4 });
    const at = (profile: Parameters<typeof requestServiceNs>[3], random?: Uint8Array): number =>
      requestServiceNs(14, 'cca', rl, profile, random);
    expect(at({ kind: 'instant' })).toBe(0);
    expect(at({ kind: 'fixed', ns: 5 })).toBe(5);
    expect(at({ kind: 'rated' })).toBe(184_000);
    expect(at({ kind: 'lognormal', medianNs: 1000, sigma: 1 })).toBe(1000);
    const drawn = Array.from({ length: 2001 }, (_, i) =>
      at({ kind: 'lognormal', medianNs: 1000, sigma: 0.5 }, new Seeded(i + 1).bytes(8)),
    ).sort((a, b) => a - b);
    expect(drawn[1000]).toBeGreaterThan(900);
    expect(drawn[1000]).toBeLessThan(1100);
  });

  it('rated CCA RSA reads the operand size', () => {
    const key = rsaKey(1024);
    const x = new Uint8Array(128);
    const request = buildCrt({ mode: 'cca', input: x, key, domain: 4 });
    expect(requestServiceNs(14, 'cca', request, { kind: 'rated' })).toBe(8000 * 23);
  });
});

describe('engines', () => {
  it('work in parallel, then queue behind the first that is free', () => {
    const engines = newEngines(2);
    expect([100, 50, 10, 10].map((t) => schedule(engines, 0, t))).toEqual([100, 50, 60, 70]);
    expect(schedule(engines, 1000, 5)).toBe(1005);
  });
  it('are 8 a card', () => {
    expect(newEngines().length).toBe(ENGINES);
  });
});

describe('the support matrix', () => {
  it('gives a reason for every function that is not full, and none twice', () => {
    for (const rows of Object.values(FUNCTIONS)) {
      expect(rows.filter((r) => r.support !== 'full' && !r.reason)).toEqual([]);
      expect(new Set(rows.map((r) => r.code)).size).toBe(rows.length);
    }
  });
  it('has every function of sections 4.2 and 4.3', () => {
    const codes = FUNCTIONS.cca.map((r) => r.code);
    for (const code of 'PK PD RL FQ KG CM US GK IP AU DH SG SV PG'.split(' ')) {
      expect(codes).toContain(code);
    }
    expect(FUNCTIONS.ep11.map((r) => Number(r.code))).toEqual(
      Array.from({ length: 44 }, (_, i) => i + 1),
    );
  });
  it('prints as a table with one line a row', () => {
    const rows = Object.values(FUNCTIONS).reduce((sum, r) => sum + r.length, 0);
    expect(supportTable().trimEnd().split('\n').length).toBe(rows + 2);
  });
});

describe('workloads', () => {
  const modes: readonly WorkloadMode[] = ['accelerator', 'cca', 'ep11'];
  const pairs = WORKLOAD_NAMES.flatMap((name) => modes.map((mode) => [name, mode] as const));
  it.each(pairs.filter(([name, mode]) => canRun(name, mode)))(
    '%s on %s: every reply is right, the same seed gives the same messages',
    (name, mode) => {
      clearKeyCache();
      const make = () => createWorkload(name, { mode, domain: 4, random: new Seeded(11).fill });
      const one = make();
      const two = make();
      for (let i = 0; i < 40; i++) {
        const job = one.next();
        expect(hex(two.next().request)).toBe(hex(job.request));
        const reply = ask(card(mode), job.request);
        expect(checkReply(job, reply)).toBeUndefined();
        expect(requestFunction(mode, job.request)).toMatch(/^(MEB|CRB)\d$|^P[KD]$|^RL$|^FQ$|^38$/);
      }
    },
  );

  it.each(pairs.filter(([name, mode]) => !canRun(name, mode)))(
    '%s on %s is refused',
    (name, mode) => {
      expect(() => createWorkload(name, { mode, domain: 4, random: new Seeded(1).fill })).toThrow(
        expect.objectContaining({ code: 'APEMU_ERR_WORKLOAD_MODE' }),
      );
    },
  );

  it('the checker notices one wrong bit, error replies and codes, and never shows message bytes', () => {
    const w = createWorkload('rsa-2048-crt', {
      mode: 'cca',
      domain: 4,
      random: new Seeded(2).fill,
    });
    const job = w.next();
    const reply = ask(card('cca'), job.request);
    reply[300] ^= 1;
    expect(checkReply(job, reply)).toBe('the RSA result is wrong');
    const inject = { kind: 'code', code: 0x10 } as const;
    expect(checkReply(job, ask(card('cca'), job.request, { inject }))).toBe('error reply 82/10');
    const rc = { kind: 'cca', rc: 8, rs: 66 } as const;
    expect(checkReply(job, ask(card('cca'), job.request, { inject: rc }))).toBe('CCA rc/rs 8/66');
    expect(checkReply(job, new Uint8Array(3))).toContain('shorter than 8');
  });
});
