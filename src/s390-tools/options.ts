// SPDX-License-Identifier: Apache-2.0
// Options of the programs of s390-tools: one table serves getopt_long, the help text and the messages about mistakes.
// Source: getopt_long(3); outputs of s390-tools 2.16 to 2.43 in test/golden/s390-tools.

export interface ToolOption {
  readonly name: string;
  readonly letter?: string;
  /** Name of the argument it must have. */
  readonly argument?: string;
  readonly description: string;
}

/** What a program says about itself. */
export interface ToolProgram {
  readonly name: string;
  /** What comes before the options, as in `Usage: name COMMAND [OPTIONS]`. */
  readonly command?: string;
  /** Operands, as in `Usage: name [OPTIONS] operands`. */
  readonly operands?: string;
  readonly description: string;
  /** Years in the copyright line. */
  readonly years: readonly [number, number];
  readonly options: readonly ToolOption[];
  /** Text that is printed before the options. */
  readonly between?: string;
  /** Text that is printed after the options. */
  readonly epilogue?: string;
}

export const HELP_AND_VERSION: readonly ToolOption[] = [
  { name: 'help', letter: 'h', description: 'Print this help, then exit' },
  { name: 'version', letter: 'v', description: 'Print version information, then exit' },
];

/** One option of a command line by its long name, or the message about the mistake at this place. */
export type GivenOption =
  | { readonly name: string; readonly value: string; readonly mistake?: never }
  | { readonly mistake: string };

export interface GivenLine {
  /** The options in their order, up to the first mistake. */
  readonly options: readonly GivenOption[];
  readonly operands: readonly string[];
}

const invalid = (option: string): GivenOption => ({ mistake: `Invalid option '${option}'` });
const incomplete = (option: string): GivenOption => ({
  mistake: `Option '${option}' requires an argument`,
});

/** Reads a command line as getopt_long does: operands anywhere, letters in one word, long names cut short, `--` ends options. */
export function readOptions(args: readonly string[], table: readonly ToolOption[]): GivenLine {
  const options: GivenOption[] = [];
  const operands: string[] = [];
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--') {
      operands.push(...rest);
      break;
    }
    if (!arg.startsWith('-') || arg === '-') {
      operands.push(arg);
      continue;
    }
    const given = arg.startsWith('--')
      ? [readLong(arg, rest, table)]
      : readLetters(arg, rest, table);
    options.push(...given);
    if (given.at(-1)?.mistake !== undefined) break;
  }
  return { options, operands };
}

function readLong(arg: string, rest: string[], table: readonly ToolOption[]): GivenOption {
  const end = arg.indexOf('=');
  const word = arg.slice(2, end < 0 ? undefined : end);
  const inline = end < 0 ? undefined : arg.slice(end + 1);
  const exact = table.filter(({ name }) => name === word);
  const meant = exact.length > 0 ? exact : table.filter(({ name }) => name.startsWith(word));
  const [option] = meant;
  if (option === undefined || meant.length > 1) return invalid(arg);
  if (option.argument === undefined)
    return inline === undefined
      ? { name: option.name, value: '' }
      : invalid(option.letter === undefined ? `--${option.name}` : `-${option.letter}`);
  const value = inline ?? rest.shift();
  return value === undefined ? incomplete(arg) : { name: option.name, value };
}

function readLetters(arg: string, rest: string[], table: readonly ToolOption[]): GivenOption[] {
  const given: GivenOption[] = [];
  for (let i = 1; i < arg.length; i++) {
    const option = table.find(({ letter }) => letter === arg[i]);
    if (option === undefined) return [...given, invalid(`-${arg[i]}`)];
    if (option.argument === undefined) {
      given.push({ name: option.name, value: '' });
      continue;
    }
    const value = i + 1 < arg.length ? arg.slice(i + 1) : rest.shift();
    return [...given, value === undefined ? incomplete(arg) : { name: option.name, value }];
  }
  return given;
}

/** Columns of a terminal that help texts are wrapped for. */
export const LINE_COLUMNS = 80;

/** Words of a text wrapped at the edge, each further line with `indent` blanks before it. The first line begins at column `start`. */
export function wrapped(text: string, indent: number, start = indent): string {
  let out = '';
  let column = start;
  for (const [n, word] of text.split(' ').entries()) {
    const breaks = column + word.length + 1 > LINE_COLUMNS;
    if (breaks) column = indent;
    const blanks = breaks ? `\n${' '.repeat(indent)}` : n === 0 ? '' : ' ';
    out += blanks + word;
    column += word.length + 1;
  }
  return out;
}

const written = ({ letter, name, argument }: ToolOption): string =>
  `${letter === undefined ? '   ' : `-${letter},`} --${name}${argument === undefined ? '' : ` ${argument}`}`;

/** The lines of an option table in a help text. */
function optionLines(table: readonly ToolOption[]): string {
  const widest = Math.max(...table.map((option) => written(option).length));
  return table
    .map((o) => ` ${written(o).padEnd(widest + 1)} ${wrapped(o.description, widest + 3)}\n`)
    .join('');
}

/** The output of `--help`. */
export function helpText(program: ToolProgram): string {
  const { name, command, operands, description, between = '', options, epilogue = '' } = program;
  const before = command === undefined ? '' : ` ${command}`;
  const usage = `Usage: ${name}${before} [OPTIONS]${operands === undefined ? '' : ` ${operands}`}`;
  return `${usage}\n\n${wrapped(description, 0)}\n\n${between}${optionLines(options)}${epilogue}`;
}

/** The output of `--version`. */
export const versionText = ({ name, years }: ToolProgram, version: string): string =>
  `${name} version ${version}\nCopyright IBM Corp. ${years[0] === years[1] ? years[0] : years.join(', ')}\n`;

/** The second line of every message about a mistake on the command line. */
export const tryHelp = (program: string): string => `Try '${program} --help' for more information.`;
