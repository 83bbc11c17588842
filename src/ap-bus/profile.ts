// SPDX-License-Identifier: Apache-2.0
// Behaviour profiles of the host kernel: sets of named switches, one row a profile.
// Source: docs/reference/vfio-ap.md section 9 (VD-01 to VD-30) and section 6.2; the recordings in test/golden.

/** Live migration of guests: none, the two later posted forms with their defects, or form B with its open points decided. */
export type Migration = 'off' | 'posted-a' | 'posted-b' | 'strict';

/** What kernels do differently. Every switch can be set alone (`host.switches` of a configuration). */
export interface HostSwitches {
  /** mdev file `ap_config` and the word in the matrix device's `features` (6.10+). */
  readonly apConfigFile: boolean;
  /** /sys/bus/ap/features (6.4+). */
  readonly busFeaturesFile: boolean;
  /** driver_override of queues and bindings_complete_count of the bus (6.19+). */
  readonly driverOverride: boolean;
  /** A mask edit asks for the added numbers times all of the other axis, not times the other mask (newest). */
  readonly inUseAsksAll: boolean;
  /** states and last_err_rc of queues (CONFIG_AP_DEBUG; the recorded 6.1 has none). */
  readonly debugFiles: boolean;
  /** Adapter types below this number get no device (10 = CEX4; 6.1: 6). */
  readonly oldestCardType: number;
  /** Card file `depth` shows the messages a queue takes (qd + 1); off: qd itself, as 6.1. */
  readonly depthCountsMessages: boolean;
  /** poll_timeout and poll_thread parse as scanned integers (before 6.5). */
  readonly scannedPollFiles: boolean;
  /** A queue whose reset ended with RC 03 or 04 may be passed through. */
  readonly deconfiguredPassable: boolean;
  /** cfg_chg eventfd of the vfio device (VD-21, 6.15+). */
  readonly cfgChangeEvent: boolean;
  /** Text of the no-sharing message: corrected ("assign … already assigned") or older ("re-assign …"). */
  readonly sharingMessageCorrected: boolean;
  /** S1-21: assign while another host operation holds the locks answers EAGAIN instead of waiting. */
  readonly assignTrylock: boolean;
  /** VD-03: removal of an mdev in use. */
  readonly removeInUse: 'block' | 'ebusy';
  /** VD-05: every APQN of a matrix must be bound to vfio_ap. */
  readonly strictBound: boolean;
  /** S4-22: bind to vfio_ap needs no mask change; assignment asks for bound queues only. */
  readonly bindIgnoresMasks: boolean;
  /** S4-14: assigning a usage domain also makes it a control domain. */
  readonly admIncludesUsage: boolean;
  /**
   * What a mask edit does with a queue that has no driver. Linux reads a word through a NULL pointer, so it depends on the build (VD-19,
   * VD-32): stock kernels attach what the host owns, other builds what a guest owns; attach attempts for all are a choice.
   */
  readonly driverlessAtMaskEdit: 'attach' | 'attach-if-host-owned' | 'attach-if-guest-owned';
  /** The scan starts the state machine of new queues and of those that are back (6.4+); before, only drivers did. */
  readonly scanInitiatesQueues: boolean;
  /** States that end by themselves are polled at 25 Hz (6.4+); before, as often as replies. */
  readonly lowFrequencyPolling: boolean;
  /** BINDINGS=complete is told once, until something new is to be bound (6.8+); before, after each probe. */
  readonly bindingsRearmed: boolean;
  /** Queue file `interrupt` asks TAPQ (6.4+); before, it shows what the state machine noted. */
  readonly interruptFromTapq: boolean;
  /** Queue file `ap_functions` (6.4+). */
  readonly queueFunctionsFile: boolean;
  /** Queue and card file `online` looks at checkstop (6.2+). */
  readonly onlineSeesCheckstop: boolean;
  /** Answers of CCA and EP11 cards about themselves are remembered (until 6.15). */
  readonly cardInfoCached: boolean;
  /** The driver's own requests that find no device start a scan and try again (6.8+). */
  readonly requestsRescan: boolean;
  /** The first random numbers are asked for when the generator is registered (until 6.1), not by its thread. */
  readonly earlyRandomness: boolean;
  /** SE_BIND and SE_ASSOC events (7.0+). */
  readonly secureExecutionEvents: boolean;
  /** vfio_ap looks until a reset has ended (6.8+); before, twice, 20 ms apart, and RC 05 was an error. */
  readonly resetVerification: 'until-done' | 'two-polls';
  /** All queues of an adapter that leaves a guest are reset (6.8+); before, only the one that was unbound. */
  readonly resetsWholeAdapter: boolean;
  /** The vfio device asks its user to let go (6.3+). */
  readonly requestsRelease: boolean;
  /** VD-06: status of a missing hook in bits 32-63. */
  readonly strictStatus: boolean;
  /** VD-07: AQIC on an APQN outside the guest's APCB answers RC 01. */
  readonly aqicChecksApcb: boolean;
  /** VD-18: after an odd AQIC response code the new pin and ISC stay. Upstream has it still (7.2.13); `current` does not. */
  readonly leakAqicResources: boolean;
  /** the hook is stored before the check for another mdev and stays after EPERM. */
  readonly hookBeforeCheck: boolean;
  /** after the first mdev hit by a host removal, every following mdev is treated as hit. */
  readonly removalFlagSticks: boolean;
  /** host removal of control domains takes those not assigned instead of those assigned. */
  readonly removalReversesControlDomains: boolean;
  /** Migration interface of the vfio device (docs/reference/migration.md, not merged). */
  readonly migration: Migration;
  /** The type vfio_ap-virtual: not there, beside the other as long as no mdev of it lives, or both at a time (V-02, VD-29). */
  readonly virtualMdevs: 'off' | 'exclusive' | 'mixed';
  /** host removal of the last adapter, domain or control domain writes no CRYCB. */
  readonly removalOfLastSkipsUpdate: boolean;
}

