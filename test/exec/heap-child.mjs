// SPDX-License-Identifier: Apache-2.0
// Runs in a process of its own: the built kernel for some million instructions a workload, with garbage collections counted.
// Prints one JSON record. Use: node --expose-gc heap-child.mjs INSTRUCTIONS
import { PerformanceObserver, performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';

const dist = (path) => import(new URL(path, pathToFileURL(`${process.cwd()}/dist/`)).href);
const { createSharedMemory } = await dist('native-like/machine/globals.js');
const { imageBytes } = await dist('native-like/machine/image-shape.js');
const { layOutImage } = await dist('native-like/machine/image.js');
const { deriveEffectiveMasks, setFacilities } = await dist('native-like/machine/guest-setup.js');
const L = await dist('native-like/machine/layout.js');
const { PSW_CC, PSW_CC_SHIFT } = await dist('native-like/arch/psw.js');
const { guestFacilities, hostFacilities } = await dist('src/kvm/guest-facilities.js');
const { loadKernel } = await dist('src/lpar/kernel.js');
const { Partition } = await dist('src/lpar/partition.js');
const { INSTANT_SERVICE } = await dist('src/lpar/profile.js');

const COUNT = Number(process.argv[2]);
const WARM_UP = 1_000_000;
const QCI_FLAGS = 0xe0000000 | 0;
const FORMAT_2 = 3;

const shape = {
  guests: [
    { vcpus: 1, storageBytes: 0x10000 },
    { vcpus: 1, storageBytes: 0x40000 },
  ],
  messageBytes: 0x1000000,
};
const image = layOutImage(createSharedMemory(imageBytes(shape)), shape);
const kernel = await loadKernel(image);
image.i32[L.C_QCI_FLAGS] = QCI_FLAGS;
setFacilities(image, 0, hostFacilities([12, 15, 65], QCI_FLAGS));
const adapter = { apid: 5, type: 14, mode: 'loopback', depth: 8, ml: 3, service: INSTANT_SERVICE };
const profile = { adapters: [adapter], usageDomains: [4], controlDomains: [], seed: 1 };
new Partition(image, kernel, profile, (change) => change());
const model = { facilities: [12, 15, 65, 76], apie: true, aiv: true, secureExecution: false };
image.i32[image.guest(1) + L.G_CRYCBD] = 0x1000 | FORMAT_2;
// APCB1 of the CRYCB: APM bit 5 and AQM bit 4.
image.u8[image.crycb(1) + 0x80] = 0x80 >> 5;
image.u8[image.crycb(1) + 0xa0] = 0x80 >> 4;
setFacilities(image, 1, guestFacilities(model, QCI_FLAGS, FORMAT_2));
deriveEffectiveMasks(image, 1);

const { i32 } = image;
const v = image.vcpu(1);
const setGr = (n, value) => {
  i32[v + L.V_GR + 2 * n] = 0;
  i32[v + L.V_GR + 2 * n + 1] = value;
};
const PQAP = 0xb2af0000 | 0;
const NQAP = 0xb2ad0046 | 0;
const DQAP = 0xb2ae0046 | 0;
const QUEUE = 0x0504;

const pqap = (gr0) => (count) => {
  for (let n = 0; n < count; n++) {
    setGr(0, gr0);
    kernel.execute(v, PQAP);
  }
};
const exchange = (length) => (count) => {
  for (let n = 0; n < count; n += 2) {
    setGr(0, 0x40000000 | QUEUE);
    setGr(6, 0x4000);
    setGr(7, length);
    kernel.execute(v, NQAP);
    setGr(0, 0x80000000 | QUEUE);
    setGr(6, 0x8000);
    setGr(7, length);
    kernel.execute(v, DQAP);
  }
};
const kept = [];
const WORKLOADS = {
  TAPQ: { run: pqap(QUEUE), ends: { gr1: 0x80000000, cc: 0 } },
  'TAPQ of a queue outside APM x AQM': { run: pqap(0x0605), ends: { gr1: 0x00010000, cc: 3 } },
  'NQAP and DQAP of 64 bytes': { run: exchange(64), ends: { gr1: 0x80000000, cc: 0 } },
  'NQAP and DQAP of 4 KiB': { run: exchange(4096), ends: { gr1: 0x80000000, cc: 0 } },
  // Shows that the measurement measures.
  'a loop that allocates': {
    run: (count) => {
      for (let n = 0; n < count; n++) kept[n & 0xff] = { n };
    },
  },
};

const collections = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) collections.push(entry.startTime);
}).observe({ entryTypes: ['gc'] });

const measured = [];
for (const [name, { run, ends }] of Object.entries(WORKLOADS)) {
  run(WARM_UP);
  globalThis.gc();
  const heapBefore = process.memoryUsage().heapUsed;
  const from = performance.now();
  run(COUNT);
  const to = performance.now();
  const grownBytes = process.memoryUsage().heapUsed - heapBefore;
  const gr1 = i32[v + L.V_GR + 3] >>> 0;
  const cc = (i32[v + L.V_PSW_MASK_HIGH] & PSW_CC) >>> PSW_CC_SHIFT;
  measured.push({
    name,
    from,
    to,
    grownBytes,
    ended: !ends || (gr1 === ends.gr1 && cc === ends.cc),
  });
}
// Observers are told of collections later.
await new Promise((resolve) => setTimeout(resolve, 50));
const report = measured.map(({ name, from, to, grownBytes, ended }) => ({
  name,
  grownBytes,
  ended,
  collections: collections.filter((time) => time >= from && time <= to).length,
}));
process.stdout.write(`${JSON.stringify(report)}\n`);
