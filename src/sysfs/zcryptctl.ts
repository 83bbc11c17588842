// SPDX-License-Identifier: Apache-2.0
// zcryptctl: zcrypt device nodes listed, made, filtered and removed through the tree, with the texts and messages of the real program.
// Source: s390-tools 2.43, zconf/zcrypt/zcryptctl.c and zcryptctl.8 (behaviour and texts); libutil/util_prg.c, util_opt.c.
import type { Operation } from '../ap-bus/operation.ts';
import { leadingNumber } from '../s390-tools/leading-numbers.ts';
import { HELP_AND_VERSION, readOptions, versionText } from '../s390-tools/options.ts';
import { type CommandResult, ToolRun } from '../s390-tools/result.ts';
import { zcryptctlHelp, zcryptctlProgram } from '../s390-tools/zcryptctl-usage.ts';
import { readLine } from './command.ts';
import type { Sysfs } from './sysfs.ts';

const CLASS = '/sys/class/zcrypt';
const FILTER_BITS = 256;

/** What the program uses in addition to the tree. */
export interface ZcryptctlCall {
  readonly sysfs: Sysfs;
  readonly args: readonly string[];
  readonly version: string;
  /** Whether there is a character device of this name in /dev. */
  readonly isDevice: (name: string) => boolean;
  /** Text of a file of the disk; undefined if it cannot be opened. */
  readonly readFile: (path: string) => string | undefined;
}

/** ioctls with a name, by their number. */
const IOCTLS: readonly (readonly [name: string, number: number])[] = [
  ['ICARSAMODEXPO', 0x05],
  ['ICARSACRT', 0x06],
  ['ZSECSENDCPRB', 0x81],
  ['ZSENDEP11CPRB', 0x04],
  ['ZCRYPT_DEVICE_STATUS', 0x5f],
  ['ZCRYPT_STATUS_MASK', 0x58],
  ['ZCRYPT_QDEPTH_MASK', 0x59],
  ['ZCRYPT_PERDEV_REQCNT', 0x5a],
];

/** A filter of a node: its file, its words in messages, its key in a configuration. */
interface FilterRow {
  readonly file: string;
  readonly key: string;
  readonly label: string;
  /** Name of the argument in messages about a mistake, and about a number that was changed. */
  readonly argument: string;
  readonly one: string;
  readonly all: string;
  readonly written: string;
}

const FILTERS: Readonly<Record<'ap' | 'dom' | 'ctrl' | 'ioctl', FilterRow>> = {
  ap: {
    ...{ file: 'apmask', key: 'aps', label: 'adapter', argument: 'Adapter' },
    ...{ one: 'Adapter', all: 'All adapters', written: 'adapter' },
  },
  dom: {
    ...{ file: 'aqmask', key: 'doms', label: 'domains', argument: 'Domain' },
    ...{ one: 'Domain', all: 'All domains', written: 'domain' },
  },
  ctrl: {
    ...{ file: 'admask', key: 'ctrls', label: 'control domains', argument: 'Domain' },
    ...{ one: 'Control domain', all: 'All control domains', written: 'domain' },
  },
  ioctl: {
    ...{ file: 'ioctlmask', key: 'ioctls', label: 'ioctls', argument: 'Ioctl' },
    ...{ one: 'Ioctl', all: 'All Ioctls', written: 'ioctl' },
  },
};

/** errx(EXIT_FAILURE, …): what was printed stays printed. */
class Failure extends Error {}

const baseName = (node: string): string => node.slice(node.lastIndexOf('/') + 1);

/** Runs `zcryptctl` with these arguments. */
export function* zcryptctl(call: ZcryptctlCall): Operation<CommandResult> {
  const run = new ToolRun('zcryptctl');
  const { options, operands } = readOptions(call.args, HELP_AND_VERSION);
  const command = call.args.find((arg) => COMMANDS.has(arg));
  for (const option of options) {
    if (option.mistake !== undefined) {
      run.warn(option.mistake);
      return run.failureWith(`Try 'zcryptctl --help' for more information.`);
    }
    run.print(
      option.name === 'help' ? zcryptctlHelp(command) : versionText(zcryptctlProgram, call.version),
    );
    return run.success();
  }
  try {
    if (command === undefined) throw new Failure('Missing or invalid command argument');
    if (!call.sysfs.exists(CLASS))
      throw new Failure(
        'Directory class/zcrypt is missing in sysfs.\nMultiple zcrypt node support is not available',
      );
    yield* (COMMANDS.get(command) as Act)(call, run, operands.slice(1));
    return run.success();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return run.failure(error.message);
  }
}

