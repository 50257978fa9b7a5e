/* What the files of the crew share. */
#ifndef ACTORS_CLI_UP_PROCESS_CREW_INTERNAL_H
#define ACTORS_CLI_UP_PROCESS_CREW_INTERNAL_H

#include "actors/cli/up/process/crew.h"

struct rp_crew {
    rp_crew_spec spec;
    rp_programs programs;
    rp_member server, ask;
    rp_member *actors[RP_CREW_ACTORS_MAX];
    size_t actors_count;
    bool stopping;
};

extern const char rp__crew_tokenizer[], rp__crew_executor[], rp__crew_janitor[];

/* Starts one more actor; `model` is an executor's. RP_IO, RP_NO_MEMORY, RP_LIMIT. */
RP_MUST_USE rp_status rp__crew_add(rp_crew *crew, const char *kind, const rp_model_arg *model,
    const rp_member **ret_member, rp_error *reterr);

/* Takes an actor out that does not run; its storage lives until the loop goes on. */
void rp__crew_remove(rp_member *member);

#endif
