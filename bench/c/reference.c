// SPDX-License-Identifier: Apache-2.0
// See reference.h. Source: native-like/exec (execute, tapq, pqap, nqap, dqap, ending), line by line.
#include <stdatomic.h>
#include <string.h>
#include "reference.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define outlined __attribute__((noinline))
#define EXTENDED_MODE(v) ((m[(v) + V_PSW_MASK_HIGH] ^ PSW_EA) & (PSW_PROBLEM | PSW_EA))
#define OPERATIONAL 0
/* GR0 bits that keep an instruction off the fast path. */
#define TAPQ_UNUSUAL ((int32_t)(GR0_FC_MASK | GR0_RESERVED))
#define MESSAGE_UNUSUAL (NQAP_RESERVED | NQAP_L | NQAP_SPECIAL | DQAP_RESERVED | DQAP_START)

static int32_t *m;
static uint8_t *b;
static int32_t index_at, queues_at, first_masks;

void ap_attach(int32_t *words) {
  m = words;
  b = (uint8_t *)words;
  index_at = m[C_INDEX];
  queues_at = m[C_QUEUE];
  // Guest 0 is the host.
  first_masks = m[C_MASKS] + MASK_WORDS;
}

static inline int32_t authorized(int32_t masks, int32_t gr0) {
  uint32_t apm = (uint32_t)m[masks + ((gr0 >> 13) & 7)] << ((gr0 >> 8) & 31);
  uint32_t aqm = (uint32_t)m[masks + MASK_AQM + ((gr0 >> 5) & 7)] << (gr0 & 31);
  return (int32_t)(apm & aqm);
}

// ---- endings ------------------------------------------------------------------------------------------------------------
static inline int32_t address_mask(int32_t v) {
  if (m[v + V_PSW_MASK_HIGH] & PSW_EA) return -1;
  return m[v + V_PSW_MASK_LOW] & PSW_BA ? 0x7fffffff : 0x00ffffff;
}

static outlined void advance_slow(int32_t v) {
  int32_t mask = address_mask(v);
  if (mask == -1) m[v + V_PSW_ADDRESS_HIGH]++;
  else m[v + V_PSW_ADDRESS_LOW] &= mask;
}

static inline void advance(int32_t v) {
  uint32_t next = (uint32_t)m[v + V_PSW_ADDRESS_LOW] + INSTRUCTION_BYTES;
  m[v + V_PSW_ADDRESS_LOW] = (int32_t)next;
  if (unlikely(next < INSTRUCTION_BYTES)) advance_slow(v);
}

static inline int32_t complete(int32_t v, int32_t cc) {
  m[v + V_PSW_MASK_HIGH] = (m[v + V_PSW_MASK_HIGH] & ~PSW_CC) | (cc << PSW_CC_SHIFT);
  advance(v);
  return EXECUTE_COMPLETED;
}

static inline int32_t complete_status(int32_t v, int32_t status) {
  m[v + V_GR + 2] = 0;
  m[v + V_GR + 3] = status;
  return complete(v, status & STATUS_RC_MASK ? 3 : 0);
}

static inline int32_t status_with_code(int32_t q, int32_t rc) {
  if (rc == 0 || rc == AP_RESPONSE_RESET_IN_PROGRESS || rc == AP_RESPONSE_Q_FULL) {
    int32_t flags =
        m[q + Q_ATTENTION] & ATTENTION_RESET ? STATUS_EMPTY : m[q + Q_STATUS] & STATUS_FLAGS;
    return flags | (rc << STATUS_RC_SHIFT);
  }
  return rc << STATUS_RC_SHIFT;
}

static inline void store32(int32_t at, int32_t value) {
  uint32_t swapped = __builtin_bswap32((uint32_t)value);
  memcpy(b + at, &swapped, 4);
}

static inline void store16(int32_t at, int32_t value) {
  uint16_t swapped = __builtin_bswap16((uint16_t)value);
  memcpy(b + at, &swapped, 2);
}

