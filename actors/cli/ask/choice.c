#include "actors/cli/ask/choice.h"

#include <stdio.h>

/* The names of all models that are alive, as a list for people; `ret_only` is the only one. */
static size_t alive(const rp_roster *roster, char *names, size_t names_bytes, const char **ret_only)
{
    size_t count = 0, used = 0;
    const char *seen[64];
    names[0] = '\0';
    for (size_t i = 0; i < roster->count; i++) {
        const Rp__Actor *actor = roster->records[i].actor;
        bool counts = roster->records[i].alive && strcmp(actor->kind, "executor") == 0;
        for (size_t m = 0; counts && m < actor->n_models && count < 64; m++) {
            size_t k = 0;
            while (k < count && strcmp(seen[k], actor->models[m]->name) != 0)
                k++;
            if (k < count || used >= names_bytes)
                continue;
            seen[count] = actor->models[m]->name;
            int wrote =
                snprintf(names + used, names_bytes - used, "%s%s", count ? ", " : "", seen[count]);
            used += wrote > 0 ? (size_t)wrote : 0;
            count++;
        }
    }
    *ret_only = count == 1 ? seen[0] : NULL;
    return count;
}

rp_status rp_ask_choose(
    const rp_ask *ask, const rp_roster *roster, rp_ask_choice *ret_choice, rp_error *reterr)
{
    char names[160];
    const char *only = NULL;
    size_t count = alive(roster, names, sizeof names, &only);
    const char *model = ask->model ? ask->model : only;
    if (!model && count == 0)
        return rp_error_set(reterr, RP_UNAVAILABLE, "model",
            "no model is alive; start one with reprise up --model NAME=FILE.gguf");
    if (!model)
        return rp_error_set(reterr, RP_INVALID, "model",
            "%zu models are alive; say which with --model: %s", count, names);
    if (!ask->wait && !rp_roster_ready(roster, "tokenizer", NULL, NULL))
        return rp_error_set(reterr, RP_UNAVAILABLE, "tokenizer",
            "nobody is there to answer: no tokenizer is alive and ready; reprise up starts one, "
            "--wait waits for one");
    if (!ask->wait && !rp_roster_ready(roster, "executor", model, NULL))
        return rp_error_set(reterr, RP_UNAVAILABLE, "model",
            "nobody is there to answer: no executor of %.60s is alive and ready%s%s; --wait waits "
            "for one",
            model, count ? "; alive: " : "", names);
    ret_choice->model = model;
    ret_choice->guessed_raw =
        !ask->raw && !ask->chat && !ask->system && rp_roster_continues(roster, model);
    ret_choice->raw = ask->raw || ret_choice->guessed_raw;
    return RP_OK;
}
