// SPDX-License-Identifier: Apache-2.0
// docs/support-matrix.md from the tables of native-like/arch and native-like/blocks.
import { hex, table, yes } from './markdown.js';
import { INJECTION_ONLY, PGM_CAUSE, SCOPE } from './scope.js';

const FACILITY_NAMES = (arch) =>
  Object.entries(arch.facilities).filter(([name]) => /^FACILITY_[A-Z0-9]+$/.test(name));

const facilityNames = (arch, mask) => {
  if (mask === -1) return 'never';
  const names = FACILITY_NAMES(arch).filter(([, bit]) => (mask & bit) !== 0);
  return names.map(([name]) => name.slice('FACILITY_'.length)).join(' and ');
};

const bits = ([first, last]) => (first === last ? `${first}` : `${first}-${last}`);

const fields = (title, rows) => [
  `### ${title}\n`,
  table(
    ['bits', 'field', 'meaning', 'section'],
    rows.map((row) => [bits(row.bits), row.name, row.meaning, row.source]),
  ),
  '',
];

const instructions = (arch) => [
  '## Instructions\n',
  table(
    ['opcode', 'mnemonic', 'name', 'R1, R2', 'section'],
    arch.instructions.INSTRUCTIONS.map((row) => [
      hex(row.opcode, 4),
      row.mnemonic,
      row.name,
      row.pairs ? 'even-odd pairs' : 'ignored (AD-01)',
      row.source,
    ]),
  ),
  '',
];

const functionCodes = (arch) => [
  '## PQAP function codes\n',
  'A code that is not installed, and any code above 8, is a specification exception (AD-06). Bit 41 is F (also unbind) or "if".\n',
  table(
    [
      'code',
      'function',
      'meaning',
      'installed with',
      'GR0 bit 41 legal with',
      'reserved GR0 bits',
      'section',
    ],
    arch.functionCodes.FUNCTION_CODES.map((row) => [
      row.code,
      row.name,
      row.meaning,
      row.needs === 0 ? 'always' : facilityNames(arch, row.needs),
      row.bit41 === -1 ? 'ignored' : row.bit41 === 0 ? 'never' : facilityNames(arch, row.bit41),
      row.reserved === 0 ? 'none' : hex(row.reserved, 8),
      row.source,
    ]),
  ),
  '',
];

const FUNCTION_LETTERS = {
  T: 'TAPQ',
  R: 'RAPQ',
  Z: 'ZAPQ',
  A: 'AQIC',
  Q: 'QACT',
  B: 'BAPQ',
  S: 'AAPQ',
  N: 'NQAP',
  D: 'DQAP',
};
const functionsOf = (letters) => [...letters].map((letter) => FUNCTION_LETTERS[letter]).join(' ');

const responseCodes = (arch) => [
  '## Response codes\n',
  'Every code can be injected at every function that has a status (`faults:` in a configuration, `fault:` in a program). "Cause":',
  'the machine gives the code by itself. "Flags": E, R, F and I show the state of the queue (AD-12).\n',
  table(
    [
      'RC',
      'name',
      'functions whose callers name it',
      'may also occur at',
      'meaning',
      'CC',
      'A bit',
      'flags',
      'Linux 6.1 has it',
      'cause',
    ],
    arch.responseCodes.RESPONSE_CODES.map((row) => [
      hex(row.code),
      row.name,
      functionsOf(row.handled),
      functionsOf(row.mayOccur),
      row.meaning,
      row.cc,
      yes(row.async),
      yes(row.flags),
      row.since64 ? 'no' : 'yes',
      INJECTION_ONLY.includes(row.code) ? 'injection only' : 'yes',
    ]),
  ),
  '',
];

const programInterruptions = (arch) => [
  '## Program interruptions\n',
  table(
    ['code', 'name', 'ending', 'cause'],
    arch.programInterruptions.PROGRAM_INTERRUPTIONS.map((row) => [
      hex(row.code, 4),
      row.name,
      row.ending,
      PGM_CAUSE[row.code] ?? 'translation tables of a QEMU guest',
    ]),
  ),
  '',
];

const facilities = (arch) => [
  '## Facilities\n',
  table(
    ['STFLE bit', 'name', 'meaning', 'section'],
    arch.facilities.FACILITIES.map((row) => [row.stfle, row.name, row.meaning, row.source]),
  ),
  '',
  'QCI flags:\n',
  table(
    ['flag', 'bits of the first word', 'name', 'meaning'],
    arch.qci.QCI_FLAG_ROWS.map((row) => [row.letter, hex(row.mask, 8), row.name, row.meaning]),
  ),
  '',
];

