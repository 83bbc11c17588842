// SPDX-License-Identifier: Apache-2.0
// What does a key cost that no message had before? One accelerator in this thread, whose cache is emptied before every key comes
// again, against bare OpenSSL: with keys imported beforehand, and with the import in the loop.
import { constants, createPrivateKey, privateDecrypt } from 'node:crypto';
import { type AdapterModel, DRAFT_BYTES, processRequest } from '../../src/cex/adapter.ts';
import { clearKeyCache } from '../../src/cex/key-cache.ts';
import { buildCrt } from '../../src/cex/messages/build.ts';
import { WORKLOAD_KEYS } from '../../src/cex/messages/workload-keys.ts';
import { type Finding, pairedFinding, type QuestionContext } from '../findings.ts';
import { measureRounds, medianNs, ratios } from '../measure/rounds.ts';
import { median } from '../measure/statistics.ts';
import { privateJwk } from '../workers/rsa-keys.ts';

const NS_PER_S = 1e9;

const adapter: AdapterModel = {
  type: 14,
  mode: 'accelerator',
  functions: 0x68000000,
  serial: 'BENCH',
};

const everything = {
  apid: 5,
  apqi: 4,
  usage: () => true,
  control: () => true,
  random: () => undefined,
  special: false,
  maxReplyBytes: DRAFT_BYTES,
};

export const measureNewKeys = ({ pace }: QuestionContext): Finding[] => {
  const input = Buffer.alloc(256, 0x5a);
  input[0] = 0;
  const requests = WORKLOAD_KEYS.map((key) => buildCrt({ mode: 'accelerator', input, key }));
  const jwks = WORKLOAD_KEYS.map(privateJwk);
  const imported = jwks.map((key) => createPrivateKey({ key, format: 'jwk' }));
  const padding = constants.RSA_NO_PADDING;
  const reply = new Uint8Array(DRAFT_BYTES);
  const operations = requests.length;
  const times = measureRounds(
    [
      {
        name: 'card',
        operations,
        run: () => {
          clearKeyCache();
          for (const request of requests) processRequest(adapter, request, reply, everything);
        },
      },
      {
        name: 'imported',
        operations,
        run: () => {
          for (const key of imported) privateDecrypt({ key, padding }, input);
        },
      },
      {
        name: 'import in the loop',
        operations,
        run: () => {
          for (const key of jwks)
            privateDecrypt({ key: createPrivateKey({ key, format: 'jwk' }), padding }, input);
        },
      },
    ],
    pace,
  );
  const finding = pairedFinding('rsa-2048-crt-new-key', times, 'imported', 'card');
  const toImport = median(ratios(times, 'import in the loop', 'card'));
  return [
    {
      ...finding,
      value: NS_PER_S / medianNs(times, 'card'),
      detail: { ...finding.detail, ratioToImport: toImport },
    },
  ];
};
