// SPDX-License-Identifier: Apache-2.0
// `apemu qemu` without its command line: boots or attaches a guest and serves it until it ends.

import { existsSync } from 'node:fs';
import { STFLE_AQIC } from '../../native-like/arch/facilities.ts';
import { readBytes } from '../config/text-file.ts';
import { ApemuError } from '../errors.ts';
import type { ApService } from './ap-service.ts';
import { DEFAULT_MEMORY_MIB, kernelCommandLine, type LaunchOptions } from './arguments.ts';
import { Attachment, type AttachOptions } from './attach.ts';
import { KERNEL } from './guest-image/boot-files.ts';
import { launchQemu, memoryShortage, type QemuEnd, type RunningQemu } from './launch.ts';
import type { HookRule } from './lowcore.ts';
import type { Poller } from './poller.ts';
import { commandLineProblem, connectRunning, countCpus } from './running.ts';
import { startWithAdapters } from './service-calls.ts';
import { watchTestKernel } from './test-kernel.ts';

/** How a guest is served, whether or not apemu has started it. */
export interface ServeOptions {
  /** How to decide that its handlers are set; default `linux`. */
  readonly hook?: HookRule;
  /** Milliseconds for which a vCPU waits before the guest's own handler gets the instruction. */
  readonly patienceMs?: number;
  readonly log?: (line: string) => void;
  /** Lowcores of a guest that was served before. */
  readonly lowcores?: readonly number[];
  /** A kernel that has the partition to itself may configure its adapters. */
  readonly serviceCalls?: boolean;
  /** Ends a guest we booted. */
  readonly signal?: AbortSignal;
}

/** A guest that is served. */
export interface ServedGuest {
  readonly attachment: Attachment;
  /** The QEMU that was started here; undefined if it existed before. */
  readonly qemu: RunningQemu | undefined;
  /** Resolves when the guest's QEMU has ended: with what went wrong, or with undefined. */
  readonly ended: Promise<string | undefined>;
  /** Stops serving: ends the QEMU that was started here, or releases the one that was attached to. It can be called again. */
  close(): Promise<void>;
}

/** A kernel that executes no AP instruction for so long after it was hooked will not do so any more. */
const QUIET_MS = 60_000;

/** Options with which QEMU goes on after it has said that it ends. */
const ENDS_OTHERWISE = ['-no-shutdown', '--no-shutdown', '-action', '--action'];

/**
 * Boots a guest under QEMU and serves it.
 *
 * @throws ApemuError as `launchQemu`; APEMU_ERR_QEMU_KERNEL if the kernel does not know `facilities=`; APEMU_ERR_USAGE_APPEND if the
 * user's command line takes away what it needs
 */
export async function bootGuest(
  service: ApService,
  poller: Poller,
  launch: LaunchOptions,
  options: ServeOptions = {},
): Promise<ServedGuest> {
  const { moment } = launch;
  if (moment === undefined) checkKernel(launch);
  checkAppend(launch);
  const shortage = moment === undefined ? memoryShortage(launch) : undefined;
  if (shortage !== undefined) options.log?.(`${service.name}: ${shortage}`);
  return await serveGuest(await launchQemu(launch), service, poller, launch, options);
}

