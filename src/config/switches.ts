// SPDX-License-Identifier: Apache-2.0
// The single switches of a host profile, as a configuration file may set them; the values of each profile are in
// src/ap-bus/profile.ts (a test holds both lists together).
// Source: docs/reference/vfio-ap.md sections 6.2 and 9.

export interface SwitchRow {
  readonly name: string;
  /** The words a user may give for this switch. */
  readonly words?: readonly string[];
  /** Smallest and largest number it takes. Neither words nor range: true or false. */
  readonly range?: readonly [number, number];
}

/** The switches of the host's behaviour, one row for each. */
export const SWITCHES: readonly SwitchRow[] = [
  { name: 'apConfigFile' },
  { name: 'busFeaturesFile' },
  { name: 'driverOverride' },
  { name: 'debugFiles' },
  { name: 'oldestCardType', range: [1, 255] },
  { name: 'depthCountsMessages' },
  { name: 'scannedPollFiles' },
  { name: 'deconfiguredPassable' },
  { name: 'cfgChangeEvent' },
  { name: 'sharingMessageCorrected' },
  { name: 'assignTrylock' },
  { name: 'removeInUse', words: ['block', 'ebusy'] },
  { name: 'strictBound' },
  { name: 'bindIgnoresMasks' },
  { name: 'admIncludesUsage' },
  {
    name: 'driverlessAtMaskEdit',
    words: ['attach', 'attach-if-host-owned', 'attach-if-guest-owned'],
  },
  { name: 'scanInitiatesQueues' },
  { name: 'lowFrequencyPolling' },
  { name: 'bindingsRearmed' },
  { name: 'interruptFromTapq' },
  { name: 'queueFunctionsFile' },
  { name: 'onlineSeesCheckstop' },
  { name: 'cardInfoCached' },
  { name: 'requestsRescan' },
  { name: 'earlyRandomness' },
  { name: 'generatorNone' },
  { name: 'pkeyHandlers' },
  { name: 'secureExecutionEvents' },
  { name: 'resetVerification', words: ['until-done', 'two-polls'] },
  { name: 'resetsWholeAdapter' },
  { name: 'requestsRelease' },
  { name: 'strictStatus' },
  { name: 'aqicChecksApcb' },
  { name: 'leakAqicResources' },
  { name: 'hookBeforeCheck' },
  { name: 'inUseAsksAll' },
  { name: 'removalFlagSticks' },
  { name: 'removalReversesControlDomains' },
  { name: 'removalOfLastSkipsUpdate' },
  { name: 'migration', words: ['off', 'posted-a', 'posted-b', 'strict'] },
  { name: 'virtualMdevs', words: ['off', 'exclusive', 'mixed'] },
];
