// SPDX-License-Identifier: Apache-2.0
// The frozen JavaScript kernel: stands in for the C reference where there is no compiler. It is bench/c/reference.c again, and is
// not tuned when the emulator's kernel is. The build puts the layout's numbers before this text (bench/reference/constants.ts).
// What no benchmark stream contains ends with EXECUTE_UNSUPPORTED.
/* global everything in upper case comes from the generated declarations */

const EXECUTE_UNSUPPORTED = 9;
/** GR0 bits that keep an instruction off the fast path. */
const TAPQ_UNUSUAL = GR0_FC_MASK | GR0_RESERVED;
const MESSAGE_UNUSUAL = NQAP_RESERVED | NQAP_L | NQAP_SPECIAL | DQAP_RESERVED | DQAP_START;

const create = (I32) => {
  const U8 = new Uint8Array(I32.buffer);
  const BYTES = new DataView(I32.buffer);
  const INDEX = I32[C_INDEX];
  const QUEUES = I32[C_QUEUE];

  const authorized = (masks, gr0) =>
    (I32[masks + ((gr0 >>> 13) & 7)] << ((gr0 >>> 8) & 31)) &
    (I32[masks + MASK_AQM + ((gr0 >>> 5) & 7)] << (gr0 & 31));
  const extendedMode = (v) => (I32[v + V_PSW_MASK_HIGH] ^ PSW_EA) & (PSW_PROBLEM | PSW_EA);
  const addressMask = (v) => {
    if (I32[v + V_PSW_MASK_HIGH] & PSW_EA) return -1;
    return I32[v + V_PSW_MASK_LOW] & PSW_BA ? 0x7fffffff : 0x00ffffff;
  };
  const advance = (v) => {
    const next = (I32[v + V_PSW_ADDRESS_LOW] + INSTRUCTION_BYTES) | 0;
    I32[v + V_PSW_ADDRESS_LOW] = next;
    if (next >>> 0 >= INSTRUCTION_BYTES) return;
    const mask = addressMask(v);
    if (mask === -1) I32[v + V_PSW_ADDRESS_HIGH]++;
    else I32[v + V_PSW_ADDRESS_LOW] &= mask;
  };
  const completeStatus = (v, status) => {
    I32[v + V_GR + 2] = 0;
    I32[v + V_GR + 3] = status;
    const cc = status & STATUS_RC_MASK ? 3 : 0;
    I32[v + V_PSW_MASK_HIGH] = (I32[v + V_PSW_MASK_HIGH] & ~PSW_CC) | (cc << PSW_CC_SHIFT);
    advance(v);
    return EXECUTE_COMPLETED;
  };
  const statusWithCode = (q, rc) => {
    const shown = rc === 0 || rc === AP_RESPONSE_RESET_IN_PROGRESS || rc === AP_RESPONSE_Q_FULL;
    if (!shown) return rc << STATUS_RC_SHIFT;
    const resetting = (I32[q + Q_ATTENTION] & ATTENTION_RESET) !== 0;
    return (resetting ? STATUS_EMPTY : I32[q + Q_STATUS] & STATUS_FLAGS) | (rc << STATUS_RC_SHIFT);
  };
  const programInterruption = (v, code, bytes) => {
    I32[v + V_EXIT] = code;
    if (I32[v + V_STORAGE_SIZE] < LOWCORE_BYTES) return EXECUTE_PROGRAM;
    const lowcore = I32[v + V_STORAGE_BYTE];
    BYTES.setUint16(lowcore + LC_PGM_ILC, bytes);
    BYTES.setUint16(lowcore + LC_PGM_CODE, code);
    const mask = addressMask(v);
    const next = (I32[v + V_PSW_ADDRESS_LOW] + bytes) & mask;
    const carry = mask === -1 && next >>> 0 < bytes ? 1 : 0;
    const old = lowcore + LC_PGM_OLD_PSW;
    BYTES.setInt32(old, I32[v + V_PSW_MASK_HIGH]);
    BYTES.setInt32(old + 4, I32[v + V_PSW_MASK_LOW]);
    BYTES.setInt32(old + 8, I32[v + V_PSW_ADDRESS_HIGH] + carry);
    BYTES.setInt32(old + 12, next);
    return EXECUTE_PROGRAM;
  };
  const operationException = (v, instruction) => {
    const first = instruction >>> 30;
    return programInterruption(v, PGM_OPERATION, first === 0 ? 2 : first === 3 ? 6 : 4);
  };
  const specification = (v) => programInterruption(v, PGM_SPECIFICATION, INSTRUCTION_BYTES);

  const admit = (v) => {
    if ((I32[v + V_FACILITIES] & FACILITY_AP) === 0) {
      if (I32[v + V_FACILITIES] & FACILITY_SIE) return EXECUTE_UNSUPPORTED + 1;
      return programInterruption(v, PGM_OPERATION, INSTRUCTION_BYTES) + 1;
    }
    if (I32[v + V_PSW_MASK_HIGH] & PSW_PROBLEM)
      return programInterruption(v, PGM_PRIVILEGED_OPERATION, INSTRUCTION_BYTES) + 1;
    return 0;
  };
  const findQueue = (v, gr0) =>
    authorized(I32[v + V_TRUE_MASKS], gr0) < 0 ? I32[INDEX + (gr0 & 0xffff)] : QUEUES;
  const operandsLegal = (facilities, gr0) => {
    if (gr0 & (GR0_RESERVED_ALWAYS | GR0_F)) return false;
    if (gr0 & GR0_T && !(facilities & FACILITY_APFT)) return false;
    return (facilities & FACILITY_APXA) !== 0 || (gr0 & GR0_APQN_NO_APXA) === 0;
  };
  const pqapSlow = (v) => {
    const ended = admit(v);
    if (ended !== 0) return ended - 1;
    const gr0 = I32[v + V_GR + 1];
    const fc = gr0 >>> GR0_FC_SHIFT;
    if (fc >= FC_COUNT) return specification(v);
    if (fc !== FC_TAPQ) return EXECUTE_UNSUPPORTED;
    if (!operandsLegal(I32[v + V_FACILITIES], gr0)) return specification(v);
    const q = findQueue(v, gr0);
    if (!(I32[q + Q_ATTENTION] & ATTENTION_ABSENT)) return EXECUTE_UNSUPPORTED;
    I32[v + V_GR + 4] = 0;
    I32[v + V_GR + 5] = 0;
    return completeStatus(v, statusWithCode(q, AP_RESPONSE_Q_NOT_AVAIL));
  };

  const copy = (target, source, length) => {
    if (length <= 256) for (let n = 0; n < length; n++) U8[target + n] = U8[source + n];
    else U8.copyWithin(target, source, source + length);
  };
  const operandLength = (v, q, r2) => {
    if (I32[v + V_PSW_MASK_HIGH] & PSW_EA && I32[r2 + 2] !== 0) return 0;
    return I32[r2 + 3] > 0 && I32[r2 + 3] <= I32[q + Q_LIMIT] ? I32[r2 + 3] : 0;
  };
  const apqnLegal = (v, gr0) =>
    (I32[v + V_FACILITIES] & FACILITY_APXA) !== 0 || (gr0 & GR0_APQN_NO_APXA) === 0;
  const nqapSlow = (v, instruction) => {
    const ended = admit(v);
    if (ended !== 0) return ended - 1;
    const gr0 = I32[v + V_GR + 1];
    const parts = !(gr0 & NQAP_L) && I32[C_OPTIONS] & OPTION_REFUSE_PARTS;
    if (gr0 & NQAP_RESERVED || parts || !apqnLegal(v, gr0) || instruction & 0x11)
      return specification(v);
    const q = findQueue(v, gr0);
    if (operandLength(v, q, v + V_GR + ((instruction & 15) << 1)) === 0) return specification(v);
    if (I32[q + Q_ATTENTION] & ATTENTION_ABSENT)
      return completeStatus(v, statusWithCode(q, AP_RESPONSE_Q_NOT_AVAIL));
    if (I32[q + Q_ATTENTION] === 0 && I32[q + Q_FREE] === 0)
      return completeStatus(v, statusWithCode(q, AP_RESPONSE_Q_FULL));
    return EXECUTE_UNSUPPORTED;
  };
  const nqap = (v, instruction) => {
    const gr0 = I32[v + V_GR + 1];
    const unusual = ((gr0 ^ NQAP_L) & MESSAGE_UNUSUAL) | extendedMode(v) | (instruction & 0x11);
    if (unusual !== 0 || authorized(I32[v + V_MASKS], gr0) >= 0) return nqapSlow(v, instruction);
    const q = I32[INDEX + (gr0 & 0xffff)];
    const free = I32[q + Q_FREE];
    const r2 = v + V_GR + ((instruction & 15) << 1);
    const length = I32[r2 + 3];
    const address = I32[r2 + 1];
    const operandBad =
      (I32[r2] | I32[r2 + 2]) !== 0 ||
      length <= 0 ||
      length > I32[q + Q_LIMIT] ||
      address < 0 ||
      address > I32[v + V_STORAGE_SIZE] - length;
    if (I32[q + Q_ATTENTION] !== 0 || free === 0 || operandBad || I32[q + Q_SLOTS_BYTE] === 0)
      return nqapSlow(v, instruction);
    if (I32[q + Q_DEVICE] !== DEVICE_LOOPBACK) return EXECUTE_UNSUPPORTED;
    return enqueue(v, q, free, address, length, instruction);
  };
  const enqueue = (v, q, free, address, length, instruction) => {
    const r1 = v + V_GR + ((instruction & 0xf0) >>> 3);
    const r2 = v + V_GR + ((instruction & 15) << 1);
    const slot = Math.clz32(free);
    const at = I32[q + Q_SLOTS_BYTE] + slot * I32[q + Q_STRIDE_BYTE];
    const header = at >>> 2;
    I32[header + L_PSMID_HIGH] = I32[r1 + 1];
    I32[header + L_PSMID_LOW] = I32[r1 + 3];
    I32[header + L_LENGTH] = length;
    copy(at + SLOT_HEADER_BYTES, I32[v + V_STORAGE_BYTE] + address, length);
    I32[r2 + 1] = address + length;
    I32[r2 + 3] = 0;
    const left = free & ~(SLOT_BIT_0 >>> slot);
    I32[q + Q_FREE] = left;
    const status =
      (I32[q + Q_STATUS] & (STATUS_REPLIES | STATUS_IRQ)) | (left === 0 ? STATUS_FULL : 0);
    if (status & STATUS_IRQ) return EXECUTE_UNSUPPORTED;
    I32[I32[q + Q_COLD] + K_REQUESTS]++;
    const tail = I32[q + Q_REPLY_TAIL];
    U8[((q + Q_REPLY_RING) << 2) + (tail & (RING_BYTES - 1))] = slot;
    I32[q + Q_REPLY_TAIL] = tail + 1;
    I32[q + Q_STATUS] = status | STATUS_REPLIES;
    return completeStatus(v, status);
  };
  const dqapSlow = (v, instruction) => {
    const ended = admit(v);
    if (ended !== 0) return ended - 1;
    const gr0 = I32[v + V_GR + 1];
    if (gr0 & DQAP_RESERVED || !apqnLegal(v, gr0) || instruction & 0x11) return specification(v);
    const q = findQueue(v, gr0);
    if (operandLength(v, q, v + V_GR + ((instruction & 15) << 1)) === 0) return specification(v);
    if (I32[q + Q_ATTENTION] & ATTENTION_ABSENT)
      return completeStatus(v, statusWithCode(q, AP_RESPONSE_Q_NOT_AVAIL));
    const none = I32[q + Q_REPLY_HEAD] === I32[q + Q_REPLY_TAIL];
    if (I32[q + Q_ATTENTION] === 0 && gr0 & DQAP_START && none)
      return completeStatus(v, statusWithCode(q, AP_RESPONSE_NO_PENDING_REPLY));
    return EXECUTE_UNSUPPORTED;
  };
  const dqap = (v, instruction) => {
    const gr0 = I32[v + V_GR + 1];
    const unusual = ((gr0 ^ DQAP_START) & MESSAGE_UNUSUAL) | extendedMode(v) | (instruction & 0x11);
    if (unusual !== 0 || authorized(I32[v + V_MASKS], gr0) >= 0) return dqapSlow(v, instruction);
    const q = I32[INDEX + (gr0 & 0xffff)];
    const head = I32[q + Q_REPLY_HEAD];
    if (I32[q + Q_ATTENTION] !== 0 || head === I32[q + Q_REPLY_TAIL])
      return dqapSlow(v, instruction);
    const slot = U8[((q + Q_REPLY_RING) << 2) + (head & (RING_BYTES - 1))];
    const at = I32[q + Q_SLOTS_BYTE] + slot * I32[q + Q_STRIDE_BYTE];
    const length = I32[(at >>> 2) + L_LENGTH];
    const r2 = v + V_GR + ((instruction & 15) << 1);
    const room = I32[r2 + 3];
    const address = I32[r2 + 1];
    const operandBad =
      (I32[r2] | I32[r2 + 2]) !== 0 ||
      room < length ||
      room > I32[q + Q_LIMIT] ||
      address < 0 ||
      address > I32[v + V_STORAGE_SIZE] - length;
    if (operandBad) return dqapSlow(v, instruction);
    copy(I32[v + V_STORAGE_BYTE] + address, at + SLOT_HEADER_BYTES, length);
    I32[r2 + 1] = address + length;
    I32[r2 + 3] = room - length;
    return dequeue(v, q, slot, at >>> 2, instruction);
  };
  const dequeue = (v, q, slot, header, instruction) => {
    const r1 = v + V_GR + ((instruction & 0xf0) >>> 3);
    I32[r1] = 0;
    I32[r1 + 1] = I32[header + L_PSMID_HIGH];
    I32[r1 + 2] = 0;
    I32[r1 + 3] = I32[header + L_PSMID_LOW];
    I32[v + V_GR + 4] = 0;
    I32[v + V_GR + 5] = 0;
    const head = (I32[q + Q_REPLY_HEAD] + 1) | 0;
    const free = I32[q + Q_FREE] | (SLOT_BIT_0 >>> slot);
    I32[q + Q_REPLY_HEAD] = head;
    I32[q + Q_FREE] = free;
    const status =
      (I32[q + Q_STATUS] & STATUS_IRQ) |
      (free === I32[q + Q_ALL_FREE] ? STATUS_EMPTY : 0) |
      (head === I32[q + Q_REPLY_TAIL] ? 0 : STATUS_REPLIES);
    I32[q + Q_STATUS] = status;
    return completeStatus(v, status);
  };

  const tapqOperational = (v, q, gr0) => {
    I32[v + V_GR + 2] = 0;
    I32[v + V_GR + 3] = I32[q + Q_STATUS];
    I32[v + V_GR + 4] = I32[q + Q_GR2_HIGH] & ((gr0 << 8) >> 31);
    I32[v + V_GR + 5] = I32[q + Q_GR2_LOW];
    I32[v + V_PSW_MASK_HIGH] &= ~PSW_CC;
    advance(v);
    return EXECUTE_COMPLETED;
  };
  const execute = (v, instruction) => {
    const opcode = instruction >>> 16;
    if (opcode === OPCODE_PQAP) {
      const gr0 = I32[v + V_GR + 1];
      const unusual = (gr0 & TAPQ_UNUSUAL) | extendedMode(v);
      if (unusual !== 0 || authorized(I32[v + V_MASKS], gr0) >= 0) return pqapSlow(v);
      const q = I32[INDEX + (gr0 & 0xffff)];
      return I32[q + Q_ATTENTION] === 0 ? tapqOperational(v, q, gr0) : pqapSlow(v);
    }
    if (opcode === OPCODE_NQAP) return nqap(v, instruction);
    if (opcode === OPCODE_DQAP) return dqap(v, instruction);
    return operationException(v, instruction);
  };
  const run = (v, count) => {
    const storage = I32[v + V_STORAGE_BYTE];
    const last = I32[v + V_STORAGE_SIZE] - INSTRUCTION_BYTES;
    for (let n = count; n > 0; n--) {
      if (I32[v + V_EVENT] !== 0) return EXECUTE_EVENT;
      const address = I32[v + V_PSW_ADDRESS_LOW];
      if (address < 0 || address > last || I32[v + V_PSW_ADDRESS_HIGH] !== 0) return EXECUTE_OTHER;
      const instruction = BYTES.getInt32(storage + address);
      const opcode = instruction >>> 16;
      if (opcode < OPCODE_NQAP || opcode > OPCODE_PQAP) return EXECUTE_OTHER;
      const ended = execute(v, instruction);
      if (ended !== EXECUTE_COMPLETED) return ended;
    }
    return EXECUTE_COMPLETED;
  };

  const firstMasks = I32[C_MASKS] + MASK_WORDS;
  const checked = (word) => authorized(firstMasks + (word >>> 16) * MASK_WORDS, word) >>> 31;
  const row = (table, at) => {
    const v = table[at];
    I32[v + V_GR + 1] = table[at + 2];
    I32[v + V_GR + 9] = table[at + 3];
    I32[v + V_GR + 11] = table[at + 4];
    I32[v + V_GR + 13] = table[at + 5];
    I32[v + V_GR + 15] = table[at + 6];
    return execute(v, table[at + 1]);
  };
  return {
    runAll: (vcpus, vcpuCount, count) => {
      let sum = 0;
      for (let n = 0; n < vcpuCount; n++) {
        I32[vcpus[n] + V_PSW_ADDRESS_LOW] = 0;
        sum = (sum + run(vcpus[n], count)) | 0;
      }
      return sum;
    },
    executeAll: (vcpus, vcpuCount, word) => {
      let sum = 0;
      for (let n = 0; n < vcpuCount; n++) sum = (sum + execute(vcpus[n], word)) | 0;
      return sum;
    },
    drive: (table, rows) => {
      let sum = 0;
      for (let n = 0; n < rows; n++) sum = (sum + row(table, n << 3)) | 0;
      return sum;
    },
    driveLocked: (table, rows, lock, owner) => {
      let sum = 0;
      for (let n = 0; n < rows; n++) {
        while (Atomics.compareExchange(I32, lock, 0, owner) !== 0);
        sum = (sum + row(table, n << 3)) | 0;
        Atomics.store(I32, lock, 0);
      }
      return sum;
    },
    checks: (table, count) => {
      let sum = 0;
      for (let n = 0; n < count; n++) sum = (sum + checked(table[n])) | 0;
      return sum;
    },
    checksChained: (table, count) => {
      let sum = 0;
      let bit = 0;
      for (let n = 0; n < count; n++) {
        bit = checked(table[n ^ bit]);
        sum = (sum + bit) | 0;
      }
      return sum;
    },
  };
};

let bound;

export const reference = {
  attach: (words) => {
    bound = create(words);
  },
  runAll: (vcpus, vcpuCount, count) => bound.runAll(vcpus, vcpuCount, count),
  executeAll: (vcpus, vcpuCount, word) => bound.executeAll(vcpus, vcpuCount, word),
  drive: (table, rows) => bound.drive(table, rows),
  driveLocked: (table, rows, lock, owner) => bound.driveLocked(table, rows, lock, owner),
  checks: (table, count) => bound.checks(table, count),
  checksChained: (table, count) => bound.checksChained(table, count),
};
