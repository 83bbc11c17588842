// SPDX-License-Identifier: Apache-2.0
// What the support matrix says beyond the tables: what is emulated, what is not, and why.

/** Response codes that come by injection only: their cause is not public, or needs what one machine does not have. */
export const INJECTION_ONLY = [0x09, 0x11, 0x33, 0x36];

/** What is emulated and what is not; `no` rows say what happens instead. */
export const SCOPE = [
  [
    'PQAP: TAPQ, RAPQ, ZAPQ, AQIC, QCI, QACT, BAPQ, AAPQ',
    'yes',
    'all checks in the order of AD-15',
  ],
  [
    'PQAP: QBAP (function code 6)',
    'no',
    'specification exception: nothing public says what it does (AD-06)',
  ],
  [
    'NQAP with parts (L bit), special command, CC 1 and 2',
    'yes',
    'CC 2 only where configured (AD-18)',
  ],
  ['DQAP with partial replies and continuation token', 'yes', 'AD-10'],
  ['24-, 31- and 64-bit addressing mode', 'yes', 'AD-02'],
  [
    'Program interruptions with ILC and old PSW',
    'yes',
    'the new PSW is loaded on request (AP programs: `psw new=1`)',
  ],
  [
    'Interception (SIE) of AQIC, and of all three instructions without APIE',
    'yes',
    'then KVM, as in Linux',
  ],
  [
    'CRYCB formats 0, 1 and 2, APCB0 and APCB1',
    'yes',
    'effective masks within what the partition has',
  ],
  [
    'GISA formats 0 and 1, GIB alert list',
    'yes',
    'interruptions reach the guest as in section 6.8',
  ],
  [
    'Dynamic address translation (DAT)',
    'QEMU guests only',
    'in guests of the image logical, real and absolute addresses are the same',
  ],
  ['Prefixing', 'QEMU guests only', 'the lowcore of a guest of the image is at absolute 0'],
  [
    'AP instructions as the target of EXECUTE and EXECUTE RELATIVE LONG',
    'QEMU guests only',
    'guests of the image hand over instruction words; their run loop stops at an EXECUTE as at any other instruction',
  ],
  [
    'Storage keys, key-controlled protection',
    'no',
    'the access key is ignored; a QEMU guest has low-address protection and write-protected pages',
  ],
  [
    'TPI (test pending interruption) of a guest',
    'yes',
    'intercepted and answered by KVM, as in Linux',
  ],
  [
    'Other instructions than the three',
    'no',
    'operation exception; a QEMU guest executes them in QEMU',
  ],
  [
    'Secure execution: bind and associate states',
    'yes',
    'the memory of the guest is not protected',
  ],
  [
    'Key material of the cards',
    'stand-ins',
    'emulated keys; nothing is kept secret, see SECURITY.md',
  ],
  [
    'RSA, random numbers, secure and protected keys of CCA and EP11',
    'yes',
    'by function: [messages-support.md](messages-support.md)',
  ],
  [
    'CPACF (KM, KMC, PCKMO, …) and wrapping keys',
    'no',
    'CRYCB wrapping key masks are kept, not used',
  ],
  ['Queue depth 32 (5-bit qd)', 'no', 'up to 16 (AD-26)'],
];

/** What causes each program interruption; others come from the translation tables of a QEMU guest. */
export const PGM_CAUSE = {
  1: 'no AP instructions (partition); APIE off, by way of KVM and its userspace; AQIC without AIV',
  2: 'problem state',
  4: 'low-address protection and write-protected pages of a QEMU guest',
  5: 'operand outside storage',
  6: 'operands, function codes, lengths: AD-05 to AD-08',
};
