// SPDX-License-Identifier: Apache-2.0
// The configuration of a campaign as its scenarios and findings name it: the user's, with the driver as the program of its guest.
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { parseDocument } from 'yaml';

/** The text of a configuration in `folder`. `driver`: `ap-bus`, or the path of a module as the user named it. */
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

/** The text of a configuration whose programs do not run: what is under test is a kernel. */
export const configWithGuest = (text: string, seed: number): string => {
  const document = parseDocument(text);
  document.setIn(['machine', 'seed'], seed);
  return document.toString();
};

/** A driver as it is named from a folder. */
const driverFrom = (folder: string, driver: string): string => {
  if (driver === 'ap-bus') return driver;
  const path = relative(resolve(folder), resolve(driver)).split(sep).join('/');
  return isAbsolute(path) || path.startsWith('.') ? path : `./${path}`;
};
