// SPDX-License-Identifier: Apache-2.0
// The instruction path in C over the machine image: the limit the TypeScript kernel is measured against.
// Same decisions in the same order as native-like/exec; offsets and codes come from the generated layout.h.
// What no benchmark stream contains (adapters, interruptions, parts of messages, faults) ends with EXECUTE_UNSUPPORTED.
#ifndef APEMU_REFERENCE_H
#define APEMU_REFERENCE_H

#include <stdint.h>
#include "layout.h"

#define EXECUTE_UNSUPPORTED 9

// One row of an instruction table: what the driver loads into the vCPU before it executes the word (bench/machine/tables.ts).
#define ROW_WORDS 8
#define ROW_VCPU 0
#define ROW_INSTRUCTION 1
#define ROW_GR0 2
#define ROW_GR4 3
#define ROW_GR5 4
#define ROW_GR6 5
#define ROW_GR7 6

void ap_attach(int32_t *words);
int32_t ap_run(int32_t v, int32_t count);
int32_t ap_run_all(const int32_t *vcpus, int32_t vcpu_count, int32_t count);
int32_t ap_execute_all(const int32_t *vcpus, int32_t vcpu_count, int32_t instruction);
int32_t ap_drive(const int32_t *table, int32_t rows);
int32_t ap_drive_locked(const int32_t *table, int32_t rows, int32_t lock, int32_t owner);
int32_t ap_checks(const int32_t *table, int32_t count);
int32_t ap_checks_chained(const int32_t *table, int32_t count);

#endif