/** The program interruptions the streams contain are all suppressing or terminating: the old PSW points past the instruction. */
static outlined int32_t program_interruption(int32_t v, int32_t code, int32_t bytes) {
  m[v + V_EXIT] = code;
  if (m[v + V_STORAGE_SIZE] < LOWCORE_BYTES) return EXECUTE_PROGRAM;
  int32_t lowcore = m[v + V_STORAGE_BYTE];
  store16(lowcore + LC_PGM_ILC, bytes);
  store16(lowcore + LC_PGM_CODE, code);
  int32_t mask = address_mask(v);
  uint32_t next = ((uint32_t)m[v + V_PSW_ADDRESS_LOW] + (uint32_t)bytes) & (uint32_t)mask;
  int32_t carry = mask == -1 && next < (uint32_t)bytes;
  int32_t old = lowcore + LC_PGM_OLD_PSW;
  store32(old, m[v + V_PSW_MASK_HIGH]);
  store32(old + 4, m[v + V_PSW_MASK_LOW]);
  store32(old + 8, m[v + V_PSW_ADDRESS_HIGH] + carry);
  store32(old + 12, (int32_t)next);
  return EXECUTE_PROGRAM;
}

static int32_t operation_exception(int32_t v, uint32_t instruction) {
  uint32_t first = instruction >> 30;
  return program_interruption(v, PGM_OPERATION, first == 0 ? 2 : first == 3 ? 6 : 4);
}

// ---- the checks of AD-15 off the fast path ------------------------------------------------------------------------------
/** 0 to go on, else how the instruction ended plus 1. */
static inline int32_t admit(int32_t v) {
  if ((m[v + V_FACILITIES] & FACILITY_AP) == 0) {
    if (m[v + V_FACILITIES] & FACILITY_SIE) return EXECUTE_UNSUPPORTED + 1;
    return program_interruption(v, PGM_OPERATION, INSTRUCTION_BYTES) + 1;
  }
  if (m[v + V_PSW_MASK_HIGH] & PSW_PROBLEM)
    return program_interruption(v, PGM_PRIVILEGED_OPERATION, INSTRUCTION_BYTES) + 1;
  return 0;
}

static inline int32_t find_queue(int32_t v, int32_t gr0) {
  return authorized(m[v + V_TRUE_MASKS], gr0) < 0 ? m[index_at + (gr0 & 0xffff)] : queues_at;
}

static inline int operands_legal(int32_t facilities, int32_t gr0) {
  if (gr0 & (GR0_RESERVED_ALWAYS | GR0_F)) return 0;
  if ((gr0 & GR0_T) && !(facilities & FACILITY_APFT)) return 0;
  return (facilities & FACILITY_APXA) || !(gr0 & GR0_APQN_NO_APXA);
}

static outlined int32_t pqap_slow(int32_t v) {
  int32_t ended = admit(v);
  if (ended != 0) return ended - 1;
  int32_t gr0 = m[v + V_GR + 1];
  int32_t facilities = m[v + V_FACILITIES];
  int32_t fc = (int32_t)((uint32_t)gr0 >> GR0_FC_SHIFT);
  if (fc >= FC_COUNT) return program_interruption(v, PGM_SPECIFICATION, INSTRUCTION_BYTES);
  if (fc != FC_TAPQ) return EXECUTE_UNSUPPORTED;
  if (!operands_legal(facilities, gr0))
    return program_interruption(v, PGM_SPECIFICATION, INSTRUCTION_BYTES);
  int32_t q = find_queue(v, gr0);
  if (!(m[q + Q_ATTENTION] & ATTENTION_ABSENT)) return EXECUTE_UNSUPPORTED;
  m[v + V_GR + 4] = 0;
  m[v + V_GR + 5] = 0;
  return complete_status(v, status_with_code(q, AP_RESPONSE_Q_NOT_AVAIL));
}

// ---- messages -----------------------------------------------------------------------------------------------------------
static inline int32_t nqap_reserved_legal(int32_t v, int32_t gr0) {
  if (gr0 & NQAP_RESERVED) return 0;
  if (!(gr0 & NQAP_L) && (m[C_OPTIONS] & OPTION_REFUSE_PARTS)) return 0;
  return (m[v + V_FACILITIES] & FACILITY_APXA) || !(gr0 & GR0_APQN_NO_APXA);
}

static inline int32_t operand_length(int32_t v, int32_t q, int32_t r2) {
  if ((m[v + V_PSW_MASK_HIGH] & PSW_EA) && m[r2 + 2] != 0) return 0;
  return m[r2 + 3] > 0 && m[r2 + 3] <= m[q + Q_LIMIT] ? m[r2 + 3] : 0;
}

