/* A tiny gemma3 in memory: noise in every quantised type, for tests of shapes, of bits that must be
 * equal, and of files that are wrong. It says nothing sensible; tests/reference has a model that
 * does.
 *
 *     rp_gguf *file = tiny_file(NULL, 0);
 *     ...
 *     rp_gguf_free(file);
 */
#ifndef TESTS_UNIT_ACTORS_EXECUTOR_TINY_H
#define TESTS_UNIT_ACTORS_EXECUTOR_TINY_H

#include "runtime/format/gguf.h"

enum {
    TINY_LAYERS = 7, /* the sixth is global */
    TINY_WIDTH = 64,
    TINY_HEADS = 4,
    TINY_KV_HEADS = 2,
    TINY_HEAD_DIM = 64,
    TINY_FEED_FORWARD = 256,
    TINY_VOCABULARY = 300,
    TINY_CONTEXT = 2048,
    TINY_WINDOW = 40,
    TINY_TENSORS = 2 + 13 * TINY_LAYERS
};

/* What is changed about it. */
typedef enum tiny_change_kind {
    TINY_NO_KEY,      /* `name` is left out */
    TINY_KEY,         /* an integer key becomes, or is added as, `value` */
    TINY_TEXT,        /* a text key becomes, or is added as, `text` */
    TINY_NO_TENSOR,   /* `name` is left out */
    TINY_TENSOR_ROWS, /* dims[1] of `name` (dims[0] of a norm) is `value` */
    TINY_TENSOR_TYPE, /* the type of `name` is `value` */
    TINY_BAD_TOKEN,   /* the embedding's row `value` has an infinite scale */
    TINY_OVERLAP      /* all layers lie where the first one does ("layers") */
} tiny_change_kind;

typedef struct tiny_change {
    tiny_change_kind kind;
    const char *name;
    uint64_t value;
    const char *text;
} tiny_change;

/* The file with `count` changes; ends the test where it is no GGUF. The caller frees with
 * tiny_free. */
rp_gguf *tiny_file(const tiny_change *changes, size_t count);
void tiny_free(rp_gguf *file);

#endif
