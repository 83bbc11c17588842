// SPDX-License-Identifier: Apache-2.0
// What happened in one run of a target: facts, without a judgement. Oracles judge.
// Source: docs/design.md section 10.
import type { Fired } from '../scenario/scenario-run.ts';

/** One ending of a request; times in virtual nanoseconds since the kept moment. */
export interface EndingFact {
  readonly atNs: number;
  /** The driver's own word; undefined: it ended well. */
  readonly error: string | undefined;
  /** Why the reply is not the answer to the request; undefined: it is, or nobody can tell. */
  readonly wrong: string | undefined;
}

/** What became of one request. */
export interface RequestFact {
  readonly id: number;
  readonly apqn: number | undefined;
  /** What was asked, in one word. */
  readonly kind: string;
  readonly atNs: number;
  /** Sent after the last event, to see whether the driver works again. */
  readonly probe: boolean;
  /** It had not ended when everything else was over, or only because its user asked for something more. */
  overdue: boolean;
  readonly endings: EndingFact[];
}

/** Something an instruction did that a rule is about. */
export interface InstructionFact {
  readonly rule: 'program interruption' | 'token' | 'partial' | 'indicator' | 'advice';
  /** In words. */
  readonly text: string;
  readonly function: string;
  readonly apqn: number;
  readonly atNs: number;
}

/** Where the driver's code was at some moment. */
export interface CodePlace {
  readonly atNs: number;
  /** `function (file:line)` */
  readonly place: string;
}

/** What a kernel said on its console about itself. */
export interface KernelComplaint {
  /** Which kind, as `Oops`. */
  readonly name: string;
  /** The line. */
  readonly line: string;
  /** The function it was in; '': not said. */
  readonly place: string;
}

export interface Outcome {
  readonly requests: readonly RequestFact[];
  /** Endings of requests nobody made. */
  readonly strangers: readonly number[];
  readonly instructions: readonly InstructionFact[];
  /** When something happened for the first time that can make a request fail; undefined: nothing did. */
  readonly disturbedNs: number | undefined;
  /** An exception or a rejected promise: message and the place it came from. */
  readonly thrown: { readonly message: string; readonly place: string } | undefined;
  /** The program went round without waiting: what it did too often. */
  readonly storm: string | undefined;
  /** Everything sleeps and nothing can wake it, with work outstanding. */
  readonly asleep: boolean;
  /** Queues that did not serve a request again within the bound: what their last try ended with. */
  readonly unrecovered: readonly { readonly apqn: number; readonly why: string }[];
  /** What the driver still held after it was closed, by name. */
  readonly leaked: Readonly<Record<string, number>>;
  /** Of a kernel under test only, with what follows. */
  readonly complaint?: KernelComplaint | undefined;
  /** What processes do that have not ended though they were killed. */
  readonly unkillable?: readonly string[];
  /** Files whose reading or writing has not ended. */
  readonly hanging?: readonly string[];
  /** Storage of which there is more after each repetition, by the name of its cache: objects for each. */
  readonly grown?: Readonly<Record<string, number>>;
  /** Queues with an outstanding request, without interruptions, and with a reply that nobody has asked for in seconds. */
  readonly neglected?: readonly number[];
  /** After requests that cards have refused, and nothing else: queues that served again only when an administrator had done something. */
  readonly offline?: readonly { readonly apqn: number; readonly why: string }[];
  /** Counters of sysfs that contradict the machine: what each says, and what is right. */
  readonly miscounted?: readonly string[];
  readonly fired: readonly Fired[];
  /** When events ended and it was seen whether the driver works again, since the kept moment. */
  readonly eventsEndNs: number;
  /** AP instructions executed, and virtual time that passed. */
  readonly executed: number;
  readonly ns: number;
  /** What happened, a line each; empty unless asked for. */
  readonly trace: readonly string[];
  /** With a trace, for drivers that tell: where in their code the instructions were. */
  readonly places: readonly CodePlace[];
  /** Features this run met, each once: code first, then architected cells, then pairs. */
  readonly features: readonly number[];
}