/** A refused NQAP or DQAP with nothing else to say: the masks are not the empty record, the length is legal. */
static inline int is_plainly_refused(int32_t v, uint32_t instruction) {
  int32_t r2 = v + V_GR + (int32_t)((instruction & 15) << 1);
  return m[v + V_MASKS] == m[v + V_TRUE_MASKS] && m[r2 + 2] == 0 && m[r2 + 3] > 0 &&
         m[r2 + 3] <= m[m[C_QUEUE] + Q_LIMIT];
}

static outlined int32_t nqap_slow(int32_t v, uint32_t instruction) {
  int32_t ended = admit(v);
  if (ended != 0) return ended - 1;
  int32_t gr0 = m[v + V_GR + 1];
  int32_t r2 = v + V_GR + (int32_t)((instruction & 15) << 1);
  if (!nqap_reserved_legal(v, gr0) || (instruction & 0x11))
    return program_interruption(v, PGM_SPECIFICATION, INSTRUCTION_BYTES);
  int32_t q = find_queue(v, gr0);
  if (operand_length(v, q, r2) == 0)
    return program_interruption(v, PGM_SPECIFICATION, INSTRUCTION_BYTES);
  if (m[q + Q_ATTENTION] & ATTENTION_ABSENT)
    return complete_status(v, status_with_code(q, AP_RESPONSE_Q_NOT_AVAIL));
  if (m[q + Q_ATTENTION] == 0 && m[q + Q_FREE] == 0)
    return complete_status(v, status_with_code(q, AP_RESPONSE_Q_FULL));
  return EXECUTE_UNSUPPORTED;
}

static inline int32_t nqap(int32_t v, uint32_t instruction) {
  int32_t gr0 = m[v + V_GR + 1];
  int32_t unusual = ((gr0 ^ NQAP_L) & MESSAGE_UNUSUAL) | EXTENDED_MODE(v) | (int32_t)(instruction & 0x11);
  if (unlikely(unusual != 0)) return nqap_slow(v, instruction);
  if (authorized(m[v + V_MASKS], gr0) >= 0) {
    if (!is_plainly_refused(v, instruction)) return nqap_slow(v, instruction);
    return complete_status(v, AP_RESPONSE_Q_NOT_AVAIL << STATUS_RC_SHIFT);
  }
  int32_t q = m[index_at + (gr0 & 0xffff)];
  int32_t free = m[q + Q_FREE];
  int32_t r2 = v + V_GR + (int32_t)((instruction & 15) << 1);
  int32_t length = m[r2 + 3], address = m[r2 + 1];
  if (unlikely(m[q + Q_ATTENTION] != 0 || free == 0 || (m[r2] | m[r2 + 2]) != 0 || length <= 0 ||
               length > m[q + Q_LIMIT] || address < 0 || address > m[v + V_STORAGE_SIZE] - length ||
               m[q + Q_SLOTS_BYTE] == 0))
    return nqap_slow(v, instruction);
  if (unlikely(m[q + Q_DEVICE] != DEVICE_LOOPBACK)) return EXECUTE_UNSUPPORTED;
  int32_t slot = __builtin_clz((uint32_t)free);
  int32_t at = m[q + Q_SLOTS_BYTE] + slot * m[q + Q_STRIDE_BYTE];
  int32_t header = at >> 2;
  int32_t r1 = v + V_GR + (int32_t)((instruction & 0xf0) >> 3);
  m[header + L_PSMID_HIGH] = m[r1 + 1];
  m[header + L_PSMID_LOW] = m[r1 + 3];
  m[header + L_LENGTH] = length;
  int32_t source = m[v + V_STORAGE_BYTE] + address;
  m[r2 + 1] = address + length;
  m[r2 + 3] = 0;
  free &= (int32_t)~(0x80000000u >> slot);
  m[q + Q_FREE] = free;
  int32_t status =
      (m[q + Q_STATUS] & (STATUS_REPLIES | STATUS_IRQ)) | (free == 0 ? STATUS_FULL : 0);
  if (unlikely(status & STATUS_IRQ)) return EXECUTE_UNSUPPORTED;
  m[m[q + Q_COLD] + K_REQUESTS]++;
  int32_t tail = m[q + Q_REPLY_TAIL];
  b[((q + Q_REPLY_RING) << 2) + (tail & (RING_BYTES - 1))] = (uint8_t)slot;
  m[q + Q_REPLY_TAIL] = tail + 1;
  m[q + Q_STATUS] = status | STATUS_REPLIES;
  complete_status(v, status);
  memcpy(b + at + SLOT_HEADER_BYTES, b + source, (size_t)length);
  return EXECUTE_COMPLETED;
}

