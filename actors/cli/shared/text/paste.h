/* A word as it can be pasted into a shell: in single quotes where it has to be. */
#ifndef ACTORS_CLI_SHARED_TEXT_PASTE_H
#define ACTORS_CLI_SHARED_TEXT_PASTE_H

#include "runtime/base/buffer.h"

void rp_paste_word(rp_buffer *out, const char *word);

#endif
