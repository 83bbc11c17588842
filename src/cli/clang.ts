// SPDX-License-Identifier: Apache-2.0
// The installed clang and lld as a compiler of drivers: which options make a module that apemu runs, and what to say when something is missing.
// Source: docs/c-drivers.md; clang and lld documentation (WebAssembly, SanitizerCoverage, UndefinedBehaviorSanitizer).
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ApemuError } from '../errors.ts';
import { LOWCORE_END } from '../guest/c-driver/driver-instance.ts';

export interface ClangOptions {
  /** Name or path of the program. */
  readonly clang: string;
  /** Options for each source, such as `-DNAME`. */
  readonly more: readonly string[];
  /** Size of the guest's storage, and of its stack; bytes. */
  readonly memory: number;
  readonly stack: number;
  /** Branches are counted, undefined behaviour is noticed. */
  readonly coverage: boolean;
  readonly sanitize: boolean;
  readonly signal: AbortSignal;
}

/** The oldest version of clang with which this was tested. */
const OLDEST = 14;
const FIX = 'apt-get install clang lld';
const WASM_PAGE = 0x10000;

/** Options for every source: no C library, line tables of the version that apemu reads, and no folder of this computer in them. */
const COMMON = [
  '--target=wasm32-unknown-unknown',
  '-std=gnu11',
  '-O2',
  '-gline-tables-only',
  '-gdwarf-4',
  '-ffreestanding',
  '-fdebug-compilation-dir=.',
  '-mbulk-memory',
  '-mmutable-globals',
  '-Wall',
];

/** s390x lets code access what is not aligned. */
const SANITIZE = ['-fsanitize=undefined', '-fno-sanitize=alignment'];
const COVERAGE = ['-fsanitize-coverage=trace-pc-guard'];

const EXPORTS = [
  '__wasm_call_ctors',
  '__stack_pointer',
  '__heap_base',
  'apemu_shared',
  '__start___sancov_guards',
  '__stop___sancov_guards',
];

/** Functions of clang's checks, which apemu provides. Any other function that nobody defines is an error. */
const CHECKS = [
  'add_overflow',
  'sub_overflow',
  'mul_overflow',
  'negate_overflow',
  'divrem_overflow',
  'shift_out_of_bounds',
  'out_of_bounds',
  'type_mismatch_v1',
  'pointer_overflow',
  'builtin_unreachable',
  'missing_return',
  'vla_bound_not_positive',
  'load_invalid_value',
  'invalid_builtin',
  'nonnull_arg',
  'nonnull_return_v1',
  'float_cast_overflow',
  'implicit_conversion',
];

/** Folder of ap.h and its parts, of the package or of a checkout. */
const includeFolder = (): string => {
  const here = dirname(fileURLToPath(import.meta.url));
  const found = ['../../include', '../../../include']
    .map((up) => resolve(here, up))
    .find((folder) => existsSync(join(folder, 'apemu', 'ap.h')));
  if (found !== undefined) return found;
  throw new ApemuError(
    'APEMU_ERR_CC_INCLUDE',
    'the package lacks include/apemu/ap.h (install it again)',
  );
};

/** What a program printed, and whether it ended well; undefined: there is no such program. */
const run = (
  program: string,
  args: readonly string[],
  signal: AbortSignal,
  cwd = '.',
): Promise<{ readonly ok: boolean; readonly text: string } | undefined> =>
  new Promise((done) => {
    execFile(program, args, { signal, cwd, maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      if (error !== null && (error as NodeJS.ErrnoException).code === 'ENOENT') done(undefined);
      else done({ ok: error === null, text: `${stdout}${stderr}` });
    });
  });

const missing = (what: string): ApemuError =>
  new ApemuError(
    'APEMU_ERR_CC_CLANG',
    `${what} (expected clang ${OLDEST} or newer and lld: ${FIX})`,
  );

