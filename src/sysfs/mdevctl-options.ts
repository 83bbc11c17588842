// SPDX-License-Identifier: Apache-2.0
// The options of mdevctl's commands.
// Source: docs/reference/vfio-ap.md section 7.3 (mdevctl).

/** Options with a value, by every spelling. */
const VALUED: Readonly<Record<string, string>> = {
  '-u': 'uuid',
  '--uuid': 'uuid',
  '-p': 'parent',
  '--parent': 'parent',
  '-t': 'type',
  '--type': 'type',
  '--addattr': 'addattr',
  '--value': 'value',
  '--index': 'index',
  '-i': 'index',
  '--jsonfile': 'jsonfile',
};
const FLAGS: Readonly<Record<string, string>> = {
  '-a': 'auto',
  '--auto': 'auto',
  '-m': 'manual',
  '--manual': 'manual',
  '-d': 'defined',
  '--defined': 'defined',
  '-v': 'verbose',
  '--verbose': 'verbose',
  '--dumpjson': 'dumpjson',
  '--delattr': 'delattr',
  '--live': 'live',
};

/** Options by their long name; flags have an empty text. */
export type MdevctlOptions = Readonly<Record<string, string>>;

/** The options of a command line, or the message of the first that is wrong. */
export function parseOptions(args: readonly string[]): MdevctlOptions | string {
  const options: Record<string, string> = {};
  for (let i = 0; i < args.length; i++) {
    const [name = '', ...rest] = args[i].split('=');
    if (Object.hasOwn(VALUED, name)) {
      const value = rest.length > 0 ? rest.join('=') : args[++i];
      if (value === undefined) return `error: a value is required for '${name}'`;
      options[VALUED[name]] = value;
    } else if (Object.hasOwn(FLAGS, name) && rest.length === 0) options[FLAGS[name]] = '';
    else return `error: unexpected argument '${args[i]}' found`;
  }
  return options;
}
