// SPDX-License-Identifier: Apache-2.0
// modprobe and lsmod for the modules of AP.
// Source: kmod 30 (messages).
import { type CommandResult, done, failed } from '../../sysfs/command.ts';
import type { CommandRow, Invocation } from './command-row.ts';

/**
 * Modules of the kernel that scripts name, and the modules that each of them uses. Those with `builtin` are always there and not listed.
 */
const MODULES: Readonly<
  Record<string, { readonly uses?: readonly string[]; readonly builtin?: true }>
> = {
  ap: { builtin: true },
  zcrypt: { builtin: true },
  zcrypt_cex4: { uses: ['zcrypt'] },
  mdev: {},
  vfio: {},
  vfio_iommu_type1: { uses: ['vfio'] },
  vfio_ap: { uses: ['mdev', 'vfio', 'kvm'] },
  kvm: {},
  pkey: {},
};

const moduleName = (name: string): string => name.replaceAll('-', '_').replace(/\.ko$/, '');

const MODPROBE_HELP = `Usage: modprobe [OPTIONS] MODULE [PARAMETER…]

 -a, --all      Every word is a module
 -r, --remove   Remove modules instead
 -q, --quiet    Say nothing of modules that are not there
 -h, --help     Print this help, then exit
 -V, --version  Print the version, then exit
`;
/** The release whose messages these are. */
const KMOD_VERSION = 'kmod version 30\n';

function modprobe({ args, context }: Invocation): CommandResult {
  if (args.includes('-h') || args.includes('--help')) return done(MODPROBE_HELP);
  if (args.includes('-V') || args.includes('--version')) return done(KMOD_VERSION);
  const remove = args.includes('-r') || args.includes('--remove');
  const quiet = args.some((arg) => /^-[a-z]*q/.test(arg) || arg === '--quiet');
  const all = args.includes('-a') || args.includes('--all') || remove;
  const names = args.filter((arg) => !arg.startsWith('-'));
  if (names.length === 0) return failed('modprobe: ERROR: missing parameters. See -h.');
  // Words after the first name are parameters of the module, unless several modules are loaded.
  for (const name of (all ? names : names.slice(0, 1)).map(moduleName)) {
    if (!Object.hasOwn(MODULES, name)) {
      const release = context.machine.config.host.kernel;
      const text = `modprobe: FATAL: Module ${name} not found in directory /lib/modules/${release}`;
      return quiet ? { ...done(''), status: 1 } : failed(text);
    }
    const outcome = remove ? unload(name, context.modules) : undefined;
    if (outcome !== undefined) return failed(outcome);
    if (!remove) for (const one of [name, ...(MODULES[name]?.uses ?? [])]) context.modules.add(one);
  }
  return done('');
}

/** Modules of the machine itself are in use, since the host's model cannot be removed. */
function unload(name: string, loaded: Set<string>): string | undefined {
  if (MODULES[name]?.builtin) return `modprobe: FATAL: Module ${name} is builtin.`;
  const inUse = usersOf(name, loaded).length > 0 || name === 'vfio_ap' || name === 'zcrypt_cex4';
  if (loaded.has(name) && inUse) return `modprobe: FATAL: Module ${name} is in use.`;
  loaded.delete(name);
  return undefined;
}

const usersOf = (name: string, loaded: ReadonlySet<string>): string[] =>
  [...loaded].filter((user) => MODULES[user]?.uses?.includes(name));

function lsmod({ args, context }: Invocation): CommandResult {
  if (args.length > 0) return failed('Usage: lsmod');
  const rows = [...context.modules]
    .filter((name) => MODULES[name]?.builtin === undefined)
    .sort()
    .map((name) => {
      const users = usersOf(name, context.modules);
      return `${name.padEnd(19)} ${'16384'.padStart(8)}  ${users.length}${users.length > 0 ? ` ${users.join(',')}` : ''}\n`;
    });
  return done(`Module                  Size  Used by\n${rows.join('')}`);
}

export const MODULE_COMMANDS: readonly CommandRow[] = [
  {
    name: 'modprobe',
    usage: '[-r] [-a] MODULE…',
    meaning: 'kernel modules of AP',
    options: ['-r', '-a', '-q', '--remove', '--all', '--quiet', '--help', '--version'],
    run: modprobe,
  },
  { name: 'lsmod', usage: '', meaning: 'the modules that are loaded', run: lsmod },
  {
    name: 'udevadm',
    usage: 'settle|trigger|control …',
    meaning: 'taken: udev is always done',
    run: () => done(''),
  },
];