/** The major version of a clang that makes WebAssembly. @throws ApemuError `APEMU_ERR_CC_CLANG` in words, with how to get it */
const checkClang = async ({
  clang,
  signal,
}: Pick<ClangOptions, 'clang' | 'signal'>): Promise<number> => {
  const version = await run(clang, ['--version'], signal);
  if (version === undefined) throw missing(`there is no ${clang}`);
  const major = Number(/clang version (\d+)/.exec(version.text)?.[1] ?? Number.NaN);
  if (Number.isNaN(major)) throw missing(`${clang} is no clang: ${version.text.split('\n')[0]}`);
  if (major < OLDEST) throw missing(`${clang} is version ${major}`);
  const linker = await run(clang, [COMMON[0], '-print-prog-name=wasm-ld'], signal);
  const path = linker?.text.trim() ?? '';
  if (!isAbsolute(path) || !existsSync(path))
    throw missing(`${clang} finds no wasm-ld, the linker`);
  const targets = await run(clang, ['--print-targets'], signal);
  if (targets?.ok === true && !targets.text.includes('wasm32'))
    throw missing(`${clang} was built without WebAssembly`);
  return major;
};

/** Compiles or links. @throws ApemuError `APEMU_ERR_CC_COMPILE` with what clang says */
const must = async (
  options: ClangOptions,
  args: readonly string[],
  what: string,
  cwd = '.',
): Promise<string> => {
  const ended = await run(options.clang, args, options.signal, cwd);
  if (ended === undefined) throw missing(`there is no ${options.clang}`);
  if (ended.ok) return ended.text;
  options.signal.throwIfAborted();
  const undefinedName = /undefined symbol: (\S+)/.exec(ended.text)?.[1];
  const hint =
    undefinedName === undefined
      ? ''
      : ` (${undefinedName} is neither in the sources nor in apemu/ap.h: a driver brings along what its kernel gives it)`;
  throw new ApemuError('APEMU_ERR_CC_COMPILE', `${what}${hint}\n${ended.text.trimEnd()}`);
};

/** The folder all files are in or below. */
const commonFolder = (files: readonly string[]): string => {
  let folder = dirname(files[0] ?? '.');
  while (files.some((file) => relative(folder, file).startsWith('..'))) folder = dirname(folder);
  return folder;
};

/** Files are named from the folders they are in: the module is the same wherever it is built. */
const prefixes = (folders: readonly string[]): string[] =>
  folders.map((folder) => `-ffile-prefix-map=${folder}${sep}=`);

const linkOptions = ({ memory, stack }: ClangOptions): string[] => {
  const bytes = Math.ceil(memory / WASM_PAGE) * WASM_PAGE;
  return [
    '-nostdlib',
    ...[
      '--no-entry',
      '--stack-first',
      '-z',
      `stack-size=${LOWCORE_END + stack}`,
      `--initial-memory=${bytes}`,
      `--max-memory=${bytes}`,
      ...EXPORTS.map((name) => `--export-if-defined=${name}`),
    ].map((option) => `-Wl,${option}`),
  ];
};

/**
 * Makes a driver's module of its sources. Returns the warnings.
 * @throws ApemuError `APEMU_ERR_CC_CLANG` where something is missing, `APEMU_ERR_CC_COMPILE` with what clang says
 */
export const compileDriver = async (
  sources: readonly string[],
  output: string,
  options: ClangOptions,
): Promise<string> => {
  await checkClang(options);
  const include = includeFolder();
  const files = sources.map((source) => resolve(source));
  // Checks of undefined behaviour name files as they are given: from the folder they are in.
  const base = commonFolder(files);
  const own = relative(base, include);
  const common = [...COMMON, ...prefixes([own]), `-I${own}`];
  const counted = [
    ...(options.coverage ? COVERAGE : []),
    ...(options.sanitize ? SANITIZE : []),
    ...options.more,
  ];
  const folder = mkdtempSync(join(tmpdir(), 'apemu-cc-'));
  try {
    const contract = join(folder, 'ap.o');
    await must(
      options,
      [...common, '-c', join(own, 'apemu', 'ap.c'), '-o', contract],
      'ap.c does not compile',
      base,
    );
    const objects = [contract];
    let warnings = '';
    for (const [index, file] of files.entries()) {
      const object = join(folder, `${index}.o`);
      warnings += await must(
        options,
        [...common, ...counted, '-c', relative(base, file), '-o', object],
        `${sources[index]} does not compile`,
        base,
      );
      objects.push(object);
    }
    const allowed = join(folder, 'allowed');
    writeFileSync(allowed, CHECKS.map((name) => `__ubsan_handle_${name}\n`).join(''));
    await must(
      options,
      [
        COMMON[0],
        ...linkOptions(options),
        `-Wl,--allow-undefined-file=${allowed}`,
        ...objects,
        '-o',
        output,
      ],
      'the driver does not link',
    );
    return warnings;
  } finally {
    rmSync(folder, { recursive: true });
  }
};
