/* A dead letter: what an actor could not handle, as the stream DEAD has it, and the message that it
 * tells of, as far as that still stands in its own stream.
 *
 *     rp_letter letter;
 *     rp_letter_read(message, &arena, &letter);
 *     if (rp_letter_original(client, &letter, &original, &error) == RP_NOT_FOUND) ...it has aged out
 */
#ifndef ACTORS_CLI_DEAD_LETTER_H
#define ACTORS_CLI_DEAD_LETTER_H

#include "actors/cli/shared/text/table.h"
#include "runtime/base/name.h"
#include "runtime/bus/client.h"
#include "schemas/reprise/v1/dead.pb-c.h"

typedef struct rp_letter {
    uint64_t sequence; /* in DEAD */
    uint64_t timestamp_ns;
    const Rp__Dead *dead; /* NULL where the body is none; then there is but the rest */
    const char *kind;
    char tenant[RP_NAME_MAX + 1]; /* as people write it; "" = not known */
    char request[RP_REQUEST_ID_MAX + 1];
} rp_letter;

/* Reads a message of DEAD. It may hold anything; texts live in `arena`. RP_LIMIT where that is
 * full. */
RP_MUST_USE rp_status rp_letter_read(
    const rp_message *message, rp_arena *arena, rp_letter *ret_letter, rp_error *reterr);

/* The dead letter of a sequence; `ret_letter` lives in `arena`. RP_NOT_FOUND, naming what DEAD
 * holds. */
RP_MUST_USE rp_status rp_letter_get(
    rp_client *client, uint64_t sequence, rp_arena *arena, rp_letter *ret_letter, rp_error *reterr);

/* The message of a stream's sequence. RP_NOT_FOUND where it does not stand there any more, naming
 * what the stream holds; RP_INVALID for what is no stream's name. */
RP_MUST_USE rp_status rp_letter_message(rp_client *client, const char *stream, uint64_t sequence,
    rp_message **ret_message, rp_error *reterr);

/* -- as it is shown ---------------------------------------------------------------------------- */

#define RP_LETTER_COLUMNS 9
#define RP_LETTER_HEADERS ">SEQUENCE\0WHEN\0KIND\0MESSAGE\0SUBJECT\0TENANT\0REQUEST\0>TRIES\0WHY\0"

/* The cells of a row; `now_ns` is Unix time. */
void rp_letter_row(const rp_letter *letter, uint64_t now_ns, rp_table *table);

/* Appends the members of an object, without its braces. */
void rp_letter_json(const rp_letter *letter, rp_buffer *out);

/* Appends a line a field. */
void rp_letter_text(const rp_letter *letter, rp_buffer *out);

/* Appends a body of which at most `bytes_max` are shown, each line behind two blanks: as text where
 * all of it is printable, else as hexadecimal with what is printable beside it. Ends in a line
 * feed. */
void rp_letter_body_text(rp_bytes body, size_t bytes_max, rp_buffer *out);

/* Appends "body_bytes", and "body" where it is text, else "body_hex"; "body_cut" where it is longer
 * than shown. */
void rp_letter_body_json(rp_bytes body, size_t bytes_max, rp_buffer *out);

#endif
