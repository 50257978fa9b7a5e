/* A member of a JSON object that is being written: its comma, its name, its value. */
#ifndef ACTORS_CLI_SHARED_JSON_MEMBER_H
#define ACTORS_CLI_SHARED_JSON_MEMBER_H

#include "runtime/base/buffer.h"

/* Appends "name":"value"; a comma goes before it unless it is the first behind a brace. */
void rp_json_member(rp_buffer *out, const char *name, const char *value);

#endif