type Act = (call: ZcryptctlCall, run: ToolRun, operands: readonly string[]) => Operation<void>;

const list = (forConfig: boolean): Act =>
  // biome-ignore lint/correctness/useYield: an act may wait, this one does not
  function* ({ sysfs }, run) {
    const nodes = nodesIn(sysfs);
    for (const node of nodes) run.print(nodeText(sysfs, node, forConfig));
    if (nodes.length === 0) run.print('No additional zcrypt device nodes defined\n');
  };

/** Nodes are links; `create` and `destroy` beside them are files. */
const nodesIn = (sysfs: Sysfs): string[] => {
  const listing = sysfs.list(CLASS);
  return listing.ok ? listing.names.filter((name) => sysfs.readlink(`${CLASS}/${name}`).ok) : [];
};

function nodeText(sysfs: Sysfs, node: string, forConfig: boolean): string {
  const device = readLine(sysfs, `${CLASS}/${node}/dev`);
  if (device === undefined)
    throw new Failure(`Could not fetch major/minor from sysfs for zcrypt node '${node}'`);
  const head = forConfig
    ? `node = ${node}\n`
    : `zcrypt node name:\t${node}\n  device node:\t/dev/${node}\n  major:minor:\t${device}\n`;
  const lines = Object.values(FILTERS).map(({ file, key, label }) => {
    const mask = readLine(sysfs, `${CLASS}/${node}/${file}`);
    if (mask === undefined)
      throw new Failure(`Could not fetch ${file} attribute from sysfs for zcrypt node '${node}'`);
    const names = numbersIn(mask).map((n) => (file === 'ioctlmask' ? ioctlName(n) : String(n)));
    const [start, before] = forConfig ? [` ${key} =`, ' '] : [`  ${label}:`, '\t'];
    return `${start}${names.length === 0 ? '' : before}${names.join(',')}\n`;
  });
  return head + lines.join('');
}

const numbersIn = (mask: string): number[] => {
  const digits = mask.replace(/^0x/, '');
  const isSet = (n: number): boolean =>
    (Number.parseInt(digits[n >> 2] ?? '0', 16) & (8 >> (n & 3))) !== 0;
  return Array.from({ length: FILTER_BITS }, (_, n) => n).filter(isSet);
};

const ioctlName = (number: number): string =>
  IOCTLS.find(([, value]) => value === number)?.[0] ?? String(number);

/** Makes one write to a file of the class or of a node. Returns whether it was accepted. */
function* write({ sysfs }: ZcryptctlCall, path: string, value: string): Operation<boolean> {
  return (yield* sysfs.write(`${CLASS}/${path}`, `${value}\n`)) === 'ok';
}

function* create(call: ZcryptctlCall, run: ToolRun, [node]: readonly string[]): Operation<void> {
  if (!(yield* write(call, 'create', node === undefined ? '\n' : baseName(node))))
    throw new Failure('Could not write into sysfs entry to create zdev node');
  run.print('Device node created\n');
}

/** The node that an operand names. */
const nodeOf = ({ isDevice }: ZcryptctlCall, [node]: readonly string[]): string => {
  if (node === undefined) throw new Failure('Missing node name argument');
  if (!isDevice(baseName(node))) throw new Failure(`Invalid or unknown nodename '${node}'`);
  return baseName(node);
};

function* destroy(call: ZcryptctlCall, run: ToolRun, operands: readonly string[]): Operation<void> {
  const node = nodeOf(call, operands);
  if (!(yield* write(call, 'destroy', node)))
    throw new Failure(`Could not write into sysfs entry to destroy zdev node '${node}'`);
  run.print(`Device node '${node}' marked for destruction\n`);
}