const adapters = (arch) => {
  const { ADAPTER_TYPES, ADAPTER_MODES, MACHINE_PROFILES } = arch.adapterTypes;
  const nameOf = (number) => ADAPTER_TYPES.find((row) => row.number === number).name;
  const flags = (mask) =>
    arch.qci.QCI_FLAG_ROWS.filter((row) => (mask & row.mask) !== 0).map((row) => row.letter);
  return [
    '## Adapters\n',
    table(
      ['type', 'name', 'machine profiles'],
      ADAPTER_TYPES.map((row) => [
        row.number,
        row.name,
        MACHINE_PROFILES.filter((profile) => profile.types.includes(row.number))
          .map((profile) => profile.name)
          .join(' '),
      ]),
    ),
    '',
    table(
      ['mode', 'lszcrypt', 'letter', 'facility word (GR2 bits 0-31)'],
      ADAPTER_MODES.map((row) => [row.mode, row.lszcrypt, row.letter, hex(row.functions, 8)]),
    ),
    '',
    '## Machine profiles\n',
    table(
      ['profile', 'adapter types', 'STFLE', 'QCI flags', 'na', 'nd'],
      MACHINE_PROFILES.map((row) => [
        row.name,
        row.types.map(nameOf).join(' '),
        row.facilities.join(' '),
        flags(row.qciFlags).join(' '),
        row.na,
        row.nd,
      ]),
    ),
    '',
  ];
};

const registers = (arch) => [
  '## Register fields\n',
  'Bits of the 64-bit register, 0 the leftmost.\n',
  ...fields('Queue status word, GR1', arch.statusWord.STATUS_FIELDS),
  ...fields('TAPQ queue information, GR2', arch.registers.TAPQ_GR2_FIELDS),
  ...fields('NQAP, GR0', arch.registers.NQAP_GR0_FIELDS),
  ...fields('DQAP, GR0', arch.registers.DQAP_GR0_FIELDS),
  ...fields('AQIC control word, GR1', arch.registers.AQIC_FIELDS),
  ...fields('QACT word, GR1 and GR2', arch.registers.QACT_FIELDS),
];

const block = (title, rows) => [
  `### ${title}\n`,
  table(
    ['offset', 'bytes', 'field', 'meaning'],
    rows.map((row) => [`0x${hex(row.offset)}`, row.bytes, row.name, row.meaning]),
  ),
  '',
];

const controlBlocks = ({ blocks }) => [
  '## Control blocks\n',
  ...block('QCI block', blocks.QCI_LAYOUT),
  ...block('CRYCB', blocks.CRYCB_LAYOUT),
  table(
    ['CRYCB format bits', 'name', 'APCB used', 'bytes that must not cross a page in a shadow'],
    blocks.CRYCB_FORMATS.map((row) => [row.format, row.name, `APCB${row.apcb}`, row.checkedBytes]),
  ),
  '',
  ...block('APCB0', blocks.APCB0_LAYOUT),
  ...block('APCB1', blocks.APCB1_LAYOUT),
  ...block('State description, the fields AP uses', blocks.STATE_DESCRIPTION_LAYOUT),
  ...block('GISA format 0', blocks.GISA0_LAYOUT),
  ...block('GISA format 1', blocks.GISA1_LAYOUT),
  ...block('GIB', blocks.GIB_LAYOUT),
];

/** The page. `tables` are the modules of native-like/arch by name, and `blocks`, all of native-like/blocks together. */
export const supportMatrix = (tables) =>
  [
    '# Support matrix\n',
    'Made from the tables in `native-like/arch` and `native-like/blocks` by `npm run docs`; a test compares. Sections are those of',
    '[the architecture reference](reference/ap-architecture.md), AD numbers those of [decisions.md](decisions.md).\n',
    '## What is emulated\n',
    table(['part', 'emulated', 'note'], SCOPE),
    '',
    ...instructions(tables),
    ...functionCodes(tables),
    ...responseCodes(tables),
    ...programInterruptions(tables),
    ...facilities(tables),
    ...adapters(tables),
    ...registers(tables),
    ...controlBlocks(tables),
  ].join('\n');