static outlined int32_t dqap_slow(int32_t v, uint32_t instruction) {
  int32_t ended = admit(v);
  if (ended != 0) return ended - 1;
  int32_t gr0 = m[v + V_GR + 1];
  int32_t r2 = v + V_GR + (int32_t)((instruction & 15) << 1);
  int apxa = (m[v + V_FACILITIES] & FACILITY_APXA) != 0;
  if ((gr0 & DQAP_RESERVED) || (!apxa && (gr0 & GR0_APQN_NO_APXA)) || (instruction & 0x11))
    return program_interruption(v, PGM_SPECIFICATION, INSTRUCTION_BYTES);
  int32_t q = find_queue(v, gr0);
  if (operand_length(v, q, r2) == 0)
    return program_interruption(v, PGM_SPECIFICATION, INSTRUCTION_BYTES);
  if (m[q + Q_ATTENTION] & ATTENTION_ABSENT)
    return complete_status(v, status_with_code(q, AP_RESPONSE_Q_NOT_AVAIL));
  int start = (gr0 & DQAP_START) != 0;
  if (m[q + Q_ATTENTION] == 0 && start && m[q + Q_REPLY_HEAD] == m[q + Q_REPLY_TAIL])
    return complete_status(v, status_with_code(q, AP_RESPONSE_NO_PENDING_REPLY));
  return EXECUTE_UNSUPPORTED;
}

static inline int32_t dqap(int32_t v, uint32_t instruction) {
  int32_t gr0 = m[v + V_GR + 1];
  int32_t unusual =
      ((gr0 ^ DQAP_START) & MESSAGE_UNUSUAL) | EXTENDED_MODE(v) | (int32_t)(instruction & 0x11);
  if (unlikely(unusual != 0)) return dqap_slow(v, instruction);
  if (authorized(m[v + V_MASKS], gr0) >= 0) {
    if (!is_plainly_refused(v, instruction)) return dqap_slow(v, instruction);
    return complete_status(v, AP_RESPONSE_Q_NOT_AVAIL << STATUS_RC_SHIFT);
  }
  int32_t q = m[index_at + (gr0 & 0xffff)];
  int32_t head = m[q + Q_REPLY_HEAD];
  if (unlikely(m[q + Q_ATTENTION] != 0 || head == m[q + Q_REPLY_TAIL]))
    return dqap_slow(v, instruction);
  int32_t slot = b[((q + Q_REPLY_RING) << 2) + (head & (RING_BYTES - 1))];
  int32_t at = m[q + Q_SLOTS_BYTE] + slot * m[q + Q_STRIDE_BYTE];
  int32_t header = at >> 2;
  int32_t length = m[header + L_LENGTH];
  int32_t r2 = v + V_GR + (int32_t)((instruction & 15) << 1);
  int32_t room = m[r2 + 3], address = m[r2 + 1];
  if (unlikely((m[r2] | m[r2 + 2]) != 0 || room < length || room > m[q + Q_LIMIT] || address < 0 ||
               address > m[v + V_STORAGE_SIZE] - length))
    return dqap_slow(v, instruction);
  int32_t target = m[v + V_STORAGE_BYTE] + address;
  m[r2 + 1] = address + length;
  m[r2 + 3] = room - length;
  int32_t r1 = v + V_GR + (int32_t)((instruction & 0xf0) >> 3);
  m[r1] = 0;
  m[r1 + 1] = m[header + L_PSMID_HIGH];
  m[r1 + 2] = 0;
  m[r1 + 3] = m[header + L_PSMID_LOW];
  m[v + V_GR + 4] = 0;
  m[v + V_GR + 5] = 0;
  head++;
  int32_t free = m[q + Q_FREE] | (int32_t)(0x80000000u >> slot);
  m[q + Q_REPLY_HEAD] = head;
  m[q + Q_FREE] = free;
  int32_t status = (m[q + Q_STATUS] & STATUS_IRQ) |
                   (free == m[q + Q_ALL_FREE] ? STATUS_EMPTY : 0) |
                   (head == m[q + Q_REPLY_TAIL] ? 0 : STATUS_REPLIES);
  m[q + Q_STATUS] = status;
  complete_status(v, status);
  memcpy(b + target, b + at + SLOT_HEADER_BYTES, (size_t)length);
  return EXECUTE_COMPLETED;
}

