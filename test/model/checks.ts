// SPDX-License-Identifier: Apache-2.0
// The checks before anything is done, in the order of AD-15.
// Source: ap-architecture.md 1.3, 1.8, 1.9, 3.2, 3.3, 3.5, AD-02, AD-05 to AD-08, AD-13, AD-15.

import type { Outcome } from '../vectors/under-test.ts';
import { lowWord } from './bits.ts';
import { DQAP, type Instruction, NQAP, PGM, PQAP } from './instruction.ts';
import type { DefectName } from './mutations.ts';
import { refuse } from './status.ts';

/** Length limit where the addressed queue is not available, whatever the partition's queues take (AD-08). */
export const LEAST_LIMIT = 12288;

const T_BIT = 0x00800000;
const F_BIT = 0x00400000;
const RESERVED_42_TO_47 = 0x003f0000;
const NARROW_APQN_FORBIDDEN = 0xc0f0;
/** GR0 bits 32, 34, 35, 40. */
const NQAP_RESERVED = 0x80000000 | 0x20000000 | 0x10000000 | 0x00800000;
/** GR0 bits 36-39, 42-47 (AD-07). */
const NQAP_IGNORED = 0x0f3f0000;
const NQAP_LAST_PART = 0x40000000;
/** GR0 bits 33, 34, 35, 40, 41. */
const DQAP_RESERVED = 0x40000000 | 0x20000000 | 0x10000000 | 0x00800000 | 0x00400000;

type Check = (i: Instruction) => Outcome | undefined;

const specification = (i: Instruction): Outcome => i.program(PGM.specification);

/** Step 1. Without AP: operation exception. Under SIE with APIE off: instruction interception. */
const installed: Check = (i) => {
  if ((i.word & 0xff00) !== 0 && i.defect('instruction-bits-checked'))
    return i.program(PGM.operation);
  if (i.opcode !== PQAP && i.opcode !== NQAP && i.opcode !== DQAP) return i.program(PGM.operation);
  if (!i.model.machine.apInstalled) return i.program(PGM.operation);
  if (i.underSie && !i.guest.config.apie && !i.defect('apie-ignored')) return i.intercept();
  return undefined;
};

/** Step 2. */
const privileged: Check = (i) => {
  if (i.vcpu.psw.problem && !i.defect('not-privileged')) return i.program(PGM.privileged);
  return undefined;
};

/** Step 3. PQAP(AQIC) of a guest is always intercepted, whatever its operands. */
const interceptAqic: Check = (i) =>
  i.underSie && i.name === 'aqic' && !i.defect('aqic-not-intercepted') ? i.intercept() : undefined;

/** Step 4. Functions that are not installed are undefined functions (AD-06). */
const functionInstalled: Check = (i) => {
  const { C } = i.model.machine.qciFlags;
  const has = (bit: 12 | 65) => i.guest.facilities.has(bit) || i.defect(`no-stfle-${bit}-check`);
  const secure = i.guest.config.secureExecution !== undefined || i.defect('bind-outside-se');
  const bind = secure && i.model.access.seesBind(i.guest);
  switch (i.name) {
    case undefined:
      return i.defect('undefined-function-is-01') ? refuse(i, 0x01) : specification(i);
    case 'aqic':
      return has(65) ? undefined : specification(i);
    case 'qci':
      return has(12) ? undefined : specification(i);
    case 'qact':
      return C || i.defect('qact-without-c') ? undefined : specification(i);
    case 'qbap':
      return i.defect('qbap-aligned-is-01') && (i.gr2 & 7n) === 0n
        ? refuse(i, 0x01)
        : specification(i);
    case 'bapq':
    case 'aapq':
      return bind ? undefined : specification(i);
    default:
      return undefined;
  }
};

/** May bit 41 (F, "if") be one for this function (AD-05)? */
function bit41Allowed(i: Instruction): boolean {
  if (i.isReset) return i.model.access.seesBind(i.guest) || i.defect('f-without-b');
  return i.name === 'qact';
}

function pqapBitsWrong(i: Instruction, low: number): boolean {
  if (i.gr0 >> 32n !== 0n && i.defect('gr0-high-word-checked')) return true;
  if ((low & RESERVED_42_TO_47) !== 0 && !i.defect('reserved-42-47')) return true;
  if ((low & F_BIT) !== 0 && !bit41Allowed(i) && !i.defect('reserved-41')) return true;
  const apft = i.guest.facilities.has(15) || i.defect('t-without-apft');
  if ((low & T_BIT) !== 0 && !apft) return true;
  return (low & T_BIT) !== 0 && i.name !== 'tapq' && i.defect('t-only-for-tapq');
}

/** Step 5. QCI ignores bits 40-63. */
const reservedBits: Check = (i) => {
  if (i.name === 'qci') {
    return i.defect('qci-bits-checked') && lowWord(i.gr0) << 8 !== 0 ? specification(i) : undefined;
  }
  const low = lowWord(i.gr0);
  let wrong = false;
  if (i.name === 'nqap') {
    wrong = (low & NQAP_RESERVED) !== 0 && !i.defect('nqap-reserved');
    if ((low & NQAP_IGNORED) !== 0 && i.defect('nqap-ignored-bits-checked')) wrong = true;
    const part = (low & NQAP_LAST_PART) === 0;
    wrong ||= part && !i.model.machine.partsAllowed && !i.defect('parts-always');
  } else if (i.name === 'dqap') {
    wrong = (low & DQAP_RESERVED) !== 0 && !i.defect('dqap-reserved');
  } else {
    wrong = pqapBitsWrong(i, low);
  }
  const narrow = !i.model.access.isWide(i.guest) && !i.defect('apqn-range');
  if (narrow && (low & NARROW_APQN_FORBIDDEN) !== 0) wrong = true;
  return wrong ? specification(i) : undefined;
};

