// SPDX-License-Identifier: Apache-2.0
// docs/image-layout.md from the source of native-like/machine/layout.ts: its sections, comments and values.
import { hex, table } from './markdown.js';

/** Prefixes of word indices inside a record, and the constant with the record's size in words. */
const RECORDS = {
  C: ['Control page', 'CONTROL_BYTES'],
  G: ['Guest record', 'GUEST_WORDS'],
  V: ['vCPU record', 'VCPU_WORDS'],
  Q: ['Queue record', 'QUEUE_WORDS'],
  K: ['Cold part of a queue', 'COLD_WORDS'],
  L: ['Header of a message slot', 'SLOT_HEADER_BYTES'],
  A: ['Adapter record', 'ADAPTER_WORDS'],
  F: ['Fault record', 'FAULT_WORDS'],
};

/** Constants whose name has a record's prefix but that are no offset. */
const NO_OFFSET = new Set(['C_CLOCKS']);

/** Constants of the source with their section, comment and value. */
export const constantsOf = (source, values) => {
  const constants = [];
  let section = '';
  let comment = '';
  for (const line of source.split('\n')) {
    const heading = /^\/\/ -+ (.+?) -+$/.exec(line);
    const text = /^(?:\/\*\*| \*) ?(.*?)(?: \*\/)?$/.exec(line);
    const constant = /^export const ([A-Z0-9_]+) =/.exec(line);
    if (heading) section = heading[1];
    else if (constant) {
      const value = values[constant[1]];
      if (typeof value === 'number') constants.push({ section, name: constant[1], value, comment });
      comment = '';
    } else if (text) comment = text[1] === '/' ? comment : `${comment} ${text[1]}`.trim();
    else if (!/^ {2}/.test(line)) comment = '';
  }
  return constants;
};

const isOffset = ({ name }) => /^[GVQKLAFC]_/.test(name) && !NO_OFFSET.has(name);

/** What a constant without a comment says by its name: G_FIRST_VCPU is "first vcpu". */
const wordsOf = (name) =>
  name
    .replace(/^[A-Z]_/, '')
    .replaceAll('_', ' ')
    .toLowerCase();

/** Offsets of a record, ascending, with the bytes up to the next one. */
const recordRows = (constants, prefix, bytes) => {
  const rows = constants
    .filter((constant) => isOffset(constant) && constant.name.startsWith(`${prefix}_`))
    .sort((a, b) => a.value - b.value);
  return rows.map((row, n) => {
    const next = rows[n + 1]?.value ?? bytes / 4;
    return [
      row.value,
      `0x${hex(row.value * 4, 3)}`,
      (next - row.value) * 4,
      `\`${row.name}\``,
      row.comment || wordsOf(row.name),
    ];
  });
};

const records = (constants, values) =>
  Object.entries(RECORDS).flatMap(([prefix, [title, size]]) => {
    const bytes = size.endsWith('_WORDS') ? values[size] * 4 : values[size];
    return [
      `## ${title}: ${bytes} bytes\n`,
      table(
        ['word', 'byte', 'bytes to the next', 'name', 'content'],
        recordRows(constants, prefix, bytes),
      ),
      '',
    ];
  });

const others = (constants) => {
  const rest = constants.filter((constant) => !isOffset(constant));
  return [
    '## Other constants\n',
    table(
      ['part', 'name', 'value', 'hexadecimal', 'meaning'],
      rest.map((row) => [
        row.section,
        `\`${row.name}\``,
        row.value,
        hex(row.value),
        row.comment || wordsOf(row.name),
      ]),
    ),
    '',
  ];
};

/** The page. `source` is the text of layout.ts, `values` the module. */
export const imageLayout = (source, values) => {
  const constants = constantsOf(source, values);
  return [
    '# The machine image\n',
    'Made from `native-like/machine/layout.ts` by `npm run docs`; a test compares. One shared, page-aligned memory holds all state',
    'a guest instruction can touch; its regions follow each other in the order of `regionsOf` in `native-like/machine/image.ts`, each',
    'on a page of its own, and the control page says where. Words are 32 bits in the order of the machine apemu runs on; CRYCB and',
    'GISA are architected bytes, big-endian. A width is the distance to the next name, gaps included.\n',
    ...records(constants, values),
    ...others(constants),
  ].join('\n');
};
