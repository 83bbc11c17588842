// SPDX-License-Identifier: Apache-2.0
// The page of a campaign: live on loopback with `--http`, and as one file when it is over.
import type { Campaign } from '../fuzz/campaign.ts';
import type { CampaignStats } from '../fuzz/statistics.ts';
import type { CampaignStore } from '../fuzz/store.ts';
import type { DriverBundle } from '../target/program/bundle.ts';
import type { CommandIo } from './io.ts';

export interface PageSource {
  readonly campaign: Campaign;
  readonly store: CampaignStore;
  readonly bundle: DriverBundle;
  readonly stats: () => CampaignStats;
}

export class CampaignPage {
  static async open(
    _source: PageSource,
    _port: number | true | undefined,
    _io: CommandIo,
  ): Promise<CampaignPage> {
    return new CampaignPage();
  }
  changed(): void {}
  write(): void {}
  async close(): Promise<void> {}
}
