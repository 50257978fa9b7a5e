/* actors/cli/ask/choice.h: whom `reprise ask` asks, and whether the text becomes a message. */
#include "actors/cli/ask/choice.h"

#include <criterion/criterion.h>

enum { ACTORS = 4 };

/* A tokenizer and executors of the models that a test names. */
typedef struct crowd {
    rp_roster roster;
    rp_roster_record records[ACTORS];
    Rp__Actor actors[ACTORS];
    Rp__ModelPresence models[ACTORS], *served[ACTORS];
} crowd;

static rp_roster_record *add(crowd *c, const char *kind, const char *model)
{
    size_t i = c->roster.count++;
    cr_assert_lt(i, ACTORS);
    rp__actor__init(&c->actors[i]);
    c->actors[i].kind = kind;
    c->actors[i].ready = true;
    if (model) {
        rp__model_presence__init(&c->models[i]);
        c->models[i].name = model;
        c->models[i].version = "1";
        c->served[i] = &c->models[i];
        c->actors[i].models = &c->served[i];
        c->actors[i].n_models = 1;
    }
    c->roster.records = c->records;
    c->records[i] = (rp_roster_record){.actor = &c->actors[i], .alive = true};
    return &c->records[i];
}

static crowd *crowd_of(const char *first, const char *second)
{
    static crowd c;
    c = (crowd){0};
    add(&c, "tokenizer", NULL);
    if (first)
        add(&c, "executor", first);
    if (second)
        add(&c, "executor", second);
    return &c;
}

static rp_ask_choice chosen(const rp_ask *ask, const crowd *c)
{
    rp_error error = {0};
    rp_ask_choice choice = {0};
    cr_assert_eq(rp_ask_choose(ask, &c->roster, &choice, &error), RP_OK, "%s", error.message);
    return choice;
}

static void check_refused(const rp_ask *ask, const crowd *c, rp_status status, const char *says)
{
    rp_error error = {0};
    rp_ask_choice choice = {0};
    cr_expect_eq(rp_ask_choose(ask, &c->roster, &choice, &error), status, "%s", says);
    cr_expect_not_null(strstr(error.message, says), "%s", error.message);
    cr_expect_null(choice.model);
}

Test(choice, the_only_model_need_not_be_named)
{
    const rp_ask ask = {0};
    cr_expect_str_eq(chosen(&ask, crowd_of("a", NULL)).model, "a");
    cr_expect_str_eq(chosen(&ask, crowd_of("a", "a")).model, "a");
    check_refused(&ask, crowd_of("a", "b"), RP_INVALID, "2 models are alive");
    check_refused(&ask, crowd_of(NULL, NULL), RP_UNAVAILABLE, "no model is alive");
}

Test(choice, a_model_that_nobody_serves_is_waited_for_when_told)
{
    rp_ask ask = {.model = "b"};
    check_refused(&ask, crowd_of("a", NULL), RP_UNAVAILABLE, "alive: a");
    ask.wait = true;
    cr_expect_str_eq(chosen(&ask, crowd_of("a", NULL)).model, "b");
    cr_expect_not(chosen(&ask, crowd_of("a", NULL)).raw);
}

Test(choice, what_the_model_says_of_itself_decides_how_it_is_asked)
{
    const rp_ask ask = {0};
    crowd *c = crowd_of("a", NULL);
    cr_expect_not(chosen(&ask, c).raw, "a record that does not say is a conversation");
    c->models[1].has_chat_template = true;
    cr_expect(chosen(&ask, c).raw);
    cr_expect(chosen(&ask, c).guessed_raw);
    c->models[1].chat_template = true;
    cr_expect_not(chosen(&ask, c).raw);
}

Test(choice, what_the_user_says_wins)
{
    const rp_ask raw = {.raw = true}, chat = {.chat = true}, system = {.system = "s"};
    crowd *c = crowd_of("a", NULL);
    cr_expect(chosen(&raw, c).raw);
    cr_expect_not(chosen(&raw, c).guessed_raw);
    c->models[1].has_chat_template = true;
    cr_expect(chosen(&raw, c).raw);
    cr_expect_not(chosen(&raw, c).guessed_raw, "it was said, so there is nothing to tell");
    cr_expect_not(chosen(&chat, c).raw);
    cr_expect_not(chosen(&system, c).raw);
}

Test(choice, the_dead_are_not_asked)
{
    const rp_ask ask = {0};
    crowd *c = crowd_of("a", NULL);
    c->models[1].has_chat_template = true;
    c->records[1].alive = false;
    check_refused(&ask, c, RP_UNAVAILABLE, "no model is alive");
    cr_expect_not(rp_roster_continues(&c->roster, "a"));
}
