// SPDX-License-Identifier: Apache-2.0
// A small HTTP server for one page on this computer: only on loopback, only under an address with a random token, only for itself.
// What is refused, and why: SECURITY.md; docs/view.md.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseNumber } from '../config/units.ts';
import { ApemuError } from '../errors.ts';
import { owned } from '../qemu/streams.ts';

const HOST = '127.0.0.1';
const TOKEN_BYTES = 16;
/** Longest body of a request in bytes. */
export const BODY_BYTES_MAX = 4096;
/** A request that has not come whole by then is no request. */
const REQUEST_MS = 5_000;
/** Highest number of connections at the same time. */
const CONNECTIONS_MAX = 32;

export interface Content {
  readonly status?: number;
  readonly type: 'text/html' | 'application/json' | 'text/plain';
  readonly text: string;
}

/** What there is under the address: names such as `data`; '' is the page itself. */
export interface Site {
  /** `nonce` is what elements with script and style in the page must have. */
  readonly get: Readonly<Record<string, (nonce: string) => Content | Promise<Content>>>;
  /** Handles a POST; it is given the parsed body. */
  readonly post?: Readonly<Record<string, (body: unknown) => Content | Promise<Content>>>;
}

/** `--http PORT`. @throws ApemuError `APEMU_ERR_USAGE_PORT` */
export const portOption = (text: string): number => {
  const value = parseNumber(text);
  if (value !== undefined && value <= 65535) return value;
  throw new ApemuError('APEMU_ERR_USAGE_PORT', `--http is ${text} (expected a port, 0 to 65535)`);
};

/** The reason why a request is refused. */
class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class LoopbackServer {
  /** The page's address, with its token. */
  readonly url: string;
  readonly #server: Server;
  readonly #site: Site;
  readonly #token: string;
  /** Host names of its own, and the origins of its pages. */
  readonly #hosts: readonly string[];

  private constructor(server: Server, site: Site) {
    const { port } = server.address() as AddressInfo;
    this.#server = server;
    this.#site = site;
    this.#token = randomBytes(TOKEN_BYTES).toString('hex');
    // Host names in the form in which browsers write them: without port 80.
    this.#hosts = [HOST, 'localhost'].map((name) => new URL(`http://${name}:${port}`).host);
    this.url = `http://${HOST}:${port}/${this.#token}/`;
    server.on('request', (request, response) => void this.#serve(request, response));
  }

  /**
   * Opens the server.
   *
   * @param port 0: one that is free
   * @throws ApemuError `APEMU_ERR_USAGE_PORT` for a port that cannot be had
   */
  static async open(site: Site, port: number): Promise<LoopbackServer> {
    const server = createServer({
      requestTimeout: REQUEST_MS,
      headersTimeout: REQUEST_MS,
      connectionsCheckingInterval: REQUEST_MS / 5,
    });
    server.maxConnections = CONNECTIONS_MAX;
    await listening(server, port);
    return new LoopbackServer(server, site);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    owned(request);
    owned(response);
    const nonce = randomBytes(TOKEN_BYTES).toString('base64');
    try {
      send(response, await this.#answer(request, nonce), nonce);
    } catch (error) {
      // The connection ends with a refusal: what is left of the request is not read.
      response.shouldKeepAlive = false;
      const status = error instanceof Refused ? error.status : 500;
      const text = `${(error as Error).message}\n`;
      send(response, { status, type: 'text/plain', text }, nonce);
    }
  }

  async #answer(request: IncomingMessage, nonce: string): Promise<Content> {
    const { method = '', headers, url = '' } = request;
    // A page of another site must not reach what is served here under a name of its own.
    if (!this.#hosts.includes(headers.host ?? ''))
      throw new Refused(403, 'this page is for this computer');
    if (!this.#isOwn(headers.origin)) throw new Refused(403, 'this page is for itself alone');
    const [, token = '', name = '', ...more] = url.split('/');
    if (!sameText(token, this.#token)) throw new Refused(403, 'the token is missing or wrong');
    if (more.length > 0) throw new Refused(404, 'there is no such thing');
    if (method === 'GET') return found(this.#site.get, name)(nonce);
    if (method !== 'POST') throw new Refused(405, 'only GET and POST');
    const act = found(this.#site.post ?? {}, name);
    return act(await bodyOf(request));
  }

  /** Browsers name the origin of whatever a page sends; other programs name none. */
  #isOwn(origin: string | undefined): boolean {
    return origin === undefined || this.#hosts.some((host) => origin === `http://${host}`);
  }
}

const found = <T>(table: Readonly<Record<string, T>>, name: string): T => {
  const value = Object.hasOwn(table, name) ? table[name] : undefined;
  if (value === undefined) throw new Refused(404, 'there is no such thing');
  return value;
};

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Compares two texts in a time that reveals nothing about them. */
const sameText = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  // Another type is what a form of another site could send without asking.
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? ''))
    throw new Refused(415, 'expected application/json');
  const parts: Buffer[] = [];
  let bytes = 0;
  // A client that sends too much is still told why it is refused.
  for await (const part of request.iterator({ destroyOnReturn: false })) {
    bytes += part.length;
    if (bytes > BODY_BYTES_MAX) throw new Refused(413, `more than ${BODY_BYTES_MAX} bytes`);
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    throw new Refused(400, 'expected JSON');
  }
}

const send = (
  response: ServerResponse,
  { status = 200, type, text }: Content,
  nonce: string,
): void => {
  const own = `'nonce-${nonce}'`;
  response.writeHead(status, {
    'content-type': `${type}; charset=utf-8`,
    'cache-control': 'no-store',
    'content-security-policy': `default-src 'none'; script-src ${own}; style-src ${own}; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
  response.end(text);
};

const listening = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    owned(server, (cause) => {
      const { code: errno = 'unknown' } = cause;
      const message = `cannot listen on ${HOST}:${port}: ${errno} (expected a free port, or --http without one)`;
      reject(new ApemuError('APEMU_ERR_USAGE_PORT', message, { errno, cause }));
    });
    server.listen(port, HOST, () => resolve());
  });
