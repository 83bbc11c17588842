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

/** A parser: texts to begin with, and the command that reads a file of them. */
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
  tries: 'malformed configurations, AP programs, recordings, reproducers, command lines',
  quick: 150,
  open: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'apemu-attack-'));
    // Files that a command writes, and words that name files, stay in this folder.
    process.chdir(folder);
    return {
      trial: async (random, tried) => {
        const { kind, texts, ending, args } = random.pick(PARSERS);
        tried(kind);
        const text = spoil(random, texts, LENGTH_MAX);
        const file = join(folder, `text${ending}`);
        writeFileSync(file, text);
        const before = process.cpuUsage();
        checkEnding(await command(args(file, text)));
        const { user, system } = process.cpuUsage(before);
        const seconds = (user + system) / 1e6;
        if (seconds > SECONDS_MAX) throw new Error(`${kind} of ${text.length} takes ${seconds} s`);
      },
      close: () => rmSync(folder, { recursive: true, force: true }),
    };
  },
};
