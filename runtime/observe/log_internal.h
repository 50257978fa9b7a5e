/* How a line is put together, apart from where it goes: shared by log.c and log_line.c. */
#ifndef RUNTIME_OBSERVE_LOG_INTERNAL_H
#define RUNTIME_OBSERVE_LOG_INTERNAL_H

#include "runtime/base/buffer.h"
#include "runtime/observe/log.h"

typedef struct rp__log_style {
    bool json;
    bool colour; /* of text */
} rp__log_style;

/* A line under construction may overshoot before it is cut back: the largest text in its longest
 * escape (6 bytes a byte), and the line itself. */
enum { RP__LOG_BUFFER_MAX = RP_LOG_LINE_MAX + 6 * RP_LOG_VALUE_MAX + 256 };

/* Appends time, level and event. */
void rp__log_line_begin(
    rp_buffer *line, rp__log_style style, uint64_t unix_ns, rp_log_level level, const char *event);

/* Adds one field, or leaves `line` as it was and returns false where it would not fit. */
bool rp__log_line_field(rp_buffer *line, rp__log_style style, const rp_log_field *field);

/* Adds fields that are already in the line's style; false where they would not fit. */
bool rp__log_line_bound(rp_buffer *line, rp_bytes bound);

/* Ends the line; `cut` says that something was left out. At most RP_LOG_LINE_MAX bytes then. */
void rp__log_line_end(rp_buffer *line, rp__log_style style, bool cut);

#endif
