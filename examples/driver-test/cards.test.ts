// SPDX-License-Identifier: Apache-2.0
// A driver meets cards that compute: requests as Linux builds them, results to compare with, error replies at will.
import { constants, generateKeyPairSync, publicEncrypt } from 'node:crypto';
import { buildCrt, buildQuery, buildRng, createMachine, parseReply } from 'apemu';
import { expect, test } from 'vitest';
import { exchange } from './driver.ts';

const CONFIG = `
apemu: 1
machine: { adapters: { 5: { mode: cca, serial: EMU00005 }, 6: { mode: accelerator } }, usageDomains: [4] }
guests: { Guest1: { mdev: { adapters: [5, 6], domains: [4] } } }
`;
/** Where dqap() puts a reply that is not told another address. */
const REPLY_ADDRESS = 0x14000;

const start = async () => {
  const machine = await createMachine(CONFIG);
  const guest = machine.guest('Guest1');
  const send = (apqn: string, message: Uint8Array) => {
    const wait = () => machine.advance(100_000);
    const length = exchange(guest.cpu(0), apqn, 1n, message, wait);
    return parseReply(guest.storage.slice(REPLY_ADDRESS, REPLY_ADDRESS + length));
  };
  return { machine, send };
};

test('an accelerator decrypts what Node encrypted, and refuses when it is told to', async () => {
  const { machine, send } = await start();
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { p, q, dp, dq, qi } = privateKey.export({ format: 'jwk' });
  const [pb, qb, dpb, dqb, u] = [p, q, dp, dq, qi].map((n) => Buffer.from(n ?? '', 'base64url'));
  const text = Buffer.from('only the card can read this'.padStart(256, '\0'));
  const input = publicEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, text);
  const key = { p: pb, q: qb, dp: dpb, dq: dqb, u };
  const request = buildCrt({ mode: 'accelerator', input, key });
  machine.fault({ apqn: '06.0004', reply: '82/90', function: 'CRB2', count: 1 });
  expect(send('06.0004', request)).toEqual({ kind: 'error', type: 0x82, code: 0x90 });
  expect(send('06.0004', request)).toEqual({
    kind: 'result',
    code: 0,
    result: new Uint8Array(text),
  });
  machine.close();
});

test('a coprocessor gives random numbers and its serial number', async () => {
  const { machine, send } = await start();
  const random = send('05.0004', buildRng({ domain: 4, length: 64 }));
  expect(random).toMatchObject({ kind: 'cca', rc: 0, rs: 0, function: 'RL' });
  const serial = send('05.0004', buildQuery({ mode: 'cca', keyword: 'STATICSA', domain: 4 }));
  expect(serial).toMatchObject({ kind: 'cca', rc: 0, rules: expect.arrayContaining(['EMU00005']) });
  machine.close();
});
