// Adds up an order and signs it in at the shop. Built by clang and wit-bindgen: see ../../../guest-sdk/OTHER-TOOLS.md.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jsmn.h>

#include "step_core.h"

// The keys that this step uses, a line each: `lockstep credential usage` and who deletes a credential are to know.
__asm__(
    ".section \".custom_section.lockstep:credential-keys\",\"\",@\n"
    ".ascii \"SHOP_TOKEN\\n\"\n");

// What an order may have: jsmn takes no memory of its own.
#define MOST_TOKENS 4096

typedef struct {
  const char *text;
  jsmntok_t tokens[MOST_TOKENS];
  int count;
} json_t;

static bool parse(json_t *json, const step_core_string_t *input) {
  jsmn_parser parser;
  jsmn_init(&parser);
  json->text = (const char *)input->ptr;
  json->count = jsmn_parse(&parser, json->text, input->len, json->tokens, MOST_TOKENS);
  return json->count > 0;
}

// The token behind the one at `at` and all that is in it.
static int next(const json_t *json, int at) {
  int end = json->tokens[at].end;
  do {
    at++;
  } while (at < json->count && json->tokens[at].start < end);
  return at;
}

// The value of a field, or -1.
static int field(const json_t *json, int object, const char *name) {
  if (object < 0 || json->tokens[object].type != JSMN_OBJECT) return -1;
  for (int at = object + 1, left = json->tokens[object].size; left > 0; left--, at = next(json, at + 1)) {
    const jsmntok_t *key = &json->tokens[at];
    size_t length = key->end - key->start;
    if (length == strlen(name) && memcmp(json->text + key->start, name, length) == 0) return at + 1;
  }
  return -1;
}

// A number ends at a character that is none: the text behind it is part of the same JSON.
static long long number(const json_t *json, int at) {
  return at < 0 ? 0 : strtoll(json->text + json->tokens[at].start, NULL, 10);
}

static int count_items(const json_t *json) {
  int items = field(json, 0, "items");
  return items < 0 ? 0 : json->tokens[items].size;
}

static void write_order(FILE *out, const json_t *json, size_t token_length) {
  int items = field(json, 0, "items"), count = count_items(json);
  long long cents = 0;
  const char *separator = "";
  fprintf(out, "{\"order\":%lld,\"names\":[", number(json, field(json, 0, "order")));
  for (int at = items + 1, i = 0; i < count; i++, at = next(json, at)) {
    int name = field(json, at, "name");
    cents += number(json, field(json, at, "cents")) * number(json, field(json, at, "quantity"));
    if (name < 0) continue;
    // As it was escaped in the input.
    const jsmntok_t *text = &json->tokens[name];
    fprintf(out, "%s\"%.*s\"", separator, text->end - text->start, json->text + text->start);
    separator = ",";
  }
  fprintf(out, "],\"cents\":%lld,\"tokenLength\":%zu}", cents, token_length);
}

static bool fail(step_core_failure_t *err, const char *message) {
  memset(err, 0, sizeof *err);
  step_core_string_dup(&err->message, message);
  return false;
}

// What the host refused becomes a failure that names the key. Both own their texts.
static bool fail_missing(step_core_failure_t *err, const lockstep_step_credentials_credential_error_t *refused) {
  step_core_string_t *keys = malloc(sizeof *keys);
  if (keys == NULL) abort();
  *keys = refused->key;
  *err = (step_core_failure_t){.message = refused->message, .missing_credentials = {.ptr = keys, .len = 1}};
  return false;
}

bool exports_step_core_run(step_core_string_t *input, step_core_string_t *ret, step_core_failure_t *err) {
  static json_t json;
  if (!parse(&json, input)) return fail(err, "the input is no order, or one of too many items");
  long long order = number(&json, field(&json, 0, "order"));

  step_core_string_t key, token;
  lockstep_step_credentials_credential_error_t refused;
  step_core_string_set(&key, "SHOP_TOKEN");
  if (!lockstep_step_credentials_credential(&key, &token, &refused)) return fail_missing(err, &refused);
  printf("order %lld goes to the shop with %.*s\n", order, (int)token.len, (const char *)token.ptr);

  char *text;
  size_t length;
  FILE *out = open_memstream(&text, &length);
  if (out == NULL) return fail(err, "no memory for the output");
  if (count_items(&json) == 0) {
    fprintf(out, "order %lld with %.*s is empty", order, (int)token.len, (const char *)token.ptr);
    fclose(out);
    return fail(err, text);
  }
  write_order(out, &json, token.len);
  fclose(out);
  *ret = (step_core_string_t){.ptr = (uint8_t *)text, .len = length};
  return true;
}
