// SPDX-License-Identifier: Apache-2.0
// The page of a campaign: live on loopback with `--http`, and as one file when it is over.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApemuError } from '../errors.ts';
import type { Campaign } from '../fuzz/campaign.ts';
import { campaignPage } from '../fuzz/page.ts';
import { pageData } from '../fuzz/page-data.ts';
import type { CampaignStats } from '../fuzz/statistics.ts';
import type { CampaignStore } from '../fuzz/store.ts';
import { owned } from '../qemu/streams.ts';
import type { DriverBundle } from '../target/program/bundle.ts';
import type { CommandIo } from './io.ts';

export interface PageSource {
  readonly campaign: Campaign;
  readonly store: CampaignStore;
  readonly bundle: DriverBundle;
  readonly stats: () => CampaignStats;
}

const REPORT_FILE = 'report.html';
const HOST = '127.0.0.1';
/** Points of the plot; every second one is dropped when there are more. */
const HISTORY_MAX = 400;

/** A page of another site must not read what is served here under a name of its own. */
const isOwnName = ({ headers }: IncomingMessage): boolean =>
  /^(?:127\.0\.0\.1|localhost)(?::\d+)?$/.test(headers.host ?? '');

export class CampaignPage {
  readonly #source: PageSource;
  readonly #server: Server | undefined;
  #history: CampaignStats[] = [];

  private constructor(source: PageSource, server: Server | undefined) {
    this.#source = source;
    this.#server = server;
    server?.on('request', (request, response) => this.#answer(request, response));
  }

  /** @throws ApemuError `APEMU_ERR_USAGE_PORT` for a port that cannot be had */
  static async open(
    source: PageSource,
    port: number | true | undefined,
    io: CommandIo,
  ): Promise<CampaignPage> {
    if (port === undefined) return new CampaignPage(source, undefined);
    const server = createServer();
    const page = new CampaignPage(source, server);
    await listening(server, port === true ? 0 : port);
    io.err(`http://${HOST}:${(server.address() as AddressInfo).port}/\n`);
    return page;
  }

  /** Called when a generation of cases has been executed. */
  changed(): void {
    this.#history.push(this.#source.stats());
    if (this.#history.length > HISTORY_MAX)
      this.#history = this.#history.filter((_point, n) => n % 2 === 0);
  }

  /** Writes the page as one file. */
  write(): void {
    const { store, bundle } = this.#source;
    store.write(REPORT_FILE, campaignPage(bundle.name, this.#data()));
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  #data() {
    const { campaign, bundle, stats } = this.#source;
    return pageData(campaign, bundle, stats(), this.#history);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    owned(response);
    const send = (status: number, type: string, text: string): void => {
      response.writeHead(status, {
        'content-type': `${type}; charset=utf-8`,
        'cache-control': 'no-store',
      });
      response.end(text);
    };
    if (!isOwnName(request)) send(403, 'text/plain', 'this page is for this computer\n');
    else if (request.method !== 'GET') send(405, 'text/plain', 'only GET\n');
    else if (request.url === '/')
      send(200, 'text/html', campaignPage(this.#source.bundle.name, undefined));
    else if (request.url === '/data') send(200, 'application/json', JSON.stringify(this.#data()));
    else send(404, 'text/plain', 'there is / and /data\n');
  }
}

const listening = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    owned(server, (cause) => {
      const { code: errno = 'unknown' } = cause;
      const message = `cannot listen on ${HOST}:${port}: ${errno} (expected a free port, or --http without one)`;
      reject(new ApemuError('APEMU_ERR_USAGE_PORT', message, { errno, cause }));
    });
    server.listen(port, HOST, () => resolve());
  });
