/* Members of a JSON object that is being written, and the one that tells of a failure. */
#ifndef ACTORS_CLI_SHARED_TEXT_JSON_MEMBER_H
#define ACTORS_CLI_SHARED_TEXT_JSON_MEMBER_H

#include "runtime/base/buffer.h"

/* Appends "name":"value"; a comma goes before it unless it is the first behind a brace. */
void rp_json_member(rp_buffer *out, const char *name, const char *value);

/* Appends {"error":{"code","message","field","limit"}}; `field` and `limit` may be NULL or "". */
void rp_json_error(
    rp_buffer *out, const char *code, const char *message, const char *field, const char *limit);

#endif
