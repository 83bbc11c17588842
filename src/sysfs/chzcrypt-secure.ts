// SPDX-License-Identifier: Apache-2.0
// chzcrypt --se-bind, --se-unbind and --se-associate: one queue, waiting up to half a minute for what the kernel does later.
// Source: outputs of s390-tools 2.35 to 2.43 in test/golden/s390-tools; docs/reference/vfio-ap.md section 7.4.
import { ERRNO_TEXT, type Errno } from '../ap-bus/errno.ts';
import type { Operation } from '../ap-bus/operation.ts';
import { cardName, queueName } from '../s390-tools/ap-system.ts';
import { leadingNumber } from '../s390-tools/leading-numbers.ts';
import type { Session } from './chzcrypt-session.ts';
import { readLine } from './command.ts';

const AP_BUS = '/sys/bus/ap';
const LIMIT_S = 30;
const POLLS = 2 * LIMIT_S;
const BIND_POLL_NS = 500_000_000;
const HIGHEST_INDEX = 0xffff;

/** Ends an action; caught by `secureAction`. */
class Mistake extends Error {}

/** A file of the queue, in the words of the program. */
class QueueFile {
  readonly #session: Session;
  readonly #path: string;

  constructor(session: Session, queue: string, file: string) {
    this.#session = session;
    this.#path = `${queue}/${file}`;
    if (!session.sysfs.exists(this.#path))
      throw new Mistake(
        `Error - Can't write to ${this.#path} (errno 'No such file or directory').`,
      );
  }

  read(): string {
    const text = this.#session.sysfs.read(this.#path);
    if (text.ok) return text.text.trimEnd();
    throw new Mistake(`Error - Failure reading from ${this.#path} ${reason(text.errno)}.`);
  }

  *write(value: number): Operation<void> {
    const outcome = yield* this.#session.sysfs.write(this.#path, String(value));
    if (outcome !== 'ok')
      throw new Mistake(`Error - Failure writing to ${this.#path} ${reason(outcome)}.`);
  }

  /** Looks twice a second until `ended` is content. False after half a minute. */
  *await(ended: (state: string) => boolean): Operation<boolean> {
    for (let n = 0; n < POLLS; n++) {
      if (ended(this.read())) return true;
      yield { waitNs: BIND_POLL_NS };
    }
    return false;
  }
}

const reason = (errno: Errno): string => `(errno '${ERRNO_TEXT[errno]}')`;

/** The queue a text names; the program reads two and four digits. */
function queuePath({ sysfs }: Session, text: string): string {
  const pair = /^\s*([0-9a-f]{1,2})\.([0-9a-f]{1,4})/i.exec(text);
  if (pair === null) throw new Mistake(`Error - Can't parse queue device '${text}' as xy.abcd.`);
  const [apid, apqi] = [pair[1], pair[2]].map((digits) => Number.parseInt(digits, 16));
  const name = queueName(apid, apqi);
  const path = `${AP_BUS}/devices/${cardName(apid)}/${name}`;
  if (!sysfs.exists(path)) throw new Mistake(`Error - Queue device ${text} does not exist.`);
  return path;
}

const notIn = (queue: string, wanted: string, found: string): Mistake =>
  new Mistake(
    `Error - Queue device ${queue} is NOT in '${wanted}' state (state '${found}' found).`,
  );

function* bind(session: Session, queue: string): Operation<void> {
  const file = new QueueFile(session, queuePath(session, queue), 'se_bind');
  const before = file.read();
  if (before !== 'unbound') throw notIn(queue, 'unbound', before);
  yield* file.write(1);
  const after = file.read();
  if (after !== 'bound')
    throw new Mistake(`Error - Failure binding queue device ${queue} (state '${after}' found).`);
  session.verbose(`Queue device ${queue} successful bound.\n`);
}

function* unbind(session: Session, queue: string): Operation<void> {
  const file = new QueueFile(session, queuePath(session, queue), 'se_bind');
  yield* file.write(0);
  if (!(yield* file.await((state) => state === 'unbound')))
    throw new Mistake(
      `Error - Failure unbinding queue device ${queue} (timeout after ${LIMIT_S} s).`,
    );
  session.verbose(`Queue device ${queue} successful unbound.\n`);
}

function* associate(session: Session, queue: string, text: string): Operation<void> {
  const path = queuePath(session, queue);
  const index = leadingNumber(text)?.value;
  if (index === undefined)
    throw new Mistake(`Error - Can't parse association index '${text}' as number.`);
  if (index < 0 || index > HIGHEST_INDEX)
    throw new Mistake(`Error - Association index needs to be in range [0...${HIGHEST_INDEX}].`);
  const file = new QueueFile(session, path, 'se_associate');
  const before = file.read();
  if (before !== 'unassociated') throw notIn(queue, 'unassociated', before);
  yield* file.write(index);
  const failure = (why: string): Mistake =>
    new Mistake(`Error - Failure associating queue device ${queue} (${why}).`);
  const ended = yield* file.await((state) => {
    if (state === 'unassociated') throw failure(`state '${state}' found`);
    return state.startsWith('associated');
  });
  if (!ended) throw failure(`timeout after ${LIMIT_S} s`);
  const after = file.read();
  if (after !== `associated ${index}`) throw failure(`state '${after}' found`);
  session.verbose(`Queue device ${queue} successful associated with index ${index}.\n`);
}

/** What each option does, by its name. */
const ACTIONS: Readonly<
  Record<string, (session: Session, queue: string, index: string) => Operation<void>>
> = { 'se-bind': bind, 'se-unbind': unbind, 'se-associate': associate };

export const isSecureAction = (name: string): boolean => Object.hasOwn(ACTIONS, name);

/** Does one of the three. Returns the message that ends the program, or undefined. */
export function* secureAction(
  session: Session,
  name: string,
  queue: string | undefined,
  index: string,
): Operation<string | undefined> {
  if (queue === undefined) return `Error - The --${name} needs a queue device given.`;
  const features = readLine(session.sysfs, `${AP_BUS}/features`) ?? '';
  if (!features.includes('APSB')) return 'Error - AP bus: SE bind support is not available.';
  try {
    yield* ACTIONS[name](session, queue, index);
    return undefined;
  } catch (mistake) {
    if (mistake instanceof Mistake) return mistake.message;
    throw mistake;
  }
}