/** The action of `addap`, `deldom` and the like. */
const filter = (row: FilterRow, add: boolean): Act =>
  function* (call, run, operands) {
    const [given, argument] = operands;
    if (given !== undefined && argument === undefined)
      throw new Failure(`Missing ${row.argument.toLowerCase()} argument`);
    yield* change(call, run, row, { node: nodeOf(call, operands), argument: argument ?? '', add });
  };

interface Change {
  readonly node: string;
  readonly argument: string;
  readonly add: boolean;
}

function* change(
  call: ZcryptctlCall,
  run: ToolRun,
  row: FilterRow,
  { node, argument, add }: Change,
): Operation<void> {
  const all = argument.toUpperCase() === 'ALL';
  const numbers = all
    ? Array.from({ length: FILTER_BITS }, (_, n) => n)
    : [numberOf(row, argument)];
  for (const number of numbers)
    if (!(yield* write(call, `${node}/${row.file}`, `${add ? '+' : '-'}${number}`)))
      throw new Failure(
        `Could not write into sysfs entry to ${add ? 'add' : 'remove'} ${row.written} ${number} for zdev node '${node}'`,
      );
  const what = all ? row.all : `${row.one} ${row.file === 'ioctlmask' ? argument : numbers[0]}`;
  run.print(`${what} ${add ? 'added' : 'removed'}\n`);
}

function numberOf({ argument: kind, file }: FilterRow, argument: string): number {
  const named = IOCTLS.find(([name]) => name === argument.toUpperCase())?.[1];
  const number =
    file === 'ioctlmask' && named !== undefined ? named : leadingNumber(argument)?.value;
  if (number === undefined)
    throw new Failure(`Invalid ${kind.toLowerCase()} argument '${argument}'`);
  if (number >= 0 && number < FILTER_BITS) return number;
  throw new Failure(`${kind} argument '${argument}' out of range [0..${FILTER_BITS - 1}]`);
}

/** The keywords of a configuration file, the longest match first as the program looks for them. */
const KEYWORDS: readonly string[] = ['node', ...Object.values(FILTERS).map(({ key }) => key)];

function* config(call: ZcryptctlCall, run: ToolRun, [file]: readonly string[]): Operation<void> {
  if (file === undefined) throw new Failure('Missing filename argument');
  const text = call.readFile(file);
  if (text === undefined) throw new Failure(`Could not open file '${file}'`);
  let node: string | undefined;
  for (const [n, line] of text.split(/(?<=\n)/).entries()) {
    const rest = line.trimStart();
    if (rest === '' || rest.startsWith('#')) continue;
    const where = `in line ${n + 1} '${line}'`;
    const at = (place: string): string => `at '${place.slice(0, 8).padEnd(8)}...' ${where}`;
    const key = KEYWORDS.find((word) => rest.startsWith(word));
    if (key === undefined)
      throw new Failure(`Unknown keyword '${rest.slice(0, 8).padEnd(8)}...' ${where}`);
    const row = Object.values(FILTERS).find((one) => one.key === key);
    if (row !== undefined && node === undefined)
      throw new Failure(`Missing node=... before processing any ${key}=... statements ${where}`);
    const value = /^[ \t]*=[ \t]*(.*)$/s.exec(rest.slice(key.length))?.[1];
    if (value === undefined) throw new Failure(`Missing '=' ${at(rest.slice(key.length))}`);
    if (row === undefined) {
      node = /^[^,\s]+/.exec(value)?.[0];
      if (node === undefined) throw new Failure(`Missing node name ${at(value)}`);
      yield* create(call, run, [node]);
    } else
      for (const argument of value
        .replace(/#.*/s, '')
        .split(/[,\s]+/)
        .filter(Boolean))
        yield* change(call, run, row, { node: node ?? '', argument, add: true });
  }
}

const COMMANDS: ReadonlyMap<string, Act> = new Map<string, Act>([
  ['list', list(false)],
  ['listconfig', list(true)],
  ['create', create],
  ['destroy', destroy],
  ['config', config],
  ...Object.entries(FILTERS).flatMap(([name, row]): [string, Act][] => [
    [`add${name}`, filter(row, true)],
    [`del${name}`, filter(row, false)],
  ]),
]);

/** The commands, for completion. */
export const ZCRYPTCTL_COMMANDS: readonly string[] = [...COMMANDS.keys()];
