// SPDX-License-Identifier: Apache-2.0
// Errors for what goes wrong in a driver's code. Their stack names functions, files and lines of the driver's sources.
import type { DriverModule } from './driver-module.ts';
import type { SourcePlace } from './line-table.ts';
import { webAssembly } from './webassembly.ts';

/** A frame in V8's stacks that is in a WebAssembly module. */
const FRAME = /^\s*at (?:(.+?) \()?wasm:\/\/[^)\s]*?wasm-function\[\d+\]:0x([0-9a-f]+)\)?$/;
/** Frames of ap.c and ap.h do not count as the driver's. */
const OWN = /(^|\/)apemu\/ap\.[ch]$/;

/** The error for something that no driver may do. */
class DriverFailure extends Error {
  override readonly name = 'Trap';
}

interface Frame {
  readonly name: string;
  readonly place: SourcePlace | undefined;
}

const framesOf = (stack: string, { lines, codeFrom, code }: DriverModule): Frame[] => {
  const frames: Frame[] = [];
  for (const line of stack.split('\n')) {
    const match = FRAME.exec(line);
    if (match === null) continue;
    const offset = Number.parseInt(match[2], 16) - codeFrom;
    if (offset < 0 || offset >= code.length) continue;
    frames.push({ name: match[1] ?? 'a function', place: lines.at(offset) });
  }
  return frames;
};

/** The driver's own frames, the innermost first. Without a line table, all frames of the module. */
const driverFrames = (stack: string, module: DriverModule): Frame[] => {
  const frames = framesOf(stack, module);
  const own = frames.filter(({ place }) => place !== undefined && !OWN.test(place.file));
  return own.length > 0 ? own : frames;
};

const placeText = ({ file, line }: SourcePlace): string => `${file}:${line}`;

/** Number of frames that are looked at, since frames of apemu lie between the driver's code and this one. */
const FRAMES_MAX = 40;

const stackHere = (): string => {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES_MAX;
  const { stack = '' } = new Error('here');
  Error.stackTraceLimit = limit;
  return stack;
};

/** Where the driver's code is now, as `function (file:line)`; undefined if it is not running. */
export const currentPlace = (module: DriverModule): string | undefined => {
  const [frame] = driverFrames(stackHere(), module);
  if (frame === undefined) return undefined;
  return frame.place === undefined ? frame.name : `${frame.name} (${placeText(frame.place)})`;
};

const WORDS: readonly (readonly [RegExp, string])[] = [
  [
    /unreachable/,
    'a trap: __builtin_trap, a check of -fsanitize-trap, or code that cannot be reached',
  ],
  [/memory access out of bounds/, 'an access outside of memory'],
  [/divide by zero/, 'division by zero'],
  [/integer overflow|result unrepresentable/, 'overflow in a division or conversion'],
  [
    /null function or function signature|signature mismatch|table index/,
    'a call of a pointer that is no function of this type',
  ],
  [/call stack size exceeded/, 'stack overflow'],
];

const wordsOf = (message: string): string =>
  WORDS.find(([pattern]) => pattern.test(message))?.[1] ?? message;

/** `place` is where it happened, if that is known better than by the stack. */
const failure = (
  words: string,
  stack: string,
  module: DriverModule,
  place?: SourcePlace & { readonly column?: number },
): DriverFailure => {
  const frames = driverFrames(stack, module);
  const error = new DriverFailure(words);
  const [first] = frames;
  const lines = frames.map((frame, index) => {
    const at = index === 0 ? (place ?? frame.place) : frame.place;
    return `    at ${frame.name} (${at === undefined ? module.name : at.file}:${at?.line ?? 0}:1)`;
  });
  if (first === undefined && place !== undefined)
    lines.push(`    at ${placeText(place)}:${place.column ?? 1}`);
  error.stack = [`${error.name}: ${words}`, ...lines].join('\n');
  return error;
};

/** The error for a failure at the place where the driver's code is now. */
export const failureHere = (
  words: string,
  module: DriverModule,
  place?: SourcePlace & { readonly column?: number },
): DriverFailure => failure(words, stackHere(), module, place);

/**
 * Explains an error that came out of the driver's code, if it is the machine's: a trap or an exhausted stack. Other errors are returned
 * unchanged.
 */
export const explained = (error: unknown, module: DriverModule): unknown => {
  if (!(error instanceof webAssembly.RuntimeError) && !(error instanceof RangeError)) return error;
  return failure(wordsOf(error.message), error.stack ?? '', module);
};
