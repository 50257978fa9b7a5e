/* A message as a client would have read it, in the test's storage. */
#ifndef TESTS_UNIT_ACTORS_CLI_FAKE_MESSAGE_H
#define TESTS_UNIT_ACTORS_CLI_FAKE_MESSAGE_H

#include "runtime/bus/bus.h"

typedef struct fake_message {
    rp_message message;
    const char *cause; /* of its headers; NULL = without */
} fake_message;

static inline rp_bytes fake_header(const rp_message *message, rp_header header)
{
    const fake_message *fake = (const fake_message *)message;
    return rp_bytes_text(header == RP_HEADER_CAUSE ? fake->cause : NULL);
}

static inline fake_message fake_message_of(const char *subject, const char *body)
{
    return (fake_message){.message = {.subject = rp_bytes_text(subject),
                              .body = rp_bytes_text(body),
                              .stream_sequence = 12,
                              .timestamp_ns = 1000,
                              .header = fake_header}};
}

#endif
