// SPDX-License-Identifier: Apache-2.0
// Usage and control domains and special commands through a guest's NQAP: who may address what, on machines with and without RC8A.
// Source: docs/reference/ap-architecture.md AD-27, AD-28; docs/reference/messages.md 2.9, 2.13.

import { afterEach, describe, expect, it } from 'vitest';
import { buildQuery, buildRng } from '../../src/cex/messages/build.ts';
import { buildCca, parameterBlock } from '../../src/cex/messages/cca.ts';
import { buildEp11 } from '../../src/cex/messages/ep11.ts';
import { completed } from '../../src/host/api/results.ts';
import type { Machine } from '../../src/index.ts';
import { cardMachine, exchange } from './support.ts';

const none = new Uint8Array(0);
const admin = (domain: number): Uint8Array =>
  buildCca({ parameters: parameterBlock('AD', [], none, none), domain, functionId: 'T3' });
const ep11Admin = (domain: number): Uint8Array =>
  buildEp11({ functionId: 41, domain, body: [], flags: 0x80 });
const rng = (domain: number): Uint8Array => buildRng({ domain });
const query = (domain: number): Uint8Array => buildQuery({ mode: 'ep11', domain });

let machine: Machine;
afterEach(() => machine.close());

/** How a request of guest A ends: response code of NQAP, reply code, or return code of the card. */
const outcome = (apqn: string, message: Uint8Array, special = false): string => {
  const { rc, reply } = exchange(machine, 'A', apqn, message, { special });
  if (rc !== 0) return `rc ${rc.toString(16)}`;
  if (reply.kind === 'error') return `${reply.type.toString(16)}/${reply.code.toString(16)}`;
  if (reply.kind === 'cca') return `${reply.rc}/${reply.rs}`;
  return reply.kind === 'ep11' ? `rv ${reply.rv.toString(16)}` : reply.kind;
};

/** Guest A uses domain 4 and controls 7; the machine has 4 and 7 for use, 4, 7 and 9 to control. */
type Row = readonly [what: string, apqn: string, message: Uint8Array, old: string, rc8a: string];
const ROWS: readonly Row[] = [
  ['use of its own domain', '05.0004', rng(4), '0/0', '0/0'],
  ['use of a domain of nobody', '05.0004', rng(9), 'rc 42', '82/8a'],
  ['use of a domain of another guest that it controls', '05.0004', rng(7), '82/8a', '82/8a'],
  ['use of a domain that cannot exist', '05.0004', rng(0x1234), 'rc 42', '82/8a'],
  ['administration of a domain it controls', '05.0004', admin(7), '12/769', '12/769'],
  [
    'administration of its own domain, which it does not control',
    '05.0004',
    admin(4),
    '82/8a',
    '82/8a',
  ],
  ['administration of a domain only the host controls', '05.0004', admin(9), 'rc 42', '82/8a'],
  ['an EP11 query of its own domain', '07.0004', query(4), 'rv 0', 'rv 0'],
  ['an EP11 query of a foreign domain', '07.0004', query(9), 'rc 42', '82/8a'],
  [
    'EP11 administration of a domain it controls',
    '07.0004',
    ep11Admin(7),
    'rv 80010013',
    'rv 80010013',
  ],
  ['EP11 administration of a foreign domain', '07.0004', ep11Admin(9), 'rc 42', '82/8a'],
];

describe.each([
  ['z13', false],
  ['z14', false],
  ['z15', true],
  ['z16', true],
] as const)('on a %s (RC8A: %s)', (profile, rc8a) => {
  it.each(ROWS)('%s', async (_what, apqn, message, old, withRc8a) => {
    machine = await cardMachine({ machine: { profile }, controlDomains: [7] });
    expect(outcome(apqn, message)).toBe(rc8a ? withRc8a : old);
    // A refused request leaves nothing behind.
    expect(completed(machine.guest('A').cpu().tapq(apqn)).status.queueEmpty).toBe(true);
  });
});

describe('domains that come and go', () => {
  it('count when the request is sent', async () => {
    machine = await cardMachine();
    expect(outcome('05.0004', admin(7))).toBe('82/8a');
    const path = `/sys/devices/vfio_ap/matrix/${machine.guest('A').uuid}`;
    expect(machine.write(`${path}/assign_control_domain`, '7\n')).toBe('ok');
    expect(outcome('05.0004', admin(7))).toBe('12/769');
    expect(machine.write(`${path}/unassign_control_domain`, '7\n')).toBe('ok');
    expect(outcome('05.0004', admin(7))).toBe('82/8a');
  });

  it('the same request is allowed to one guest and refused to another', async () => {
    machine = await cardMachine({ controlDomains: [9] });
    expect(exchange(machine, 'A', '05.0004', admin(9)).reply).toMatchObject({ rc: 12, rs: 769 });
    expect(exchange(machine, 'B', '05.0007', admin(9)).reply).toMatchObject({ code: 0x8a });
  });
});

describe('special commands', () => {
  const US = buildCca({ parameters: parameterBlock('US', [], none, none), domain: 4 });
  const withFunctions = (functions: number) =>
    cardMachine({
      machine: { adapters: { 5: { mode: 'cca', functions } }, usageDomains: [4, 7] },
    });

  it('end with response code 16 at NQAP on a card without facility S', async () => {
    machine = await withFunctions(0x12800000);
    expect(outcome('05.0004', US, true)).toBe('rc 16');
    expect(outcome('05.0004', rng(4), true)).toBe('rc 16');
    expect(outcome('05.0004', rng(4))).toBe('0/0');
  });

  it('reach the card on one with facility S, and without the bit are 82/41', async () => {
    machine = await withFunctions(0x92800000);
    expect(outcome('05.0004', US, true)).toBe('16/556');
    expect(outcome('05.0004', US)).toBe('82/41');
    expect(outcome('05.0004', rng(4), true)).toBe('0/0');
  });
});
