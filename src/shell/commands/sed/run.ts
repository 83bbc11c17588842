// SPDX-License-Identifier: Apache-2.0
// Runs a script of sed over lines.
// Source: POSIX.1-2017, utilities, sed; GNU sed 4.9 (0~step, addr,+N, messages).
import { bounded, MAX_TEXT, ShellLimitError } from '../../language/limits.ts';
import type { Regex, RegexMatch } from '../../language/regex.ts';
import { type Address, type Instruction, SedError, type Substitution } from './script.ts';

/** What follows for a line begins with this where a label follows; without one it is the end of the script. */
const JUMP = ':';
const MAX_JUMPS = 1_000_000;

const isLabel = ({ name, label = '' }: Instruction, jump: string): boolean =>
  name === ':' && jump === JUMP + label;

/** State of one run of a sed script over its input. */
export class Run {
  readonly #lines: readonly string[];
  readonly #quiet: boolean;
  #line = '';
  #hold = '';
  #at = 0;
  #last: Regex | undefined;
  #appended: string[] = [];
  #restarted = false;
  /** Whether a substitution was made since the line was read or a jump asked. */
  #substituted = false;
  #jumps = 0;
  readonly out: string[] = [];
  #length = 0;

  constructor(lines: readonly string[], quiet: boolean) {
    this.#lines = lines;
    this.#quiet = quiet;
  }

  async all(script: readonly Instruction[], breathe: () => Promise<boolean>): Promise<void> {
    while (this.#at < this.#lines.length) {
      if (this.#at % 1000 === 0 && !(await breathe())) return;
      if (!this.#restarted) this.#line = this.#lines[this.#at++];
      this.#restarted = false;
      this.#substituted = false;
      this.#appended = [];
      const end = this.#execute(script);
      if (!this.#quiet && end !== 'delete' && end !== 'quit silently') this.#print(this.#line);
      for (const text of this.#appended) this.#print(text);
      if (end === 'quit' || end === 'quit silently') return;
    }
  }

  #print(text: string): void {
    this.#length += text.length + 1;
    if (this.#length > MAX_TEXT)
      throw new ShellLimitError(`more than ${MAX_TEXT / 0x100000} MiB of output`);
    this.out.push(`${text}\n`);
  }

  #matches(instruction: Instruction): boolean {
    const { from, to } = instruction;
    if (from === undefined) return true;
    if (to === undefined) return this.#isAt(from);
    if (instruction.active === 0) {
      if (!this.#isAt(from)) return false;
      const end =
        to.kind === 'line'
          ? to.line
          : to.kind === 'more'
            ? this.#at + to.lines
            : Number.POSITIVE_INFINITY;
      instruction.active = end > this.#at ? end : 0;
      return true;
    }
    const over = this.#at >= instruction.active || (to.kind !== 'line' && this.#isAt(to));
    if (over) instruction.active = 0;
    return true;
  }

  #isAt(address: Address): boolean {
    if (address.kind === 'line') return this.#at === address.line;
    if (address.kind === 'last') return this.#at === this.#lines.length;
    if (address.kind === 'step')
      return address.step === 0
        ? this.#at === address.first
        : this.#at >= address.first && (this.#at - address.first) % address.step === 0;
    return address.kind === 'regex' && this.#regex(address.regex).test(this.#line);
  }

  #regex(regex: Regex | undefined): Regex {
    const used = regex ?? this.#last;
    if (used === undefined) throw new SedError('sed: no previous regular expression');
    this.#last = used;
    return used;
  }

  #execute(script: readonly Instruction[]): string {
    for (let at = 0; at < script.length; at++) {
      const instruction = script[at];
      if (this.#matches(instruction) === instruction.negated) continue;
      const end = this.#one(instruction);
      if (end === '') continue;
      // A label is looked for here, and else in what this block is in.
      const to = end.startsWith(JUMP) ? script.findIndex((one) => isLabel(one, end)) : -1;
      if (to < 0) return end;
      at = to;
    }
    return '';
  }

  /** Executes one instruction. Returns what follows for the line; empty means: go on. */
  #one({ name, text = '', substitution, map, block, label = '' }: Instruction): string {
    if (block !== undefined) return this.#execute(block);
    if (substitution !== undefined) this.#substitute(substitution);
    else if (map !== undefined) this.#line = [...this.#line].map((c) => map.get(c) ?? c).join('');
    else if (name === 'p') this.#print(this.#line);
    else if (name === 'P') this.#print(this.#line.split('\n', 1)[0]);
    else if (name === '=') this.#print(String(this.#at));
    else if (name === 'a') this.#appended.push(text);
    else if (name === 'i') this.#print(text);
    else if (name === 'c') {
      this.#print(text);
      return 'delete';
    } else if (name === 'd') return 'delete';
    else if (name === 'D') return this.#deleteFirst();
    else if (name === 'q') return 'quit';
    else if (name === 'Q') return 'quit silently';
    else if (name === 'n') return this.#next();
    else if (name === 'N') return this.#join();
    else if (':btT'.includes(name)) return this.#jump(name, label);
    else this.#holdSpace(name);
    return '';
  }

  #jump(name: string, label: string): string {
    if (name === ':') return '';
    const jumps = name === 'b' || this.#substituted === (name === 't');
    if (name !== 'b') this.#substituted = false;
    if (!jumps) return '';
    if (++this.#jumps > MAX_JUMPS) throw new ShellLimitError(`sed: more than ${MAX_JUMPS} jumps`);
    return JUMP + label;
  }

  #holdSpace(name: string): void {
    if (name === 'h') this.#hold = this.#line;
    else if (name === 'H')
      this.#hold = bounded(`${this.#hold}\n${this.#line}`, 'the hold space of sed');
    else if (name === 'g') this.#line = this.#hold;
    else if (name === 'G') this.#line = bounded(`${this.#line}\n${this.#hold}`, 'a line of sed');
    else [this.#line, this.#hold] = [this.#hold, this.#line];
  }

  #deleteFirst(): string {
    const end = this.#line.indexOf('\n');
    if (end < 0) return 'delete';
    this.#line = this.#line.slice(end + 1);
    this.#restarted = this.#at < this.#lines.length;
    return 'delete';
  }

