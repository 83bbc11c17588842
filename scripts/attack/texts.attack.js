// SPDX-License-Identifier: Apache-2.0
// Malformed texts for every parser: texts of the project, cut, doubled, mixed and spoiled, given to the command that reads them. It
// takes a text or refuses it with a message of ours, in no more time than its length asks for.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { checkEnding, command } from './frame/command.js';
import { spoil } from './frame/spoil.js';

const ROOT = join(import.meta.dirname, '../..');
const PLAYGROUND = join(ROOT, 'examples/playground.yaml');
const TWO_GUESTS = join(ROOT, 'examples/two-guests.yaml');
const FUZZED = join(ROOT, 'examples/fuzzing/machine.yaml');
const STEPPED = ['run', '--stepped', '--duration', '1ms'];
/** Longest spoiled text: what a command does with more is a test of its own (test/cli/bounds.test.ts). */
const LENGTH_MAX = 50_000;
/** Processor time one text may take. */
const SECONDS_MAX = 10;
/** Lines of a recording that are a text to begin with. */
const RECORDING_LINES = 300;

const filesOf = (folder, ending) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(ending))
    .map((name) => join(ROOT, folder, name));
const textsOf = (folder, ending) =>
  filesOf(folder, ending).map((file) => readFileSync(file, 'utf8'));

const recordings = () =>
  filesOf('test/golden/vfio-ap-linux-6.12', '.jsonl.gz')
    .slice(0, 10)
    .map((file) => gunzipSync(readFileSync(file)).toString('utf8').split('\n'))
    .map((lines) => lines.slice(0, RECORDING_LINES).join('\n'));

/** Command lines, a word a line: options are texts too. */
const LINES = [
  'run\n--stepped\n--duration\n1us\n--workload\nrsa-2048\n--messages\n5\n--rate\nGuest1=100\n--length\n64..128',
  'run\n--stepped\n--sweep\nrate=1000..9000\n--duration\n1ms\n--target\n5ms\n--arrivals\npoisson\n--outstanding\n2',
  'exec\n--json\n--seed\n7\n--config',
  'fuzz\n--count\n1\n--lines\n5\n--seed\n3\n--keep-config',
  'golden\n--kernel\nlinux-6.1\n--json',
  'run\n--stepped\n--interval\n1ms\n--seed\n0xff\n--json',
];

/** A parser: texts to begin with, or what makes them, and the command that reads a file of them. `codes` are those that a text may choose. */
const PARSERS = [
  {
    kind: 'configuration',
    texts: textsOf('examples', '.yaml'),
    ending: '.yaml',
    args: (file) => ['run', '--stepped', '--duration', '1us', file],
  },
  {
    kind: 'program',
    texts: textsOf('examples', '.ap').map((text) => text.replace(/^config .*$/m, '')),
    ending: '.ap',
    args: (file) => ['exec', '--quiet', '--config', PLAYGROUND, file],
  },
  {
    kind: 'reproducer',
    texts: textsOf('examples', '.ap').map((text) => text.replace(/^config .*$/m, '')),
    ending: '.ap',
    args: (file) => ['fuzz', PLAYGROUND, '--self', '--replay', file],
  },
  {
    kind: 'recording',
    texts: recordings(),
    ending: '.jsonl',
    args: (file) => ['golden', file],
  },
  {
    kind: 'driver scenario',
    texts: [
      'apemu-program 1\non nqap #1: reply=86/85\nidle: lpar: remove-domain 0x04\nat 5ms: lpar: add-domain 0x04\n',
      'apemu-program 1\nat 0: user: request x2 05.0004\non dqap 05.0004 #2: rc=05\non nqap 05.0004 #1: reply psmid=0xf000000d\n',
    ],
    ending: '.ap',
    args: (file) => ['fuzz', FUZZED, '--driver', 'ap-bus', '--replay', file],
  },
  {
    kind: 'shell script',
    texts: [...textsOf('examples', '.sh'), ...textsOf('examples/scripts', '.sh')],
    ending: '.sh',
    args: (file) => ['shell', PLAYGROUND, file],
    codes: Array.from({ length: 256 }, (_, code) => code),
  },
  {
    kind: 'arrivals',
    texts: ['0\n1us\n2us\n3us 4us\n', '# times\n0.5ms\n1ms\n1ms\n', '10\n20\n30\n'],
    ending: '.txt',
    args: (file) => [...STEPPED, '--arrivals', `Guest1=${file}`, TWO_GUESTS],
  },
  {
    kind: 'figures',
    texts: async () => [(await command([...STEPPED, '--json', TWO_GUESTS])).output],
    ending: '.json',
    args: (file) => ['report', file, file],
  },
  {
    kind: 'command line',
    texts: LINES,
    ending: '.yaml',
    args: (file, text) => {
      writeFileSync(file, readFileSync(PLAYGROUND));
      return [...text.split('\n'), file];
    },
  },
];

export const attack = {
  tries:
    'malformed configurations, AP programs, recordings, reproducers, scenarios, scripts, arrival times, figures, command lines',
  quick: 150,
  open: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'apemu-attack-'));
    // Files that a command writes, and words that name files, stay in this folder.
    process.chdir(folder);
    const parsers = await Promise.all(
      PARSERS.map(async ({ texts, ...parser }) => ({
        ...parser,
        texts: typeof texts === 'function' ? await texts() : texts,
      })),
    );
    return {
      trial: async (random, tried) => {
        const { kind, texts, ending, args, codes } = random.pick(parsers);
        tried(kind);
        const text = spoil(random, texts, LENGTH_MAX);
        const file = join(folder, `text${ending}`);
        writeFileSync(file, text);
        const before = process.cpuUsage();
        checkEnding(await command(args(file, text)), codes);
        const { user, system } = process.cpuUsage(before);
        const seconds = (user + system) / 1e6;
        if (seconds > SECONDS_MAX) throw new Error(`${kind} of ${text.length} takes ${seconds} s`);
      },
      close: () => rmSync(folder, { recursive: true, force: true }),
    };
  },
};
