// SPDX-License-Identifier: Apache-2.0
// The page of a campaign: live on loopback with `--http`, and as one file when it is over.
import type { Campaign } from '../fuzz/campaign.ts';
import { metricsText } from '../fuzz/metrics.ts';
import { campaignPage } from '../fuzz/page.ts';
import { type PageFunction, pageData } from '../fuzz/page-data.ts';
import type { CampaignStats } from '../fuzz/statistics.ts';
import type { CampaignStore } from '../fuzz/store.ts';
import type { DriverBundle } from '../target/program/driver-bundle.ts';
import type { CommandIo } from './io.ts';
import { LoopbackServer } from './loopback-server.ts';

export interface PageSource {
  readonly campaign: Campaign;
  readonly store: CampaignStore;
  readonly bundle: DriverBundle;
  readonly stats: () => CampaignStats;
  /** For a kernel: its functions, and which of their blocks were reached. */
  readonly functions: (() => readonly PageFunction[]) | undefined;
}

const REPORT_FILE = 'report.html';
/** Highest number of points in the plot. If there are more, every second one is dropped. */
const HISTORY_MAX = 400;

export class CampaignPage {
  readonly #source: PageSource;
  #server: LoopbackServer | undefined;
  #history: CampaignStats[] = [];

  private constructor(source: PageSource) {
    this.#source = source;
  }

  /** @throws ApemuError `APEMU_ERR_USAGE_PORT` for a port that cannot be had */
  static async open(
    source: PageSource,
    port: number | true | undefined,
    io: CommandIo,
  ): Promise<CampaignPage> {
    const page = new CampaignPage(source);
    if (port !== undefined) {
      page.#server = await page.#serve(port === true ? 0 : port);
      io.err(`${page.#server.url}\n`);
    }
    return page;
  }

  /** Called when a generation of cases has been executed. */
  changed(): void {
    this.#history.push(this.#source.stats());
    if (this.#history.length > HISTORY_MAX)
      this.#history = this.#history.filter((_point, n) => n % 2 === 0);
  }

  /** Writes the page into one file. */
  write(): void {
    const { store, bundle } = this.#source;
    store.write(REPORT_FILE, campaignPage(bundle.name, this.#data()));
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }

  #serve(port: number): Promise<LoopbackServer> {
    const { name } = this.#source.bundle;
    const get = {
      '': (nonce: string) =>
        ({ type: 'text/html', text: campaignPage(name, undefined, nonce) }) as const,
      metrics: () => ({ type: 'text/plain', text: this.#metrics() }) as const,
      data: () => ({ type: 'application/json', text: JSON.stringify(this.#data()) }) as const,
    };
    return LoopbackServer.open({ get }, port);
  }

  #metrics(): string {
    const { campaign, stats } = this.#source;
    return metricsText(stats(), campaign.machines());
  }

  #data() {
    const { campaign, bundle, stats, functions } = this.#source;
    return pageData(campaign, bundle, stats(), this.#history, functions?.() ?? []);
  }
}
