/* Messages of any type with content made from a seed, for tests that hold for all of them.
 *
 * Every field is present about three times in four. Values lean to the ends of their ranges; texts
 * hold U+0000, quotes, and characters of every length; lists have up to three values.
 */
#ifndef TESTS_UNIT_SCHEMAS_GENERATED_H
#define TESTS_UNIT_SCHEMAS_GENERATED_H

#include "runtime/base/arena.h"
#include "schemas/schema.h"

/* A message that keeps the codec's rules; it and all it points to live in `arena`. Ends the process
 * where the arena is too small. */
ProtobufCMessage *generated_message(
    const ProtobufCMessageDescriptor *type, uint64_t seed, rp_arena *arena);

#endif
