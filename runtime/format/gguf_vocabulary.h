/* The vocabulary that a GGUF holds (tokenizer.ggml.*), and its chat template's text.
 *
 * Read are SPM vocabularies, which GGUF calls "llama". What a file leaves out is as llama.cpp takes
 * it: BOS 1, EOS 2, unknown 0, BOS added, a space put before a text. The token that ends a turn is
 * the one that the file names, else the first of the usual ones that the vocabulary has.
 *
 *     rp_vocabulary *vocabulary;
 *     if (rp_gguf_vocabulary(file, &vocabulary, reterr) != RP_OK) ...
 *     if (rp_chat_init(&chat, vocabulary, rp_gguf_chat_template(file), rp_gguf_architecture(file),
 *             reterr) != RP_OK) ...
 */
#ifndef RUNTIME_FORMAT_GGUF_VOCABULARY_H
#define RUNTIME_FORMAT_GGUF_VOCABULARY_H

#include "kernels/text/vocabulary.h"
#include "runtime/format/gguf.h"

/* The vocabulary copies what it needs and outlives the file; the caller frees it. RP_NOT_FOUND
 * where a key is missing, RP_UNSUPPORTED for another kind of tokenizer, RP_INVALID and RP_LIMIT as
 * rp_vocabulary_new and where the arrays are not of one length. */
RP_MUST_USE rp_status rp_gguf_vocabulary(
    const rp_gguf *file, rp_vocabulary **ret_vocabulary, rp_error *reterr);

/* Views into the file; empty where it has none. */
rp_bytes rp_gguf_chat_template(const rp_gguf *file);
rp_bytes rp_gguf_architecture(const rp_gguf *file);

#endif