// ---- execution ----------------------------------------------------------------------------------------------------------
static inline void test_queue(int32_t v, int32_t q, int32_t gr0) {
  m[v + V_GR + 2] = 0;
  m[v + V_GR + 3] = m[q + Q_STATUS];
  m[v + V_GR + 4] = m[q + Q_GR2_HIGH] & ((gr0 << 8) >> 31);
  m[v + V_GR + 5] = m[q + Q_GR2_LOW];
}

static inline int32_t tapq_operational(int32_t v, int32_t q, int32_t gr0) {
  test_queue(v, q, gr0);
  m[v + V_PSW_MASK_HIGH] &= ~PSW_CC;
  advance(v);
  return EXECUTE_COMPLETED;
}

/** The masks of the fast path do not allow it: response code 01, unless they are the empty record. */
static inline int32_t tapq_refused(int32_t v) {
  if (unlikely(m[v + V_MASKS] != m[v + V_TRUE_MASKS])) return pqap_slow(v);
  m[v + V_GR + 4] = 0;
  m[v + V_GR + 5] = 0;
  return complete_status(v, AP_RESPONSE_Q_NOT_AVAIL << STATUS_RC_SHIFT);
}

static inline int32_t execute(int32_t v, uint32_t instruction) {
  uint32_t opcode = instruction >> 16;
  if (opcode == OPCODE_PQAP) {
    int32_t gr0 = m[v + V_GR + 1];
    int32_t unusual = (gr0 & TAPQ_UNUSUAL) | EXTENDED_MODE(v);
    if (unlikely(unusual != 0)) return pqap_slow(v);
    if (authorized(m[v + V_MASKS], gr0) >= 0) return tapq_refused(v);
    int32_t q = m[index_at + (gr0 & 0xffff)];
    return likely(m[q + Q_ATTENTION] == 0) ? tapq_operational(v, q, gr0) : pqap_slow(v);
  }
  if (opcode == OPCODE_NQAP) return nqap(v, instruction);
  if (opcode == OPCODE_DQAP) return dqap(v, instruction);
  return operation_exception(v, instruction);
}

/** Where the run loop has to stop: the last instruction that fits into storage ends there. */
static inline int32_t end_of_code(int32_t v) {
  int32_t address = m[v + V_PSW_ADDRESS_LOW];
  int inside = address >= 0 && (address & 1) == 0 && m[v + V_PSW_ADDRESS_HIGH] == 0;
  return inside ? m[v + V_STORAGE_SIZE] - INSTRUCTION_BYTES + 1 : INT32_MIN;
}

/** The best form found: what only changes while the vCPU is out of interpretive execution is read once. */
static inline int32_t leave_run(int32_t v, int32_t psw, int32_t address, int32_t answer) {
  m[v + V_PSW_MASK_HIGH] = psw;
  m[v + V_PSW_ADDRESS_LOW] = address;
  return answer;
}

