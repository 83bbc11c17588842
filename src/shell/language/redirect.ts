// SPDX-License-Identifier: Apache-2.0
// Redirections: opens files and replaces streams, in the order in which they are written.
// Source: POSIX.1-2017, shell command language, section 2.7; bash 5.2, manual, section 3.6, and messages.
import { ERRNO_TEXT } from '../../ap-bus/errno.ts';
import type { Operation } from '../../ap-bus/operation.ts';
import type { CommandResult } from '../../sysfs/command.ts';
import type { ShellContext } from '../context.ts';
import type { Redirect } from './ast.ts';
import type { Expander } from './expand.ts';
import { Input } from './input.ts';
import {
  DiskSink,
  failing,
  NOWHERE,
  SHELL_WRITER,
  type Sink,
  type Streams,
  SysfsSink,
} from './sinks.ts';

const CLOSED = failing('EBADF');
const FULL = failing('ENOSPC');

/** The streams with redirections applied; undefined if one cannot be opened, which is reported. */
export async function redirected(
  context: ShellContext,
  expander: Expander,
  redirects: readonly Redirect[],
  streams: Streams,
): Promise<Streams | undefined> {
  let result = streams;
  for (const redirect of redirects) {
    const text = await expander.text(redirect.word);
    const next = await apply(context, redirect, text, result);
    if (typeof next === 'string') {
      streams.err.write(`bash: ${text}: ${next}\n`, SHELL_WRITER);
      return undefined;
    }
    result = next;
  }
  return result;
}

/** Applies one redirection, or returns the message about its failure. */
async function apply(
  context: ShellContext,
  { fd, form }: Redirect,
  text: string,
  streams: Streams,
): Promise<Streams | string> {
  if (form === 'document') return placed(streams, fd, new Input(text));
  if (form === 'string') return placed(streams, fd, new Input(`${text}\n`));
  if (form === 'read') {
    const input = await inputOf(context, text, streams);
    return typeof input === 'string' ? input : placed(streams, fd, input);
  }
  if (form !== 'duplicate') {
    const sink = opened(context, text, form, streams);
    return typeof sink === 'string' ? sink : placed(streams, fd, sink);
  }
  if (text === '-') return placed(streams, fd, fd === 0 ? new Input('') : CLOSED);
  // `>& file` is `&> file`.
  if (!/^\d+$/.test(text) && fd === 1) {
    const sink = opened(context, text, 'write', streams);
    return typeof sink === 'string' ? sink : { ...placed(streams, 1, sink), err: sink };
  }
  const source = descriptor(streams, Number(text));
  return source === undefined || source === CLOSED
    ? ERRNO_TEXT.EBADF
    : placed(streams, fd, source, text === '1');
}

function descriptor(streams: Streams, fd: number): Sink | Input | undefined {
  if (fd === 0) return streams.input;
  if (fd === 1) return streams.out;
  return fd === 2 ? streams.err : streams.others.get(fd);
}

function placed(streams: Streams, fd: number, what: Sink | Input, same = false): Streams {
  if (what instanceof Input) {
    if (fd === 0) return { ...streams, input: what };
    return { ...streams, others: new Map([...streams.others, [fd, what]]) };
  }
  if (fd === 1) return { ...streams, out: what, toTerminal: same && streams.toTerminal };
  if (fd === 2) return { ...streams, err: what };
  return { ...streams, others: new Map([...streams.others, [fd, what]]) };
}

/** Names of files that are descriptors or devices. */
const OUTPUTS: Readonly<Record<string, (streams: Streams) => Sink>> = {
  '/dev/full': () => FULL,
  '/dev/stdout': ({ out }) => out,
  '/dev/stderr': ({ err }) => err,
  '/dev/fd/1': ({ out }) => out,
  '/dev/fd/2': ({ err }) => err,
};

function opened(
  context: ShellContext,
  text: string,
  form: 'write' | 'append',
  streams: Streams,
): Sink | string {
  const path = context.files.absolute(text);
  const device = Object.hasOwn(OUTPUTS, path) ? OUTPUTS[path] : undefined;
  if (device !== undefined) return device(streams);
  const target = context.files.open(text, form === 'append');
  if (typeof target !== 'string') return ERRNO_TEXT[target.errno];
  if (target === 'null') return NOWHERE;
  return target === 'sysfs' ? new SysfsSink(context, path) : new DiskSink(context, path);
}

async function inputOf(
  context: ShellContext,
  path: string,
  streams: Streams,
): Promise<Input | string> {
  if (/^\/dev\/(?:stdin|fd\/0)$/.test(context.files.absolute(path))) return streams.input;
  const read = await context.drive(readAll(context, path), path);
  if ('operation' in read) return ERRNO_TEXT.EAGAIN;
  return read.status === 0 ? new Input(read.stdout) : read.stderr;
}

function* readAll(context: ShellContext, path: string): Operation<CommandResult> {
  const read = yield* context.files.readOperation(path);
  if (read.ok) return { stdout: read.text, stderr: '', status: 0 };
  return { stdout: '', stderr: ERRNO_TEXT[read.errno], status: 1 };
}
