// SPDX-License-Identifier: Apache-2.0
// A machine under watch: lines of an AP program are run one by one, and after each the rules are checked.
// Source: docs/design.md sections 6 and 9.
import { V_GR } from '../../native-like/machine/layout.ts';
import type { MachineConfig } from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import type { Machine, MachineOptions } from '../host/machine/machine.ts';
import { type MachineForPrograms, openProgramMachine } from '../program/adapter.ts';
import type { CpuName, Statement } from '../program/ast.ts';
import { compileProgram, type Step } from '../program/compile.ts';
import { type Action, type Ending, HOST, TIME } from './action.ts';
import { type Violation, violated } from './rules.ts';
import { checkMasks, checkPins, checkQueues } from './state-rules.ts';
import { Watch } from './watch.ts';

export interface SessionOptions {
  readonly config: MachineConfig;
  readonly seed: number;
  /** Called with each new machine; tests plant defects here. */
  readonly prepare?: ((machine: Machine) => void) | undefined;
}

/** An instruction that was executed. */
export interface Executed {
  /** Word index of the vCPU's block. */
  readonly vcpu: number;
  readonly word: number;
  /** Low half of GR0 before the instruction. */
  readonly gr0: number;
  readonly ending: Ending;
}

/** Lines after which everything is checked, not only queues. */
const THOROUGH_EVERY = 64;
/** Looks at the queues one line may take: a minute of virtual time takes some hundred. */
const LOOKS_PER_LINE = 200_000;
/** After some faults a host driver polls without end, as in Linux; the clock says so instead of running. */
const POLLS_FOR_EVER = 'APEMU_ERR_CLOCK_ENDLESS';
const NONE: Ending = { program: 0, cc: 0 };

export class Session {
  readonly machine: Machine;
  readonly watch: Watch;
  /** The last instruction that ran to its end; undefined before the first. */
  lastInstruction: Executed | undefined;
  readonly #lines: MachineForPrograms;
  #count = 0;
  #looks = 0;

  private constructor(lines: MachineForPrograms) {
    this.#lines = lines;
    this.machine = lines.machine;
    this.watch = new Watch(this.machine.image);
    this.#countLooks();
    this.#hearResets();
  }

  /** An endless line would look at the queues for ever; this is where it can be stopped. */
  #countLooks(): void {
    const { service } = this.machine;
    const serve = service.serve.bind(service);
    service.serve = () => {
      if (++this.#looks > LOOKS_PER_LINE) throw new EndlessLine('the line does not come to an end');
      return serve();
    };
  }

  /** The books hear of the resets of AP bus and vfio_ap as they happen. */
  #hearResets(): void {
    const port = this.machine.host.bus.partition;
    for (const name of ['rapq', 'zapq'] as const) {
      const reset = port[name].bind(port);
      port[name] = (apqn: number, fBit?: boolean) => {
        const status = reset(apqn, fBit);
        this.watch.hostReset(apqn);
        return status;
      };
    }
  }

  static async open(options: SessionOptions): Promise<Session> {
    const { seed } = options;
    const machineOptions: Pick<MachineOptions, 'seed'> = { seed };
    const lines = await openProgramMachine(options.config, machineOptions);
    options.prepare?.(lines.machine);
    return new Session(lines);
  }

  /** Runs one line. The first rule that does not hold afterwards, or undefined. */
  run(statement: Statement): Violation | undefined {
    if (statement.kind === 'comment') return undefined;
    try {
      const program = { file: '<fuzz>', config: undefined, statements: [statement] };
      const [step] = compileProgram(program, this.#lines, () => {});
      if (step === undefined || step.kind === 'step') return undefined;
      const action = this.#action(statement, step);
      load(step);
      this.#looks = 0;
      this.watch.begin(action);
      const gr0 = this.machine.image.word(action.vcpu + V_GR + 1);
      step.run();
      const ending = endingOf(step);
      this.lastInstruction = { vcpu: action.vcpu, word: action.word, gr0, ending };
      return this.watch.end(action, ending) ?? this.#state(action);
    } catch (error) {
      if (error instanceof ApemuError && error.code === POLLS_FOR_EVER) return undefined;
      const message = error instanceof Error ? error.message : String(error);
      return violated(error instanceof EndlessLine ? 'progress' : 'crash', message);
    }
  }

  close(): void {
    this.#lines.close();
  }

  #action(statement: Statement, step: Step): Action {
    if (!('cpu' in statement)) return statement.kind === 'clock' ? TIME : HOST;
    const place = this.#place(statement.cpu);
    if (step.kind !== 'instruction') return { kind: 'guest', ...place, word: 0 };
    return { kind: 'instruction', ...place, word: step.word };
  }

  #place(cpu: CpuName): { readonly guest: number; readonly vcpu: number } {
    if (cpu.guest === undefined) return { guest: 0, vcpu: this.machine.hostCpu.block };
    const guest = this.machine.guest(cpu.guest);
    return { guest: guest.number, vcpu: guest.cpu(cpu.vcpu).cpu.block };
  }

  #state(action: Action): Violation | undefined {
    const { image } = this.machine;
    this.#count++;
    const found = checkQueues(image) ?? checkPins(image);
    if (found !== undefined) return found;
    const thorough = action.kind === 'host' || this.#count % THOROUGH_EVERY === 0;
    return thorough ? checkMasks(image) : undefined;
  }
}

class EndlessLine extends Error {}

const endingOf = (step: Step): Ending =>
  step.kind === 'instruction'
    ? {
        program: step.interrupted() ? step.cpu.programInterruption() : 0,
        cc: step.cpu.conditionCode(),
      }
    : NONE;

/** Registers are loaded before the watch begins: it looks at what the instruction starts with. */
const load = (step: Step): void => {
  if (step.kind !== 'instruction') return;
  for (let n = 0; n < step.loads.length; n += 3)
    step.cpu.setGr(step.loads[n], step.loads[n + 1], step.loads[n + 2]);
};
