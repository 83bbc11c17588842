// SPDX-License-Identifier: Apache-2.0
// Replays the text of a recording on new hosts of apemu, and searches for what the recording does not say about its run.
// Source: test/golden/README.md; docs/decisions.md VD-56.
import { type HostSwitches, PROFILES } from '../ap-bus/profile.ts';
import { KERNEL_PROFILES, type KernelProfileName, type MachineConfig } from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import { type GoldenResult, replayGolden } from '../sysfs/golden.ts';
import { type Circumstances, findCircumstances, type Replayer } from '../sysfs/golden-search.ts';
import { type RecordedKernel, recordedKernel } from '../sysfs/recording.ts';
import { openGoldenHost, USUAL_BOOT_US } from './golden-host.ts';

export interface ReplayOptions {
  /** The partition, the profile of recordings that name none, and switches of our model. */
  readonly config: MachineConfig;
  /** The profile, whatever the recording says. */
  readonly profile?: KernelProfileName | undefined;
  /** Whether to look for what a recording does not say. */
  readonly search: boolean;
  readonly aborted: () => boolean;
  /** Lets events in, before each replay. */
  readonly breathe: () => Promise<void>;
  /** Does one replay, which lets no events in: that of a recording with a million lines takes seconds. */
  readonly blocking?: <T>(work: () => T) => T;
}

/** A replay, what it supposed of the run at first, and under which circumstances it came furthest. */
export interface Replayed {
  readonly result: GoldenResult;
  readonly start: Circumstances;
  readonly found: Circumstances;
}

/**
 * Replays one recording.
 * @throws ApemuError APEMU_ERR_GOLDEN_LINE with file and line if the text is no recording, or names what there is not
 */
export async function replayRecording(
  text: string,
  file: string,
  options: ReplayOptions,
): Promise<Replayed> {
  const recorded = recordedKernel(text, file);
  const kernel = profileFor(file, recorded, options);
  const replay = replayer(text, file, kernel, options);
  const start: Circumstances = {
    bootUs: recorded.bootUs ?? USUAL_BOOT_US,
    turns: recorded.turns ?? {},
    pauses: recorded.pauses ?? {},
    switches: switchesOf(file, recorded),
  };
  const { result } = await replay(start, false);
  if (result.differences === 0 || !options.search) return { result, start, found: start };
  const found = await findCircumstances(replay, start, {
    build: recorded.switches === undefined,
    aborted: options.aborted,
  });
  return { ...(await replay(found, false)), start, found };
}

/** The profile: of the command, of the recording, of the configuration. */
function profileFor(
  file: string,
  recorded: RecordedKernel,
  { profile, config }: ReplayOptions,
): KernelProfileName {
  const name = profile ?? recorded.profile ?? config.host.kernel;
  const known = KERNEL_PROFILES.find((each) => each === name);
  if (known !== undefined) return known;
  const expected = `expected one of ${KERNEL_PROFILES.join(', ')}`;
  throw new ApemuError('APEMU_ERR_GOLDEN_LINE', `no profile ${name} (${expected})`, {
    place: { file, line: 1 },
  });
}

function switchesOf(file: string, recorded: RecordedKernel): Partial<HostSwitches> {
  const known: Readonly<Record<string, unknown>> = { ...PROFILES.current };
  for (const [name, value] of Object.entries(recorded.switches ?? {})) {
    if (Object.hasOwn(known, name) && typeof value === typeof known[name]) continue;
    throw new ApemuError('APEMU_ERR_GOLDEN_LINE', `no switch ${name} of value ${value}`, {
      place: { file, line: 1 },
    });
  }
  return (recorded.switches ?? {}) as Partial<HostSwitches>;
}

/** Replays on a fresh host each time. */
const replayer =
  (
    text: string,
    file: string,
    kernel: KernelProfileName,
    { config, breathe, blocking = (work) => work() }: ReplayOptions,
  ): Replayer =>
  async (circumstances, toFirst) => {
    await breathe();
    const { switches, pauses } = circumstances;
    const all = { ...config.host.switches, ...switches };
    const host = await openGoldenHost(
      { ...config, host: { ...config.host, kernel, switches: all } },
      circumstances,
    );
    try {
      const result = blocking(() => replayGolden(host, text, file, { toFirst, pauses }));
      return { result, asked: host.asked };
    } finally {
      host.close();
    }
  };
