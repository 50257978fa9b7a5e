/* An answer as it is printed: text for people, each chunk as it came for programs.
 *
 * The text goes to standard output and nothing else does; how an answer ended, where that is not its
 * end or a limit that was asked for, goes to standard error and into the exit status.
 */
#ifndef ACTORS_CLI_ASK_PRINTER_H
#define ACTORS_CLI_ASK_PRINTER_H

#include "actors/cli/cli.h"
#include "schemas/reprise/v1/reply.pb-c.h"

/* In the caller's storage; the fields are the printer's own. */
typedef struct rp_printer {
    const rp_cli_common *common; /* borrowed */
    bool mid_line;               /* the text so far does not end in a line feed */
    int exit_status;
} rp_printer;

void rp_printer_init(rp_printer *printer, const rp_cli_common *common);

/* rp_conversation's on_chunk and on_note; `arg` is the printer. */
void rp_printer_chunk(void *arg, const Rp__Chunk *chunk, rp_bytes json);
void rp_printer_note(void *arg, const char *text);

/* Ends the last line. The exit status that follows from the answer's end; RP_EXIT_FAILED where none
 * came. */
int rp_printer_done(rp_printer *printer);

#endif