/** Serves a QEMU that `launchQemu` has started. If this throws, QEMU is ended. */
export async function serveGuest(
  qemu: RunningQemu,
  service: ApService,
  poller: Poller,
  launch: LaunchOptions,
  options: ServeOptions = {},
): Promise<ServedGuest> {
  let closing = false;
  try {
    const cpus = await countCpus(qemu.qmp);
    const { qmp, events, ram } = qemu;
    const debug = launch.moment === undefined ? qemu.debug : undefined;
    const connection = { qmp, events, ram, cpus, ...(debug === undefined ? {} : { debug }) };
    const attachment = attach(service, poller, connection, options);
    const close = async () => {
      closing = true;
      options.signal?.removeEventListener('abort', close);
      poller.remove(attachment);
      await qemu.close();
    };
    // The monitor's last message may be read after the process has gone.
    const ended = Promise.all([qemu.ended, events.ended]).then(([end]) => {
      poller.remove(attachment);
      return attachment.problem ?? (closing ? undefined : problemOf(attachment.shutdown, end));
    });
    attachment.onState = (state) => {
      if (state === 'ended' && attachment.problem !== undefined) close();
    };
    if (launch.extra?.some((word) => ENDS_OTHERWISE.includes(word)) !== true)
      attachment.onShutdown = () => qemu.hurry();
    // Without the monitor, nobody could let a guest go on that is being held.
    qmp.ended.then(() => qemu.hurry());
    options.signal?.addEventListener('abort', close, { once: true });
    if (options.signal?.aborted === true) await close();
    else if (launch.bare === true)
      await startTestKernel(qemu, service, attachment, { ...launch, cpus });
    // At a moment, or come from another QEMU, it stands still until its owner lets it go on.
    else if (startsAnew(launch) && launch.extra?.includes('-S') !== true)
      await (options.serviceCalls === true && service.adapters !== undefined
        ? startWithAdapters(readBytes(launch.kernel, KERNEL), { ...qemu, pause: attachment.pause })
        : start(qemu));
    return { attachment, qemu, ended: told(service, ended, options), close };
  } catch (error) {
    await qemu.close();
    throw error;
  }
}

const startsAnew = ({ moment, incoming }: LaunchOptions): boolean =>
  moment === undefined && incoming === undefined;

/** Reports how a guest has ended as soon as it has, since other guests may run for long. */
async function told(
  service: ApService,
  ended: Promise<string | undefined>,
  options: ServeOptions,
): Promise<string | undefined> {
  const problem = await ended;
  if (problem !== undefined) options.log?.(`${service.name}: ${problem}`);
  return problem;
}

/** Checks that what the user gave in place of our parameters is sufficient for the hook. */
function checkAppend(launch: LaunchOptions): void {
  if (launch.bare === true) return;
  const size = (launch.memoryMiB ?? DEFAULT_MEMORY_MIB) * 0x100000;
  const problem = commandLineProblem(kernelCommandLine(launch), size);
  if (problem === undefined) return;
  throw new ApemuError('APEMU_ERR_USAGE_APPEND', `--append ${launch.append}: ${problem}`);
}

/** Reasons in QEMU's SHUTDOWN event for an end that nobody wanted. Source: QEMU's QMP reference, ShutdownCause. */
const BAD_ENDINGS: Readonly<Record<string, string>> = {
  'guest-panic': 'the guest has panicked',
  'host-signal': 'QEMU was ended by a signal',
  'host-error': 'QEMU met an error and ended',
};

/**
 * What went wrong when a QEMU has ended that was not ended here.
 *
 * @param shutdown the reason that its SHUTDOWN event named
 * @param end how its process ended; undefined if it is not a process of ours
 */
function problemOf(shutdown: string | undefined, end?: QemuEnd): string | undefined {
  const bad = shutdown === undefined ? undefined : BAD_ENDINGS[shutdown];
  if (bad !== undefined) return bad;
  if (end?.hurried === true)
    return shutdown === undefined ? 'its QEMU does not answer any more' : undefined;
  const text = end?.stderr.trim() ?? '';
  const why = text === '' ? '' : `: ${text}`;
  if (end !== undefined && end.signal !== null) return `QEMU has ended by ${end.signal}${why}`;
  if (end !== undefined && end.status !== 0)
    return `QEMU has ended with status ${end.status}${why}`;
  return shutdown === undefined ? `QEMU has ended without saying why${why}` : undefined;
}

