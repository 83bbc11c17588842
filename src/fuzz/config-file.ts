// SPDX-License-Identifier: Apache-2.0
// The configuration of a campaign, which its scenarios and findings name: the user's configuration, with the driver as the program of its
// guest.
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { parseDocument } from 'yaml';

/** The text of a configuration in `folder`. `driver` is `ap-bus`, or the path of a module as the user gave it. */
export const configWithDriver = (
  text: string,
  { guest, driver, seed, folder }: { guest: string; driver: string; seed: number; folder: string },
): string => {
  const document = parseDocument(text);
  const guests = document.get('guests') as { items?: { key: unknown }[] } | undefined;
  for (const { key } of guests?.items ?? []) {
    const name = String(key);
    if (name !== guest) document.deleteIn(['guests', name, 'program']);
  }
  document.setIn(['guests', guest, 'program'], driverFrom(folder, driver));
  document.setIn(['machine', 'seed'], seed);
  return document.toString();
};

/** The text of a configuration whose programs do not run, since a kernel is under test. */
export const configWithGuest = (text: string, seed: number): string => {
  const document = parseDocument(text);
  document.setIn(['machine', 'seed'], seed);
  return document.toString();
};

/** The name of a driver from the point of view of a folder. */
const driverFrom = (folder: string, driver: string): string => {
  if (driver === 'ap-bus') return driver;
  const path = relative(resolve(folder), resolve(driver)).split(sep).join('/');
  return isAbsolute(path) || path.startsWith('.') ? path : `./${path}`;
};
