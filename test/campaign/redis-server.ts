// SPDX-License-Identifier: Apache-2.0
// A redis-server of a test's own, on a Unix socket in a folder of its own.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

export const REDIS = spawnSync('redis-server', ['--version']).status === 0;
if (!REDIS)
  process.stderr.write(
    'no redis-server (Debian: apt-get install redis-server): campaigns on many machines are not tried\n',
  );

const LOOK_MS = 20;

export class RedisServer {
  readonly folder: string;
  readonly socket: string;
  readonly #settings: readonly string[];
  /** KiB a file of the server may have from its next start on; undefined: no limit. */
  room: number | undefined;
  #process: ChildProcess | undefined;

  private constructor(settings: readonly string[], room?: number) {
    this.room = room;
    this.folder = mkdtempSync(join(tmpdir(), 'apemu-redis-'));
    this.socket = join(this.folder, 'socket');
    this.#settings = settings;
  }

  /** With an append-only file, as a campaign wants it; `settings` come behind. */
  static async start(...settings: string[]): Promise<RedisServer> {
    const server = new RedisServer(settings);
    await server.run();
    return server;
  }

  /**
   * With an append-only file that cannot grow past so many KiB, as on a full disk: the system refuses what is written beyond. The program would
   * be ended by SIGXFSZ, which it does not know; it is started with that ignored.
   */
  static async withRoom(kibibytes: number): Promise<RedisServer> {
    const server = new RedisServer([], kibibytes);
    await server.run();
    return server;
  }

  /** Starts the program; it has what was there when it ended. */
  async run(): Promise<void> {
    mkdirSync(this.folder, { recursive: true });
    rmSync(this.socket, { force: true });
    const own = ['--port', '0', '--unixsocket', this.socket, '--dir', this.folder, '--save', ''];
    const all = [...own, '--appendonly', 'yes', ...this.#settings];
    const limited = `trap '' XFSZ; ulimit -f ${this.room ?? 'unlimited'}; exec redis-server "$@"`;
    this.#process = spawn('bash', ['-c', limited, 'redis-server', ...all], { stdio: 'ignore' });
    while (!(existsSync(this.socket) && (await this.#answers()))) {
      if (this.#process.exitCode !== null)
        throw new Error(`redis-server ended: ${this.#process.exitCode}`);
      await wait(LOOK_MS);
    }
  }

  /** kill -9. */
  async kill(): Promise<void> {
    const gone = new Promise((resolve) => this.#process?.once('exit', resolve));
    this.#process?.kill('SIGKILL');
    await gone;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs a command by hand. Returns what redis-cli prints. */
  command(...words: string[]): string {
    const { stdout } = spawnSync('redis-cli', ['-s', this.socket, ...words], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    return stdout.trim();
  }

  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const client = createConnection(this.socket, () => client.write('PING\r\n'));
      client.once('data', (data) => {
        client.destroy();
        // One that still reads its file says so; one with a password is there too.
        resolve(!data.toString().startsWith('-LOADING'));
      });
      client.once('error', () => resolve(false));
    });
  }
}
