// Tells the shop of an order. Built by clang and wit-bindgen: see ../../../guest-sdk/OTHER-TOOLS.md.
#define _GNU_SOURCE  // memmem
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jsmn.h>

#include "step_with_http.h"

// The keys that this step uses, a line each.
__asm__(
    ".section \".custom_section.lockstep:credential-keys\",\"\",@\n"
    ".ascii \"SHOP_TOKEN\\n\"\n");

#define MOST_TOKENS 16
// What is read at once.
#define READ_BYTES 65536

typedef step_with_http_string_t string_t;
typedef step_with_http_failure_t failure_t;

static string_t text(const char *text) {
  string_t string;
  step_with_http_string_set(&string, text);
  return string;
}

static bool fail(failure_t *err, const char *message) {
  memset(err, 0, sizeof *err);
  step_with_http_string_dup(&err->message, message);
  return false;
}

// Names the error as wasi:http does, as the host looks for that in the message of a failure.
static bool fail_request(failure_t *err, const wasi_http_types_error_code_t *error) {
  const step_with_http_option_string_t *internal = &error->val.internal_error;
  char message[64];
  switch (error->tag) {
    case WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_DENIED:
      return fail(err, "HTTP-request-denied");
    case WASI_HTTP_TYPES_ERROR_CODE_INTERNAL_ERROR:
      if (!internal->is_some) return fail(err, "internal-error");
      *err = (failure_t){.message = internal->val};
      return false;
    default:
      snprintf(message, sizeof message, "error %d of wasi:http", error->tag);
      return fail(err, message);
  }
}

// What the host refused becomes a failure that names the key. Both own their texts.
static bool fail_missing(failure_t *err, const lockstep_step_credentials_credential_error_t *refused) {
  string_t *keys = malloc(sizeof *keys);
  if (keys == NULL) abort();
  *keys = refused->key;
  *err = (failure_t){.message = refused->message, .missing_credentials = {.ptr = keys, .len = 1}};
  return false;
}

// A field of an object of texts and numbers, as it stands in the input; without escapes.
static string_t field(const string_t *input, const char *name) {
  jsmn_parser parser;
  jsmntok_t tokens[MOST_TOKENS];
  jsmn_init(&parser);
  int count = jsmn_parse(&parser, (const char *)input->ptr, input->len, tokens, MOST_TOKENS);
  for (int at = 1; at + 1 < count; at += 2) {
    size_t length = tokens[at].end - tokens[at].start;
    if (length == strlen(name) && memcmp(input->ptr + tokens[at].start, name, length) == 0) {
      const jsmntok_t *value = &tokens[at + 1];
      return (string_t){.ptr = input->ptr + value->start, .len = value->end - value->start};
    }
  }
  return text("");
}

// A request for `url`, which is `SCHEME://AUTHORITY/PATH`; it takes `fields`.
static bool request_for(string_t url, wasi_http_types_own_fields_t fields, wasi_http_types_own_outgoing_request_t *ret) {
  const char *start = (const char *)url.ptr, *end = start + url.len;
  const char *authority = memmem(start, url.len, "://", 3);
  if (authority == NULL) return false;
  authority += 3;
  const char *path = memchr(authority, '/', end - authority);
  if (path == NULL) return false;
  wasi_http_types_method_t method = {.tag = WASI_HTTP_TYPES_METHOD_POST};
  bool is_secure = authority - start == strlen("https://");
  wasi_http_types_scheme_t scheme = {.tag = is_secure ? WASI_HTTP_TYPES_SCHEME_HTTPS : WASI_HTTP_TYPES_SCHEME_HTTP};
  string_t host = {.ptr = (uint8_t *)authority, .len = path - authority};
  string_t rest = {.ptr = (uint8_t *)path, .len = end - path};
  *ret = wasi_http_types_constructor_outgoing_request(fields);
  wasi_http_types_borrow_outgoing_request_t request = wasi_http_types_borrow_outgoing_request(*ret);
  return wasi_http_types_method_outgoing_request_set_method(request, &method) &&
         wasi_http_types_method_outgoing_request_set_scheme(request, &scheme) &&
         wasi_http_types_method_outgoing_request_set_authority(request, &host) &&
         wasi_http_types_method_outgoing_request_set_path_with_query(request, &rest);
}

// Short enough for one write. What follows from a write that fails is the error of the request.
static void write_body(wasi_http_types_own_outgoing_body_t body, const char *json) {
  wasi_io_streams_own_output_stream_t stream;
  wasi_io_streams_stream_error_t failed;
  wasi_http_types_error_code_t unfinished;
  step_with_http_list_u8_t bytes = {.ptr = (uint8_t *)json, .len = strlen(json)};
  if (wasi_http_types_method_outgoing_body_write(wasi_http_types_borrow_outgoing_body(body), &stream)) {
    wasi_io_streams_method_output_stream_blocking_write_and_flush(
        wasi_io_streams_borrow_output_stream(stream), &bytes, &failed);
    wasi_io_streams_output_stream_drop_own(stream);
  }
  wasi_http_types_static_outgoing_body_finish(body, NULL, &unfinished);
}

