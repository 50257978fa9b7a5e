/* What the files of the fake bus share: the messages that its streams hold (fake_streams.c). */
#ifndef TESTS_UNIT_SUPPORT_FAKE_BUS_INTERNAL_H
#define TESTS_UNIT_SUPPORT_FAKE_BUS_INTERNAL_H

#include "tests/unit/support/fake_bus.h"

char *fake__copy(rp_bytes text);
void fake__copy_text(char out[FAKE_TEXT_BYTES], rp_bytes text);

void fake__stored_done(fake_stored *stored);
void fake__stored_free(fake_stored *stored);

bool fake__is_gone(const fake_bus *bus, const fake_stored *s);

/* Whether a filter takes a subject. */
bool fake__takes(const char *filter, const char *subject);

const fake_stored *fake__last_of(const fake_bus *bus, const char *stream, const char *subject);
uint64_t fake__last_sequence(const fake_bus *bus, const char *stream);

/* A message as it is to be stored; the stream follows from the subject. */
fake_stored *fake__made(const rp_publication *publication);

/* What the server does with a publish: the expected sequence is looked at before the id. Takes the
 * message where it is stored, and leaves it alone where not. */
rp_published fake__store(fake_bus *bus, fake_stored *message, bool expect, uint64_t expected);
rp_published fake__store_now(fake_bus *bus, const rp_publication *publication);

#endif
