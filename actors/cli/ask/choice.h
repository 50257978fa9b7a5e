/* Whom to ask, and how: decided by what was said on the command line and who is alive.
 *
 * A model that was not named is the only one that is alive. A text becomes a message of a
 * conversation, unless the model's file brings no chat template: such a model was never taught to
 * answer, it goes on with a text, and so it gets the text as it is. --raw and --chat overrule that,
 * and a --system is only possible in a conversation.
 */
#ifndef ACTORS_CLI_ASK_CHOICE_H
#define ACTORS_CLI_ASK_CHOICE_H

#include "actors/cli/ask/request.h"
#include "actors/cli/shared/roster.h"

typedef struct rp_ask_choice {
    const char *model; /* lives as long as the settings and the roster */
    bool raw;
    bool guessed_raw; /* nobody said --raw, the model's record did */
} rp_ask_choice;

/* RP_UNAVAILABLE where nobody is there to answer (unless --wait), RP_INVALID where several models
 * are alive and none was named; the message says what would help. */
RP_MUST_USE rp_status rp_ask_choose(
    const rp_ask *ask, const rp_roster *roster, rp_ask_choice *ret_choice, rp_error *reterr);

#endif