  #next(): string {
    if (this.#at >= this.#lines.length) return 'quit';
    if (!this.#quiet) this.#print(this.#line);
    this.#line = this.#lines[this.#at++];
    return '';
  }

  #join(): string {
    if (this.#at >= this.#lines.length) return 'quit';
    this.#line = bounded(`${this.#line}\n${this.#lines[this.#at++]}`, 'a line of sed');
    return '';
  }

  #substitute({ regex, replacement, all, nth, print }: Substitution): void {
    const pieces: string[] = [];
    let [kept, count] = [0, 0];
    for (const match of this.#regex(regex).matches(this.#line)) {
      if (++count < nth) continue;
      pieces.push(this.#line.slice(kept, match.start), filled(replacement, match));
      kept = match.end;
      if (!all) break;
    }
    if (pieces.length === 0) return;
    this.#substituted = true;
    pieces.push(this.#line.slice(kept));
    this.#line = bounded(pieces.join(''), 'a line of sed');
    if (print) this.#print(this.#line);
  }
}

/** A replacement with what was matched in it. `\U`, `\L`, `\u`, `\l` and `\E` change the case. */
function filled(replacement: string, { groups }: RegexMatch): string {
  let result = '';
  let [mode, once] = ['', ''];
  const add = (text: string): void => {
    let shown = mode === 'U' ? text.toUpperCase() : mode === 'L' ? text.toLowerCase() : text;
    if (once !== '' && shown !== '') {
      const first = shown[0];
      shown = (once === 'u' ? first.toUpperCase() : first.toLowerCase()) + shown.slice(1);
      once = '';
    }
    result += shown;
  };
  for (const [, c = ''] of replacement.matchAll(/(\\.|[^\\&]+|&|\\)/gs)) {
    if (c === '&') add(groups[0] ?? '');
    else if (!c.startsWith('\\')) add(c);
    else if (/\d/.test(c)) add(groups[Number(c[1])] ?? '');
    else if (/[ULE]/.test(c)) mode = c === '\\E' ? '' : c[1];
    else if (/[ul]/.test(c)) once = c[1];
    else add(c === '\\n' ? '\n' : c === '\\t' ? '\t' : c.slice(1));
  }
  return result;
}
