// SPDX-License-Identifier: Apache-2.0
// A Redis with TLS, and one whose disk is full.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { apemu } from '../cli/fake-io.ts';
import { campaign, contentOf, countsOf, Running, startWorker } from './processes.ts';
import { REDIS, RedisServer } from './redis-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'apemu-queue-trouble-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A port of loopback that nobody has now. */
const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
      server.close(() => resolve(port));
    });
  });

/** A key and a certificate of the server's own, for `localhost`. */
const certified = (): { readonly key: string; readonly certificate: string } => {
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const files = ['-keyout', key, '-out', certificate, '-days', '2'];
  spawnSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...files, ...subject]);
  return { key, certificate };
};

describe.skipIf(!REDIS)('a Redis with TLS', () => {
  it('has the campaign of one computer, and is refused by who does not know its certificate', async () => {
    const { key, certificate } = certified();
    const port = String(await freePort());
    const files = ['--tls-cert-file', certificate, '--tls-key-file', key];
    const redis = await RedisServer.start(
      ...['--tls-port', port, '--bind', '127.0.0.1', '--tls-auth-clients', 'no', ...files],
      ...['--requirepass', 'secret'],
    );
    const queue = `rediss://:secret@localhost:${port}`;
    const environment = { NODE_EXTRA_CA_CERTS: certificate };
    const worker = startWorker(queue, environment);
    try {
      const out = join(folder, 'tls');
      const coordinator = new Running(campaign(out, 200, '--queue', queue), environment);
      expect(await coordinator.ended, coordinator.text).toBe(1);
      expect(coordinator.text).not.toContain('secret');
      const alone = join(folder, 'alone');
      await apemu(campaign(alone, 200, '--workers', '1'));
      expect(countsOf(out)).toEqual(countsOf(alone));
      expect(contentOf(out)).toEqual(contentOf(alone));
      const stranger = new Running(campaign(join(folder, 'stranger'), 200, '--queue', queue));
      expect(await stranger.ended).toBe(2);
      expect(stranger.text).toMatch(/cannot use the queue at rediss:.*SELF_SIGNED_CERT/);
    } finally {
      await worker.kill();
      await redis.stop();
    }
  });
});

describe.skipIf(!REDIS)('a Redis whose disk is full', () => {
  it('ends the campaign with its words, and with room the same command goes on', async () => {
    const redis = await RedisServer.withRoom(256);
    const out = join(folder, 'full');
    const workers = [startWorker(redis.socket)];
    try {
      const { code, errors } = await apemu(campaign(out, 1_000, '--queue', redis.socket));
      expect(code, errors).toBe(3);
      expect(errors).toMatch(/refuses a command: MISCONF .*\[APEMU_ERR_QUEUE_REFUSED\]/);
      await redis.kill();
      redis.room = undefined;
      await redis.run();
      workers.push(startWorker(redis.socket));
      const again = await apemu(campaign(out, 1_000, '--queue', redis.socket));
      expect(again.output).toMatch(/^1,000 cases/m);
    } finally {
      await Promise.all(workers.map((one) => one.kill()));
      await redis.stop();
    }
  });
});
