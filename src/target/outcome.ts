// SPDX-License-Identifier: Apache-2.0
// What happened in one run of a target: facts without a judgement. Oracles judge them.
// Source: docs/design.md section 10.
import type { Fired } from '../scenario/scenario-run.ts';

/** One ending of a request. Times are in virtual nanoseconds since the kept moment. */
export interface EndingFact {
  readonly atNs: number;
  /** The error in the driver's own words; undefined if the request ended well. */
  readonly error: string | undefined;
  /** Why the reply is not the answer to the request; undefined if it is, or if that cannot be told. */
  readonly wrong: string | undefined;
}

/** The fate of one request. */
export interface RequestFact {
  readonly id: number;
  readonly apqn: number | undefined;
  /** What was asked for, in one word. */
  readonly kind: string;
  readonly atNs: number;
  /** Whether it was sent after the last event, to see whether the driver works again. */
  readonly probe: boolean;
  /** Whether it had not ended when everything else was over, or ended only because its user asked for something more. */
  overdue: boolean;
  readonly endings: EndingFact[];
}

/** Something that an instruction did and that a rule is about. */
export interface InstructionFact {
  readonly rule: 'program interruption' | 'token' | 'partial' | 'indicator' | 'advice';
  /** Description in words. */
  readonly text: string;
  readonly function: string;
  readonly apqn: number;
  readonly atNs: number;
}

/** Where the driver's code was at some moment. */
export interface CodePlace {
  readonly atNs: number;
  /** The place as `function (file:line)`. */
  readonly place: string;
}

/** What a kernel has printed on its console about an error of its own. */
export interface KernelComplaint {
  /** Kind of the error, such as `Oops`. */
  readonly name: string;
  /** The line on the console. */
  readonly line: string;
  /** The function in which it happened; empty if the kernel does not say. */
  readonly place: string;
}

export interface Outcome {
  readonly requests: readonly RequestFact[];
  /** Numbers of requests that the driver ended and nobody had made. */
  readonly strangers: readonly number[];
  readonly instructions: readonly InstructionFact[];
  /** Time of the first thing that can make a request fail; undefined if there was none. */
  readonly disturbedNs: number | undefined;
  /** An exception or a rejected promise: its message, and the place it came from. */
  readonly thrown: { readonly message: string; readonly place: string } | undefined;
  /** What the program did too often, going round without waiting; undefined if it did not. */
  readonly storm: string | undefined;
  /** Whether everything sleeps with work outstanding and nothing can wake it. */
  readonly asleep: boolean;
  /** Queues that did not serve a request again in the time they have, and what their last try ended with. */
  readonly unrecovered: readonly { readonly apqn: number; readonly why: string }[];
  /** What the driver still held after it was closed, by name. */
  readonly leaked: Readonly<Record<string, number>>;
  /** What a kernel under test has printed about itself. This and the next ones exist for kernels only. */
  readonly complaint?: KernelComplaint | undefined;
  /** What processes are doing that have not ended although they were killed. */
  readonly unkillable?: readonly string[];
  /** Files whose reading or writing has not ended. */
  readonly hanging?: readonly string[];
  /** Storage of which there is more after each repetition: number of objects, by the name of their cache. */
  readonly grown?: Readonly<Record<string, number>>;
  /** Queues without interruptions that have an outstanding request and a reply for which nobody has asked in seconds. */
  readonly neglected?: readonly number[];
  /**
   * Queues that served again only when an administrator had done something, although nothing had happened but that cards refused
   * requests.
   */
  readonly offline?: readonly { readonly apqn: number; readonly why: string }[];
  /** Counters of sysfs that contradict the machine: what each says, and what is right. */
  readonly miscounted?: readonly string[];
  readonly fired: readonly Fired[];
  /** Time, since the kept moment, when events had ended and it had been tried whether the driver works again. */
  readonly eventsEndNs: number;
  /** Number of AP instructions executed, and virtual time that passed. */
  readonly executed: number;
  readonly ns: number;
  /** What the run took of the computer, in a unit of the target: campaigns prefer what takes little. */
  readonly cost: number;
  /** What happened, one line for each thing; empty unless a trace was asked for. */
  readonly trace: readonly string[];
  /** With a trace, for drivers that tell: where in their code the instructions were executed. */
  readonly places: readonly CodePlace[];
  /** Features that this run met, each once: first those of the code, then architected cells, then pairs. */
  readonly features: readonly number[];
}
