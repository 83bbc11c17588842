// SPDX-License-Identifier: Apache-2.0
// N-API around reference.c. Arguments are numbers and Int32Arrays; arrays are used in place, whatever kind of buffer they have.
#include <node_api.h>
#include "reference.h"

#define ARGUMENTS_MAX 4

static napi_value number(napi_env env, int32_t value) {
  napi_value result;
  napi_create_int32(env, value, &result);
  return result;
}

static void arguments(napi_env env, napi_callback_info info, napi_value *values) {
  size_t count = ARGUMENTS_MAX;
  napi_get_cb_info(env, info, &count, values, NULL, NULL);
}

static int32_t integer(napi_env env, napi_value value) {
  int32_t result = 0;
  napi_get_value_int32(env, value, &result);
  return result;
}

static int32_t *words(napi_env env, napi_value value) {
  void *data = NULL;
  if (napi_get_typedarray_info(env, value, NULL, NULL, &data, NULL, NULL) != napi_ok)
    napi_throw_type_error(env, NULL, "an Int32Array is expected");
  return data;
}

static napi_value attach(napi_env env, napi_callback_info info) {
  napi_value a[ARGUMENTS_MAX];
  arguments(env, info, a);
  int32_t *image = words(env, a[0]);
  if (image != NULL) ap_attach(image);
  return NULL;
}

static napi_value run_all(napi_env env, napi_callback_info info) {
  napi_value a[ARGUMENTS_MAX];
  arguments(env, info, a);
  return number(env, ap_run_all(words(env, a[0]), integer(env, a[1]), integer(env, a[2])));
}

static napi_value execute_all(napi_env env, napi_callback_info info) {
  napi_value a[ARGUMENTS_MAX];
  arguments(env, info, a);
  return number(env, ap_execute_all(words(env, a[0]), integer(env, a[1]), integer(env, a[2])));
}

static napi_value drive(napi_env env, napi_callback_info info) {
  napi_value a[ARGUMENTS_MAX];
  arguments(env, info, a);
  return number(env, ap_drive(words(env, a[0]), integer(env, a[1])));
}

static napi_value drive_locked(napi_env env, napi_callback_info info) {
  napi_value a[ARGUMENTS_MAX];
  arguments(env, info, a);
  int32_t sum = ap_drive_locked(words(env, a[0]), integer(env, a[1]), integer(env, a[2]),
                                integer(env, a[3]));
  return number(env, sum);
}

static napi_value checks(napi_env env, napi_callback_info info) {
  napi_value a[ARGUMENTS_MAX];
  arguments(env, info, a);
  return number(env, ap_checks(words(env, a[0]), integer(env, a[1])));
}

static napi_value checks_chained(napi_env env, napi_callback_info info) {
  napi_value a[ARGUMENTS_MAX];
  arguments(env, info, a);
  return number(env, ap_checks_chained(words(env, a[0]), integer(env, a[1])));
}

NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback function;
  } rows[] = {
      {"attach", attach}, {"runAll", run_all},           {"executeAll", execute_all},
      {"drive", drive},   {"driveLocked", drive_locked}, {"checks", checks},
      {"checksChained", checks_chained},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    napi_value function;
    napi_create_function(env, rows[i].name, NAPI_AUTO_LENGTH, rows[i].function, NULL, &function);
    napi_set_named_property(env, exports, rows[i].name, function);
  }
  return exports;
}
