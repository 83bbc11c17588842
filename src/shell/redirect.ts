// SPDX-License-Identifier: Apache-2.0
// Redirections: files opened, streams put in place, in the order they stand.
// Source: POSIX.1-2017, shell command language, section 2.7; messages of bash 5.2.
import { ERRNO_TEXT } from '../ap-bus/errno.ts';
import type { Operation } from '../ap-bus/operation.ts';
import type { CommandResult } from '../sysfs/command.ts';
import type { Redirect } from './ast.ts';
import { Input } from './command-row.ts';
import type { ShellContext } from './context.ts';
import type { Expander } from './expand.ts';
import { DiskSink, NOWHERE, SHELL_WRITER, type Sink, type Streams, SysfsSink } from './sinks.ts';

/** Streams with redirections applied; undefined when one cannot be opened (reported). */
export async function redirected(
  context: ShellContext,
  expander: Expander,
  redirects: readonly Redirect[],
  streams: Streams,
): Promise<Streams | undefined> {
  let result = streams;
  for (const redirect of redirects) {
    const text = await expander.text(redirect.word);
    const next = apply(context, redirect, text, result);
    if (typeof next === 'string') {
      streams.err.write(`bash: ${text}: ${next}\n`, SHELL_WRITER);
      return undefined;
    }
    result = next;
  }
  return result;
}

/** One redirection, or the message of its failure. */
function apply(
  context: ShellContext,
  { fd, form }: Redirect,
  text: string,
  streams: Streams,
): Streams | string {
  if (form === 'document') return { ...streams, input: new Input(text) };
  if (form === 'read') return input(context, text, streams);
  const sink = form === 'duplicate' ? copied(text, streams) : opened(context, text, form);
  if (typeof sink === 'string') return sink;
  return fd === 2 ? { ...streams, err: sink } : { ...streams, out: sink, toTerminal: false };
}

function copied(text: string, streams: Streams): Sink | string {
  if (text === '1') return streams.out;
  return text === '2' ? streams.err : 'Bad file descriptor';
}

function opened(context: ShellContext, text: string, form: 'write' | 'append'): Sink | string {
  const target = context.files.open(text, form === 'append');
  if (typeof target !== 'string') return ERRNO_TEXT[target.errno];
  const path = context.files.absolute(text);
  if (target === 'null') return NOWHERE;
  return target === 'sysfs' ? new SysfsSink(context, path) : new DiskSink(context, path);
}

function input(context: ShellContext, path: string, streams: Streams): Streams | string {
  const read = context.drive(readAll(context, path), path);
  if ('operation' in read) return ERRNO_TEXT.EAGAIN;
  return read.status === 0 ? { ...streams, input: new Input(read.stdout) } : read.stderr;
}

function* readAll(context: ShellContext, path: string): Operation<CommandResult> {
  const read = yield* context.files.readOperation(path);
  if (read.ok) return { stdout: read.text, stderr: '', status: 0 };
  return { stdout: '', stderr: ERRNO_TEXT[read.errno], status: 1 };
}
