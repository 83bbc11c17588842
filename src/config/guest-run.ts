// SPDX-License-Identifier: Apache-2.0
// A guest run as a file, NAME.guest.yaml: which guests boot, what runs in them, and what decides. Its keys are options of `apemu qemu`.
// Source: docs/design.md section 7.

import Type from 'typebox';
import { type Mistake, MistakesError } from './mistakes.ts';
import { directoryOf, isAbsolutePath, joinPath } from './paths.ts';
import { closed, flag, text } from './schema-parts.ts';
import { sourceFromYaml } from './source.ts';
import { CONFIGURATION, readText } from './text-file.ts';
import { validate } from './validate.ts';

const command = text('a command for a shell of the guest');
const names = Type.Array(text('the name of a guest'), { expected: 'a list of guests' });

const GuestRunSchema = Type.Object(
  {
    apemu: Type.Literal(1, { expected: '1, the version of this format' }),
    config: text('the configuration, relative to this file'),
    guest: Type.Optional(names),
    image: Type.Optional(
      Type.Union([Type.String(), Type.Number()], { expected: "such as '6.12'" }),
    ),
    kernel: Type.Optional(text('a kernel image')),
    initrd: Type.Optional(text('an initial RAM disk')),
    append: Type.Optional(text('more of the kernel command line')),
    memory: Type.Optional(text('a size, such as 512MiB')),
    hook: Type.Optional(text('linux or bare')),
    lpar: Type.Optional(flag),
    run: Type.Optional(
      Type.Union([command, Type.Record(Type.String(), command)], {
        byKind: true,
        expected: 'a command, or a mapping of guests to commands',
      }),
    ),
    ready: Type.Optional(text('what the console shows when it reads commands')),
    expect: Type.Optional(text('a text on the console')),
    fail: Type.Optional(text('a text on the console')),
    exitStatus: Type.Optional(text('kvm-unit-tests')),
    scenario: Type.Optional(text('a scenario file')),
    timeout: Type.Optional(text('a time, such as 60s')),
  },
  closed,
);

type GuestRun = Type.Static<typeof GuestRunSchema>;

/** Keys whose values are files, relative to the file of the guest run. */
const PATHS = ['kernel', 'initrd', 'scenario'] as const;
/** Keys that go to the command line as they are, with their option. */
const TEXTS = [
  ['image', '--image'],
  ['append', '--append'],
  ['memory', '--memory'],
  ['hook', '--hook'],
  ['ready', '--ready'],
  ['expect', '--expect'],
  ['fail', '--fail'],
  ['exitStatus', '--exit-status'],
] as const;
/** A guest that hangs must not hang the tests. */
const TIMEOUT = '120s';

/** The arguments of `apemu` that a guest run stands for. */
const argumentsOf = (run: GuestRun, file: string): string[] => {
  const path = (name: string): string =>
    isAbsolutePath(name) ? name : joinPath(directoryOf(file), name);
  const commands = typeof run.run === 'object' ? Object.entries(run.run) : [];
  return [
    'qemu',
    path(run.config),
    ...PATHS.flatMap((key) => (run[key] === undefined ? [] : [`--${key}`, path(run[key])])),
    ...TEXTS.flatMap(([key, option]) => (run[key] === undefined ? [] : [option, `${run[key]}`])),
    ...(run.guest ?? []).flatMap((name) => ['--guest', name]),
    ...(typeof run.run === 'string' ? ['--run', run.run] : []),
    ...commands.flatMap(([name, words]) => ['--run', `${name}=${words}`]),
    ...(run.lpar === true ? ['--lpar'] : []),
    ...['--timeout', run.timeout ?? TIMEOUT],
  ];
};

/**
 * Reads a guest run.
 *
 * @returns its command line, behind `apemu`
 * @throws MistakesError with every mistake of the text; ApemuError `APEMU_ERR_CONFIG_READ` if it cannot be read
 */
export function loadGuestRun(file: string): string[] {
  const source = sourceFromYaml(readText(file, CONFIGURATION), file);
  const { value, mistakes } = validate(GuestRunSchema, source);
  const all: Mistake[] = [...source.mistakes, ...mistakes];
  const { run, expect, fail, exitStatus } = value as Partial<GuestRun>;
  if (all.length === 0 && [run, expect, fail, exitStatus].every((one) => one === undefined))
    all.push({
      code: 'APEMU_ERR_CONFIG_MISSING_KEY',
      message: 'nothing decides the test',
      expected: 'run, expect, fail or exitStatus',
      place: { file },
    });
  if (all.length > 0) throw new MistakesError(all);
  return argumentsOf(value as GuestRun, file);
}