/** Step 6. Register parity, alignment, length. */
const operands: Check = (i) => {
  if (i.name === 'qci') {
    const misaligned = (i.gr2 & 7n) !== 0n && !i.defect('qci-alignment');
    return misaligned ? specification(i) : undefined;
  }
  if (!i.isMessage) return undefined;
  if (i.r1 % 2 === 1 && !i.defect('r1-parity')) return specification(i);
  if (i.r2 % 2 === 1) return i.defect('r2-parity') ? refuse(i, 0x01) : specification(i);
  const { length } = i.operand;
  const access = i.defect('access-before-availability') && !i.inStorage(i.operand.address, 1);
  if (access) return i.program(PGM.addressing);
  if (length === 0n) return i.defect('length-zero') ? i.completed(0) : specification(i);
  const largest = i.defect('unavailable-limit-12288') ? LEAST_LIMIT : i.model.largestLimit;
  const known = i.queue?.limit ?? largest;
  const limit = BigInt(known) - (i.defect('length-equal-limit') ? 1n : 0n);
  if (length > limit) return i.defect('length-limit') ? refuse(i, 0x15) : specification(i);
  return undefined;
};

/** Step 7. */
const available: Check = (i) => {
  if (i.name === 'qci' || i.queue !== undefined) return undefined;
  return refuse(i, 0x01);
};

/** Before step 8: an injected answer (P7). */
const injected: Check = (i) => {
  if (i.queue === undefined) return undefined;
  const fault = i.model.faults.take(i);
  if (fault === undefined) return undefined;
  if (fault.rc === undefined) return i.completed(2);
  if (fault.rc === 0x35 || fault.rc === 0x36) {
    if (!i.defect('async-not-sticky')) i.queue.asyncError = fault.rc;
  }
  return refuse(i, fault.rc);
};

/** Functions that need a bound queue under secure execution. */
const NEED_BOUND: readonly unknown[] = ['nqap', 'dqap', 'aapq'];

/** Step 8. Queue states in the order of AD-13. */
const queueState: Check = (i) => {
  const { queue } = i;
  if (queue === undefined) return undefined;
  const { adapter } = queue;
  const ignoreAsync = i.isReset && !i.defect('reset-meets-async');
  if (queue.asyncError !== undefined && !ignoreAsync) return refuse(i, queue.asyncError);
  const stopFirst = i.defect('checkstop-before-deconfigured') && adapter.checkstopped;
  if (adapter.deconfigured && !stopFirst) return refuse(i, 0x03);
  if (adapter.checkstopped) return refuse(i, 0x04);
  if (queue.busy && i.defect('busy-before-reset')) return refuse(i, 0x05);
  if (queue.resetting && !i.defect('reset-not-seen')) return refuse(i, 0x02);
  if (queue.bind === 'associating' && i.name !== 'tapq' && !i.defect('no-rc-0a'))
    return refuse(i, 0x0a);
  if (queue.busy && i.defect('busy-before-unbound')) return refuse(i, 0x05);
  const secure = i.guest.config.secureExecution !== undefined;
  if (secure && queue.bind === 'unbound' && NEED_BOUND.includes(i.name)) {
    if (!i.defect('unbound-usable')) return refuse(i, 0x0b);
  }
  if (queue.busy && !i.defect('busy-not-seen')) return refuse(i, 0x05);
  return undefined;
};

export interface NamedCheck {
  readonly step: string;
  readonly check: Check;
}

const CHECKS: readonly NamedCheck[] = [
  { step: 'installed', check: installed },
  { step: 'privileged', check: privileged },
  { step: 'intercept', check: interceptAqic },
  { step: 'function', check: functionInstalled },
  { step: 'reserved bits', check: reservedBits },
  { step: 'operands', check: operands },
  { step: 'availability', check: available },
  { step: 'injected', check: injected },
  { step: 'queue state', check: queueState },
];

/** Planted errors: a step that comes just before another one. */
const SWAPS = [
  { defect: 'privileged-before-installed', step: 'privileged', before: 'installed' },
  { defect: 'intercept-before-privileged', step: 'intercept', before: 'privileged' },
  { defect: 'function-before-privileged', step: 'function', before: 'privileged' },
  { defect: 'function-before-intercept', step: 'function', before: 'intercept' },
  { defect: 'operands-before-privileged', step: 'operands', before: 'privileged' },
  { defect: 'availability-before-reserved-bits', step: 'availability', before: 'reserved bits' },
  { defect: 'availability-before-operands', step: 'availability', before: 'operands' },
  { defect: 'queue-state-before-operands', step: 'queue state', before: 'operands' },
  { defect: 'injected-before-operands', step: 'injected', before: 'operands' },
  { defect: 'queue-state-before-injected', step: 'queue state', before: 'injected' },
] as const;

/** The checks in the order of AD-15. */
export function orderedChecks(defect: (name: DefectName) => boolean): readonly NamedCheck[] {
  const checks = [...CHECKS];
  for (const swap of SWAPS) {
    if (!defect(swap.defect)) continue;
    const at = checks.findIndex(({ step }) => step === swap.step);
    const [moved] = checks.splice(at, 1);
    checks.splice(
      checks.findIndex(({ step }) => step === swap.before),
      0,
      moved,
    );
  }
  return checks;
}