/** Starts a test kernel. It is hooked when it sets its handlers, and watched from its first instruction on. */
async function startTestKernel(
  qemu: RunningQemu,
  service: ApService,
  attachment: Attachment,
  launch: LaunchOptions,
): Promise<void> {
  attachment.look();
  if (launch.watched === false) return start(qemu);
  const facilities = new Set(service.facilities);
  if (launch.interrupts === false) facilities.delete(STFLE_AQIC);
  const { ram, debug } = qemu;
  const { pause } = attachment;
  const kernel = readBytes(launch.kernel, KERNEL);
  const cpus = launch.cpus ?? 1;
  const guest = { ram, service, attachment, pause, cpus, facilities };
  await watchTestKernel(debug, kernel, guest, () => qemu.hurry());
}

/** Lets the guest run. It may have ended before the answer comes. */
async function start({ qmp }: RunningQemu): Promise<void> {
  await qmp.execute('cont').catch((error) => {
    if (!qmp.closed) throw error;
  });
}

/**
 * Serves a guest whose QEMU somebody else started.
 *
 * @param qmpPath the Unix socket of its monitor
 */
export async function attachGuest(
  service: ApService,
  poller: Poller,
  qmpPath: string,
  options: ServeOptions = {},
): Promise<ServedGuest> {
  const { signal } = options;
  const connection = await connectRunning(qmpPath, { signal, bare: options.hook === 'bare' });
  const attachment = attach(service, poller, connection, options);
  const ended = new Promise<void>((resolve) => {
    attachment.onState = (state) => {
      if (state === 'ended') resolve();
    };
  }).then(() => {
    poller.remove(attachment);
    return attachment.problem ?? (closed ? undefined : problemOf(attachment.shutdown));
  });
  let closed = false;
  const close = async () => {
    if (closed) return;
    closed = true;
    if (attachment.state === 'attached')
      options.log?.(
        `${service.name}: let go: its next AP instruction is an operation exception, which Linux does not survive. Serve it again before`,
      );
    await attachment.detach().catch(() => {});
    poller.remove(attachment);
    connection.qmp.close();
    connection.ram.close();
  };
  return { attachment, qemu: undefined, ended: told(service, ended, options), close };
}

function attach(
  service: ApService,
  poller: Poller,
  connection: Pick<AttachOptions, 'qmp' | 'events' | 'ram' | 'cpus' | 'debug'>,
  options: ServeOptions,
): Attachment {
  const log = options.log ?? (() => {});
  const attachment = new Attachment({
    ...connection,
    service,
    rule: options.hook ?? 'linux',
    log: (line) => log(`${service.name}: ${line}`),
    ...(options.patienceMs === undefined ? {} : { patienceMs: options.patienceMs }),
    ...(options.lowcores === undefined ? {} : { lowcores: options.lowcores }),
    serviceCalls: options.serviceCalls ?? false,
  });
  poller.add(attachment);
  if (options.lowcores !== undefined) return attachment;
  const timer = setTimeout(() => {
    if (attachment.loop.counts.instructions > 0 || attachment.state === 'ended') return;
    log(
      attachment.state === 'attached'
        ? `${service.name}: no AP instruction yet. Was facilities=12,15,65 on the kernel's command line, and is its AP bus built in?`
        : `${service.name}: no kernel found yet. Is it an s390x Linux (or --hook bare), and is the memory backend share=on?`,
    );
  }, QUIET_MS);
  timer.unref();
  return attachment;
}

/**
 * Looks at the kernel's file before QEMU does. The name of the parameter `facilities=` is in the decompressor of Linux, which itself is not
 * compressed.
 *
 * @throws ApemuError APEMU_ERR_QEMU_KERNEL
 */
function checkKernel({ kernel, bare }: LaunchOptions): void {
  // QEMU says what is wrong with a file that is not there.
  if (!existsSync(kernel)) return;
  if (readBytes(kernel, KERNEL).includes('facilities') || bare === true) return;
  throw new ApemuError(
    'APEMU_ERR_QEMU_KERNEL',
    `${kernel} does not know the parameter facilities=, so it cannot be told of AP facilities. Use an s390x Linux kernel 5.0 or newer, or \`apemu guest-image\`.`,
  );
}