// Sends `json`, and waits for the head of the answer.
static bool send(wasi_http_types_own_outgoing_request_t request, const char *json,
                 wasi_http_types_own_incoming_response_t *ret, failure_t *err) {
  wasi_http_types_own_outgoing_body_t body;
  wasi_http_types_own_future_incoming_response_t future;
  wasi_http_types_error_code_t error;
  if (!wasi_http_types_method_outgoing_request_body(wasi_http_types_borrow_outgoing_request(request), &body))
    return fail(err, "the request takes no body");
  if (!wasi_http_outgoing_handler_handle(request, NULL, &future, &error)) return fail_request(err, &error);
  write_body(body, json);

  wasi_http_types_borrow_future_incoming_response_t asked = wasi_http_types_borrow_future_incoming_response(future);
  wasi_io_poll_own_pollable_t ready = wasi_http_types_method_future_incoming_response_subscribe(asked);
  wasi_io_poll_method_pollable_block(wasi_io_poll_borrow_pollable(ready));
  wasi_io_poll_pollable_drop_own(ready);
  wasi_http_types_result_result_own_incoming_response_error_code_void_t got;
  bool is_there = wasi_http_types_method_future_incoming_response_get(asked, &got);
  wasi_http_types_future_incoming_response_drop_own(future);
  if (!is_there || got.is_err) return fail(err, "there is no answer");
  if (got.val.ok.is_err) return fail_request(err, &got.val.ok.val.err);
  *ret = got.val.ok.val.ok;
  return true;
}

// Copies the body of an answer, to its end.
static bool copy_body(wasi_http_types_own_incoming_response_t response, FILE *out) {
  wasi_http_types_own_incoming_body_t body;
  wasi_io_streams_own_input_stream_t stream;
  wasi_io_streams_stream_error_t error;
  step_with_http_list_u8_t bytes;
  if (!wasi_http_types_method_incoming_response_consume(wasi_http_types_borrow_incoming_response(response), &body) ||
      !wasi_http_types_method_incoming_body_stream(wasi_http_types_borrow_incoming_body(body), &stream))
    return false;
  while (wasi_io_streams_method_input_stream_blocking_read(
      wasi_io_streams_borrow_input_stream(stream), READ_BYTES, &bytes, &error)) {
    fwrite(bytes.ptr, 1, bytes.len, out);
    step_with_http_list_u8_free(&bytes);
  }
  wasi_io_streams_input_stream_drop_own(stream);
  wasi_http_types_incoming_body_drop_own(body);
  return error.tag == WASI_IO_STREAMS_STREAM_ERROR_CLOSED;
}

static bool set(wasi_http_types_own_fields_t fields, const char *name, const char *value) {
  string_t key = text(name);
  wasi_http_types_field_value_t bytes = {.ptr = (uint8_t *)value, .len = strlen(value)};
  wasi_http_types_list_field_value_t values = {.ptr = &bytes, .len = 1};
  wasi_http_types_header_error_t error;
  return wasi_http_types_method_fields_set(wasi_http_types_borrow_fields(fields), &key, &values, &error);
}

bool exports_step_with_http_run(string_t *input, string_t *ret, failure_t *err) {
  string_t key = text("SHOP_TOKEN"), token, order = field(input, "order");
  lockstep_step_credentials_credential_error_t refused;
  if (!lockstep_step_credentials_credential(&key, &token, &refused)) return fail_missing(err, &refused);

  char bearer[256], json[64];
  snprintf(bearer, sizeof bearer, "Bearer %.*s", (int)token.len, (const char *)token.ptr);
  snprintf(json, sizeof json, "{\"order\":%.*s}", (int)order.len, (const char *)order.ptr);
  wasi_http_types_own_fields_t fields = wasi_http_types_constructor_fields();
  wasi_http_types_own_outgoing_request_t request;
  wasi_http_types_own_incoming_response_t response;
  if (!set(fields, "authorization", bearer) || !set(fields, "content-type", "application/json") ||
      !request_for(field(input, "url"), fields, &request))
    return fail(err, "the input is no order");
  if (!send(request, json, &response, err)) return false;

  char *output;
  size_t length;
  FILE *out = open_memstream(&output, &length);
  if (out == NULL) return fail(err, "no memory for the output");
  int status = wasi_http_types_method_incoming_response_status(wasi_http_types_borrow_incoming_response(response));
  fprintf(out, "{\"status\":%d,\"answer\":", status);
  bool is_whole = copy_body(response, out);
  fputc('}', out);
  fclose(out);
  wasi_http_types_incoming_response_drop_own(response);
  if (!is_whole) return fail(err, "the answer broke off");
  *ret = (string_t){.ptr = (uint8_t *)output, .len = length};
  return true;
}
