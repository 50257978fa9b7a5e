/* Status codes, and the detail that goes with a failure.
 *
 * Every function that can fail returns an rp_status, which the caller must use. The code says what
 * kind of failure it is, so that a program can act on it; the detail, for people, goes into an
 * rp_error of the caller's: the field or object, the limit where one was hit, and a sentence that
 * says what is wrong and what cures it.
 *
 *     rp_error error = {0};
 *     rp_status status = rp_gguf_open(path, &file, &error);
 *     if (status != RP_OK)
 *         rp_log_error(log, "model_refused", rp_log_failure(&error));
 *
 * A function that fails sets the error once, where it knows most, and those above pass it on:
 *
 *     if (n > LAYERS_MAX)
 *         return rp_error_set(reterr, RP_LIMIT, "block_count",
 *             "%" PRIu64 " layers, at most %d", n, LAYERS_MAX);
 */
#ifndef RUNTIME_BASE_STATUS_H
#define RUNTIME_BASE_STATUS_H

#include "runtime/base/attributes.h"

#include <stdarg.h>
#include <stddef.h>

/* code, name on the wire and in logs, text for people */
#define RP_STATUS_MAP(X)                                             \
    X(OK, "ok", "success")                                           \
    X(INVALID, "invalid", "the input is not valid")                  \
    X(LIMIT, "limit", "a named limit was reached")                   \
    X(NO_MEMORY, "no_memory", "out of memory")                       \
    X(NOT_FOUND, "not_found", "there is no such thing")              \
    X(EXISTS, "exists", "it exists already")                         \
    X(CONFLICT, "conflict", "another write came first")              \
    X(DUPLICATE, "duplicate", "it is stored already")                \
    X(FULL, "full", "the stream is full")                            \
    X(BUSY, "busy", "not now; try again")                            \
    X(TIMEOUT, "timeout", "no answer in time")                       \
    X(UNAVAILABLE, "unavailable", "nobody is there to answer")       \
    X(CLOSED, "closed", "it is closed")                              \
    X(CANCELLED, "cancelled", "cancelled")                           \
    X(DEADLINE, "deadline", "past its deadline")                     \
    X(DENIED, "denied", "not permitted")                             \
    X(UNSUPPORTED, "unsupported", "not supported")                   \
    X(CORRUPT, "corrupt", "the bytes are not what they claim to be") \
    X(IO, "io", "the system refused an operation")                   \
    X(INTERNAL, "internal", "a fault of ours")

typedef enum rp_status {
#define X(code, name, text) RP_##code,
    RP_STATUS_MAP(X)
#undef X
        RP_STATUS_COUNT
} rp_status;

enum { RP_ERROR_FIELD_MAX = 64, RP_ERROR_LIMIT_MAX = 48, RP_ERROR_MESSAGE_MAX = 320 };

/* The detail of a failure, in the caller's storage. All texts end in NUL and are cut to fit. */
typedef struct rp_error {
    rp_status status;
    char field[RP_ERROR_FIELD_MAX];     /* what it is about: a field, a header, a file; may be "" */
    char limit[RP_ERROR_LIMIT_MAX];     /* the limit that was hit, with its unit; may be "" */
    char message[RP_ERROR_MESSAGE_MAX]; /* a sentence: what is wrong and what cures it */
} rp_error;

/* The name of a code ("not_found"); never NULL, also for a number that is no code. */
const char *rp_status_name(rp_status status);

/* The text of a code ("there is no such thing"); never NULL. */
const char *rp_status_text(rp_status status);

/* Fills `reterr` (may be NULL) and returns `status`, so that it can stand in a return statement.
 * `field` may be NULL. */
rp_status rp_error_set(
    rp_error *reterr, rp_status status, const char *field, const char *format, ...) RP_PRINTF(4, 5);

/* The same with the limit that was hit ("32768 tokens"). */
rp_status rp_error_limit(rp_error *reterr, const char *field, const char *limit, const char *format,
    ...) RP_PRINTF(4, 5);

/* Puts `prefix` and a colon before the message that is already there: the caller's context. */
void rp_error_prefix(rp_error *reterr, const char *format, ...) RP_PRINTF(2, 3);

#endif
