// SPDX-License-Identifier: Apache-2.0
// The server of live pages: who gets nothing from it, and what it survives. SECURITY.md names this file.

import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BODY_BYTES_MAX, LoopbackServer } from '../../src/cli/loopback-server.ts';

let server: LoopbackServer;
/** Bodies that got through. */
let acted: unknown[] = [];

beforeAll(async () => {
  server = await LoopbackServer.open(
    {
      get: {
        '': (nonce) => ({ type: 'text/html', text: `<script nonce="${nonce}"></script>` }),
        data: () => ({ type: 'application/json', text: '{"secret":1}' }),
        broken: () => {
          throw new TypeError('a mistake');
        },
      },
      post: {
        act: (body) => {
          acted.push(body);
          return { type: 'application/json', text: '{"done":true}' };
        },
      },
    },
    0,
  );
});
afterAll(() => server.close());
beforeEach(() => {
  acted = [];
});

interface Asked {
  readonly method?: string;
  /** Default: that of the address. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const JSON_TYPE = { 'content-type': 'application/json' };

const ask = ({ method = 'GET', path, headers = {}, body = '' }: Asked) =>
  new Promise<{ status: number; text: string; headers: NodeJS.Dict<string | string[]> }>(
    (resolve, reject) => {
      const url = new URL(server.url);
      const sent = request(
        { host: url.hostname, port: url.port, path: path ?? url.pathname, method, headers },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (part) => {
            text += part;
          });
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, text, headers: response.headers }),
          );
        },
      );
      sent.on('error', reject);
      sent.end(body);
    },
  );

const pathOf = (name: string): string => `${new URL(server.url).pathname}${name}`;
const port = (): string => new URL(server.url).port;

describe('the server of live pages', () => {
  it('gives its page and data to who has the address, and takes what its page sends', async () => {
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/$/);
    expect((await ask({})).status).toBe(200);
    expect((await ask({ path: pathOf('data') })).text).toBe('{"secret":1}');
    const origin = { origin: `http://127.0.0.1:${port()}` };
    const sent = await ask({
      ...{ method: 'POST', path: pathOf('act'), body: '{"action":"x"}' },
      headers: { ...JSON_TYPE, ...origin },
    });
    expect([sent.status, acted]).toEqual([200, [{ action: 'x' }]]);
  });

  it('lets the page run its own script alone, and be shown nowhere else', async () => {
    const { text, headers } = await ask({});
    const nonce = /nonce="([^"]+)"/.exec(text)?.[1];
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain(`script-src 'nonce-${nonce}'`);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect((await ask({})).text).not.toBe(text);
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });

  it.each<readonly [string, () => Asked, number]>([
    ['no token', () => ({ path: '/' }), 403],
    ['no token, for the data', () => ({ path: '/data' }), 403],
    ['a wrong token', () => ({ path: `/${'0'.repeat(32)}/` }), 403],
    ['part of the token', () => ({ path: `${new URL(server.url).pathname.slice(0, 20)}/` }), 403],
    [
      'the token with a tail',
      () => ({ path: `${new URL(server.url).pathname.slice(0, -1)}0/` }),
      403,
    ],
    ['another name of the host', () => ({ headers: { host: `attacker.example:${port()}` } }), 403],
    ['the name with another port', () => ({ headers: { host: '127.0.0.1:1' } }), 403],
    ['another origin', () => ({ headers: { origin: 'https://attacker.example' } }), 403],
    ['no origin at all (a sandboxed frame)', () => ({ headers: { origin: 'null' } }), 403],
    [
      'an origin that begins like ours',
      () => ({ headers: { origin: `http://127.0.0.1:${port()}.attacker.example` } }),
      403,
    ],
    [
      'another origin with a post',
      () => ({
        method: 'POST',
        path: pathOf('act'),
        headers: { ...JSON_TYPE, origin: 'https://attacker.example' },
        body: '{}',
      }),
      403,
    ],
    ['a name that is not there', () => ({ path: pathOf('secrets') }), 404],
    ['a name every object has', () => ({ path: pathOf('constructor') }), 404],
    ['a path out of the page', () => ({ path: `${pathOf('')}../../etc/passwd` }), 404],
    ['another method', () => ({ method: 'PUT', path: pathOf('data') }), 405],
    [
      'a post where there is none',
      () => ({ method: 'POST', path: pathOf('data'), headers: JSON_TYPE, body: '{}' }),
      404,
    ],
    [
      'a form, which any site may send',
      () => ({
        method: 'POST',
        path: pathOf('act'),
        headers: { 'content-type': 'text/plain' },
        body: '{}',
      }),
      415,
    ],
    ['no type', () => ({ method: 'POST', path: pathOf('act'), body: '{}' }), 415],
    [
      'what is no JSON',
      () => ({ method: 'POST', path: pathOf('act'), headers: JSON_TYPE, body: '{"action":' }),
      400,
    ],
    ['nothing', () => ({ method: 'POST', path: pathOf('act'), headers: JSON_TYPE }), 400],
    [
      'a body that is too long',
      () => ({
        method: 'POST',
        path: pathOf('act'),
        headers: JSON_TYPE,
        body: `"${'x'.repeat(BODY_BYTES_MAX)}"`,
      }),
      413,
    ],
  ])('refuses %s', async (_what, asked, status) => {
    const answer = await ask(asked());
    expect(answer.status).toBe(status);
    expect(answer.text).not.toContain('secret":');
    expect(acted).toEqual([]);
  });

  it('a body without end is refused as soon as it is too long', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port()), '127.0.0.1');
      socket.on('error', reject);
      socket.setEncoding('latin1').once('data', (text: unknown) => {
        socket.destroy();
        resolve(String(text));
      });
      socket.write(
        `POST ${pathOf('act')} HTTP/1.1\r\nHost: 127.0.0.1:${port()}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
      );
      const part = 'x'.repeat(0x1000);
      for (let n = 0; n < 4; n++) socket.write(`1000\r\n${part}\r\n`);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(acted).toEqual([]);
  });

  it.each([
    ['no HTTP', '\0\x01\x02 what\r\n\r\n'],
    ['a header that is too long', `GET / HTTP/1.1\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`],
    ['a request that breaks off', 'GET / HTT'],
    ['a body that breaks off', 'POST /x/act HTTP/1.1\r\nContent-Length: 100\r\n\r\n{'],
  ])('goes on after %s', async (_what, bytes) => {
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port()), '127.0.0.1');
      socket.on('error', () => {}).on('close', () => resolve());
      socket.write(bytes, 'latin1');
      socket.end();
      socket.resume();
    });
    expect((await ask({})).status).toBe(200);
  });

  it('a mistake of ours is an answer, and the next request is served', async () => {
    expect(await ask({ path: pathOf('broken') })).toMatchObject({ status: 500 });
    expect((await ask({})).status).toBe(200);
  });

  it('a port that is taken is an error that names it', async () => {
    await expect(LoopbackServer.open({ get: {} }, Number(port()))).rejects.toMatchObject({
      code: 'APEMU_ERR_USAGE_PORT',
      message: expect.stringContaining(`127.0.0.1:${port()}: EADDRINUSE`),
    });
  });
});