export type ProfileName =
  | 'current'
  | 'mixed'
  | 'linux-7.2'
  | 'linux-6.12'
  | 'linux-6.1'
  | 'v13'
  | 'doc-v6'
  | 'strict';

const CURRENT: HostSwitches = {
  apConfigFile: true,
  busFeaturesFile: true,
  driverOverride: true,
  inUseAsksAll: true,
  debugFiles: true,
  oldestCardType: 10,
  depthCountsMessages: true,
  scannedPollFiles: false,
  deconfiguredPassable: true,
  cfgChangeEvent: true,
  sharingMessageCorrected: true,
  assignTrylock: false,
  removeInUse: 'block',
  strictBound: false,
  bindIgnoresMasks: false,
  admIncludesUsage: false,
  driverlessAtMaskEdit: 'attach-if-host-owned',
  scanInitiatesQueues: true,
  lowFrequencyPolling: true,
  bindingsRearmed: true,
  interruptFromTapq: true,
  queueFunctionsFile: true,
  onlineSeesCheckstop: true,
  cardInfoCached: false,
  requestsRescan: true,
  earlyRandomness: false,
  secureExecutionEvents: true,
  resetVerification: 'until-done',
  resetsWholeAdapter: true,
  requestsRelease: true,
  strictStatus: false,
  aqicChecksApcb: false,
  leakAqicResources: false,
  hookBeforeCheck: false,
  removalFlagSticks: false,
  removalReversesControlDomains: false,
  removalOfLastSkipsUpdate: false,
  migration: 'off',
  virtualMdevs: 'off',
};

const LINUX_6_12: HostSwitches = {
  ...CURRENT,
  driverOverride: false,
  inUseAsksAll: false,
  cfgChangeEvent: false,
  sharingMessageCorrected: false,
  cardInfoCached: true,
  secureExecutionEvents: false,
  leakAqicResources: true,
  hookBeforeCheck: true,
  removalFlagSticks: true,
  removalReversesControlDomains: true,
  removalOfLastSkipsUpdate: true,
};

const LINUX_6_1: HostSwitches = {
  ...CURRENT,
  debugFiles: false,
  apConfigFile: false,
  busFeaturesFile: false,
  driverOverride: false,
  inUseAsksAll: false,
  oldestCardType: 6,
  depthCountsMessages: false,
  scannedPollFiles: true,
  deconfiguredPassable: false,
  cfgChangeEvent: false,
  scanInitiatesQueues: false,
  lowFrequencyPolling: false,
  bindingsRearmed: false,
  interruptFromTapq: false,
  queueFunctionsFile: false,
  onlineSeesCheckstop: false,
  cardInfoCached: true,
  requestsRescan: false,
  earlyRandomness: true,
  secureExecutionEvents: false,
  resetVerification: 'two-polls',
  resetsWholeAdapter: false,
  requestsRelease: false,
};

/** `current` without what upstream still has wrong: VD-18. */
const LINUX_7_2: HostSwitches = { ...CURRENT, virtualMdevs: 'off', leakAqicResources: true };

/** Section 9: what each profile switches. */
export const PROFILES: Readonly<Record<ProfileName, HostSwitches>> = {
  current: CURRENT,
  'linux-7.2': LINUX_7_2,
  'linux-6.12': LINUX_6_12,
  'linux-6.1': LINUX_6_1,
  v13: { ...LINUX_6_1, assignTrylock: true },
  'doc-v6': { ...LINUX_6_1, strictBound: true, bindIgnoresMasks: true, admIncludesUsage: true },
  mixed: { ...CURRENT, virtualMdevs: 'mixed' },
  strict: { ...CURRENT, strictStatus: true, aqicChecksApcb: true },
};

/** The switches of a profile with single ones replaced. */
export function switchesOf(
  profile: ProfileName,
  overrides: Partial<HostSwitches> = {},
): HostSwitches {
  return { ...PROFILES[profile], ...overrides };
}