int32_t ap_run(int32_t v, int32_t count) {
  const uint8_t *storage = b + m[v + V_STORAGE_BYTE];
  const volatile int32_t *event = &m[v + V_EVENT];
  int32_t psw = m[v + V_PSW_MASK_HIGH];
  int plain = ((psw ^ PSW_EA) & (PSW_PROBLEM | PSW_EA)) == 0;
  int32_t masks = plain ? m[v + V_MASKS] : m[C_EMPTY_MASKS];
  int32_t address = m[v + V_PSW_ADDRESS_LOW], known = address;
  int32_t stop = address + INSTRUCTION_BYTES * count, limit = end_of_code(v);
  int32_t end = stop < limit ? stop : limit;
  while (address < end) {
    uint32_t instruction;
    memcpy(&instruction, storage + address, 4);
    instruction = __builtin_bswap32(instruction);
    uint32_t opcode = instruction >> 16;
    if (likely(opcode == OPCODE_PQAP)) {
      int32_t gr0 = m[v + V_GR + 1];
      int32_t q = m[index_at + (gr0 & 0xffff)];
      if (likely(((gr0 & TAPQ_UNUSUAL) | *event) == 0 && authorized(masks, gr0) < 0 &&
                 m[q + Q_ATTENTION] == 0)) {
        test_queue(v, q, gr0);
        address += INSTRUCTION_BYTES;
        continue;
      }
    } else if (opcode != OPCODE_NQAP && opcode != OPCODE_DQAP)
      break;
    if (unlikely(*event != 0)) break;
    leave_run(v, address == known ? psw : psw & ~PSW_CC, address, EXECUTE_COMPLETED);
    int32_t ended = opcode == OPCODE_PQAP   ? execute(v, instruction)
                    : opcode == OPCODE_NQAP ? nqap(v, instruction)
                                            : dqap(v, instruction);
    if (unlikely(ended != EXECUTE_COMPLETED)) return ended;
    psw = m[v + V_PSW_MASK_HIGH];
    address += INSTRUCTION_BYTES;
    known = address;
  }
  int32_t left = address == known ? psw : psw & ~PSW_CC;
  if (address >= stop) return leave_run(v, left, address, EXECUTE_COMPLETED);
  return leave_run(v, left, address, m[v + V_EVENT] != 0 ? EXECUTE_EVENT : EXECUTE_OTHER);
}

// ---- what the benchmarks drive: the same loops as bench/machine/driver.ts ------------------------------------------------
int32_t ap_run_all(const int32_t *vcpus, int32_t vcpu_count, int32_t count) {
  int32_t sum = 0;
  for (int32_t i = 0; i < vcpu_count; i++) {
    m[vcpus[i] + V_PSW_ADDRESS_LOW] = 0;
    sum += ap_run(vcpus[i], count);
  }
  return sum;
}

int32_t ap_execute_all(const int32_t *vcpus, int32_t vcpu_count, int32_t instruction) {
  int32_t sum = 0;
  for (int32_t i = 0; i < vcpu_count; i++) sum += execute(vcpus[i], (uint32_t)instruction);
  return sum;
}

static inline int32_t one_row(const int32_t *row) {
  int32_t gr = row[ROW_VCPU] + V_GR;
  m[gr + 1] = row[ROW_GR0];
  m[gr + 9] = row[ROW_GR4];
  m[gr + 11] = row[ROW_GR5];
  m[gr + 13] = row[ROW_GR6];
  m[gr + 15] = row[ROW_GR7];
  return execute(row[ROW_VCPU], (uint32_t)row[ROW_INSTRUCTION]);
}

int32_t ap_drive(const int32_t *table, int32_t rows) {
  int32_t sum = 0;
  for (int32_t i = 0; i < rows; i++) sum += one_row(table + i * ROW_WORDS);
  return sum;
}

int32_t ap_drive_locked(const int32_t *table, int32_t rows, int32_t lock, int32_t owner) {
  int32_t sum = 0;
  _Atomic int32_t *word = (_Atomic int32_t *)&m[lock];
  for (int32_t i = 0; i < rows; i++) {
    int32_t open = 0;
    while (!atomic_compare_exchange_strong(word, &open, owner)) open = 0;
    sum += one_row(table + i * ROW_WORDS);
    atomic_store(word, 0);
  }
  return sum;
}

/** A word of a table of checks: guest number and APQN, 16 bits each. */
static inline uint32_t checked(int32_t word) {
  int32_t masks = first_masks + (int32_t)(((uint32_t)word >> 16) * MASK_WORDS);
  return (uint32_t)authorized(masks, word) >> 31;
}

int32_t ap_checks(const int32_t *table, int32_t count) {
  uint32_t sum = 0;
  for (int32_t i = 0; i < count; i++) sum += checked(table[i]);
  return (int32_t)sum;
}

/** The next check's place depends on the answer of this one: latency instead of throughput. */
int32_t ap_checks_chained(const int32_t *table, int32_t count) {
  uint32_t sum = 0, bit = 0;
  for (int32_t i = 0; i < count; i++) {
    bit = checked(table[(uint32_t)i ^ bit]);
    sum += bit;
  }
  return (int32_t)sum;
}
