// SPDX-License-Identifier: Apache-2.0
// Behaviour profiles of the host kernel: sets of named switches, one row a profile.
// Source: docs/reference/vfio-ap.md section 9 (VD-01 to VD-30) and section 6.2; the recordings in test/golden.

/** Live migration of guests: none; one of the two later posted forms with their defects; or form B with its open points decided. */
export type Migration = 'off' | 'posted-a' | 'posted-b' | 'strict';

/** The ways in which kernels differ. Every switch can also be set alone (`host.switches` of a configuration). */
export interface HostSwitches {
  /** mdev file `ap_config` and the word in the matrix device's `features` (6.10+). */
  readonly apConfigFile: boolean;
  /** /sys/bus/ap/features (6.4+). */
  readonly busFeaturesFile: boolean;
  /** driver_override of queues and bindings_complete_count of the bus (6.19+). */
  readonly driverOverride: boolean;
  /**
   * A mask edit asks drivers about the added numbers combined with all of the other axis, and not only with the other mask (newest
   * kernels).
   */
  readonly inUseAsksAll: boolean;
  /** The queue files `states` and `last_err_rc` (CONFIG_AP_DEBUG; the recorded 6.1 does not have it). */
  readonly debugFiles: boolean;
  /** Lowest adapter type that gets a device (10 = CEX4; in 6.1 it is 6). */
  readonly oldestCardType: number;
  /** The card file `depth` shows how many messages a queue takes (qd + 1). If off, it shows qd itself, as 6.1 does. */
  readonly depthCountsMessages: boolean;
  /** poll_timeout and poll_thread are parsed with sscanf (before 6.5). */
  readonly scannedPollFiles: boolean;
  /** A queue whose reset ended with response code 03 or 04 may be passed through. */
  readonly deconfiguredPassable: boolean;
  /** cfg_chg eventfd of the vfio device (VD-21, 6.15+). */
  readonly cfgChangeEvent: boolean;
  /** Text of the no-sharing message: the corrected one ("assign … already assigned") or the older one ("re-assign …"). */
  readonly sharingMessageCorrected: boolean;
  /** S1-21: an assignment while another host operation holds the locks fails with EAGAIN instead of waiting. */
  readonly assignTrylock: boolean;
  /** VD-03: what removing an mdev in use does. */
  readonly removeInUse: 'block' | 'ebusy';
  /** VD-05: every APQN of a matrix must be bound to vfio_ap. */
  readonly strictBound: boolean;
  /** S4-22: binding to vfio_ap needs no change of masks; an assignment requires only that queues are bound. */
  readonly bindIgnoresMasks: boolean;
  /** S4-14: assigning a usage domain also makes it a control domain. */
  readonly admIncludesUsage: boolean;
  /**
   * What a mask edit does with a queue that has no driver. Linux reads a word through a NULL pointer, so it depends on the build (VD-19,
   * VD-32): stock kernels attach what the host owns, other builds what a guest owns. To try to attach all is a choice.
   */
  readonly driverlessAtMaskEdit: 'attach' | 'attach-if-host-owned' | 'attach-if-guest-owned';
  /** The scan starts the state machine of new queues and of queues that have come back (6.4+). Before, only drivers did. */
  readonly scanInitiatesQueues: boolean;
  /** States that end by themselves are polled at 25 Hz (6.4+). Before, they were polled as often as replies. */
  readonly lowFrequencyPolling: boolean;
  /** The event BINDINGS=complete comes once, until something new is to be bound (6.8+). Before, it came after each probe. */
  readonly bindingsRearmed: boolean;
  /** The queue file `interrupt` asks TAPQ (6.4+). Before, it showed what the state machine had noted. */
  readonly interruptFromTapq: boolean;
  /** Queue file `ap_functions` (6.4+). */
  readonly queueFunctionsFile: boolean;
  /** The queue and card files `online` take checkstop into account (6.2+). */
  readonly onlineSeesCheckstop: boolean;
  /** What CCA and EP11 cards have answered about themselves is remembered (until 6.15). */
  readonly cardInfoCached: boolean;
  /** A request of the driver itself that finds no device starts a scan and is tried again (6.8+). */
  readonly requestsRescan: boolean;
  /** The first random numbers are requested when the generator is registered (until 6.1), and not by its thread. */
  readonly earlyRandomness: boolean;
  /** The kernel's random numbers can be without a generator by the administrator's word `none` (6.2+). */
  readonly generatorNone: boolean;
  /** pkey has handlers for each kind of key, and files for XTS and HMAC keys (6.12+). Before, it was one module. */
  readonly pkeyHandlers: boolean;
  /** The events SE_BIND and SE_ASSOC exist (7.0+). */
  readonly secureExecutionEvents: boolean;
  /** vfio_ap looks until a reset has ended (6.8+). Before, it looked twice, 20 ms apart, and response code 05 was an error. */
  readonly resetVerification: 'until-done' | 'two-polls';
  /** All queues of an adapter that leaves a guest are reset (6.8+). Before, only the queue that was unbound was reset. */
  readonly resetsWholeAdapter: boolean;
  /** The vfio device asks its user to release it (6.3+). */
  readonly requestsRelease: boolean;
  /** VD-06: status of a missing hook in bits 32-63. */
  readonly strictStatus: boolean;
  /** VD-07: AQIC on an APQN outside the guest's APCB answers RC 01. */
  readonly aqicChecksApcb: boolean;
  /**
   * VD-18: after an unexpected response code of AQIC, the new pin and the new ISC are not given back. Upstream still does this (7.2.13);
   * `current` does not.
   */
  readonly leakAqicResources: boolean;
  /** the hook is stored before the check for another mdev and stays after EPERM. */
  readonly hookBeforeCheck: boolean;
  /** after the first mdev that a host removal concerns, every following mdev is treated as if it were concerned. */
  readonly removalFlagSticks: boolean;
  /** a host removal of control domains takes away those that are not assigned, instead of those that are. */
  readonly removalReversesControlDomains: boolean;
  /** Migration interface of the vfio device (docs/reference/migration.md, not merged). */
  readonly migration: Migration;
  /**
   * The type vfio_ap-virtual: it does not exist; it exists, but mdevs of only one of the two types at a time; or mdevs of both types can
   * exist at a time (V-02, VD-29).
   */
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
  generatorNone: true,
  pkeyHandlers: true,
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
  generatorNone: false,
  pkeyHandlers: false,
  secureExecutionEvents: false,
  resetVerification: 'two-polls',
  resetsWholeAdapter: false,
  requestsRelease: false,
};

/** `current`, plus the mistake that upstream still has (VD-18). */
const LINUX_7_2: HostSwitches = { ...CURRENT, virtualMdevs: 'off', leakAqicResources: true };

/** The switches of each profile (section 9). */
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

/** The switches of a profile, with some of them replaced. */
export function switchesOf(
  profile: ProfileName,
  overrides: Partial<HostSwitches> = {},
): HostSwitches {
  return { ...PROFILES[profile], ...overrides };
}
