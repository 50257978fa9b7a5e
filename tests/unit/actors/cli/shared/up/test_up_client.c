/* Which `reprise up` is meant. */
#include "actors/cli/shared/up/up_client.h"

#include <criterion/criterion.h>

enum { ACTORS = 4 };

static Rp__Actor actors[ACTORS];
static rp_roster_record records[ACTORS];
static rp_roster roster;

static void add(const char *kind, const char *instance, bool alive, bool ready)
{
    Rp__Actor *actor = &actors[roster.count];
    rp__actor__init(actor);
    actor->kind = (char *)(uintptr_t)kind;
    actor->instance = (char *)(uintptr_t)instance;
    actor->ready = ready;
    records[roster.count++] = (rp_roster_record){.actor = actor, .alive = alive};
}

static void setup(void)
{
    roster = (rp_roster){.records = records};
}

TestSuite(up_client, .init = setup);

Test(up_client, the_only_one_needs_no_name)
{
    const rp_roster_record *up = NULL;
    add("executor", "up-1", true, true);
    add("up", "up-2", false, true);
    add("up", "up-3", true, true);
    cr_assert_eq(rp_up_find(&roster, NULL, &up, NULL), RP_OK);
    cr_assert_str_eq(up->actor->instance, "up-3");
    cr_assert_eq(rp_up_find(&roster, "up-2", &up, NULL), RP_NOT_FOUND);
    cr_assert_eq(rp_up_find(&roster, "up-1", &up, NULL), RP_NOT_FOUND);
}

Test(up_client, of_several_one_is_named)
{
    rp_error error = {0};
    const rp_roster_record *up = NULL;
    add("up", "up-1", true, true);
    add("up", "up-2", true, true);
    cr_assert_eq(rp_up_find(&roster, NULL, &up, &error), RP_INVALID);
    cr_assert(strstr(error.message, "up-1, up-2"));
    cr_assert_eq(rp_up_find(&roster, "up-2", &up, NULL), RP_OK);
    cr_assert_str_eq(up->actor->instance, "up-2");
}

Test(up_client, one_that_serves_goes_before_one_that_leaves)
{
    const rp_roster_record *up = NULL;
    add("up", "leaving", true, false);
    cr_assert_eq(rp_up_find(&roster, NULL, &up, NULL), RP_OK);
    cr_assert_str_eq(up->actor->instance, "leaving");
    add("up", "serving", true, true);
    cr_assert_eq(rp_up_find(&roster, NULL, &up, NULL), RP_OK);
    cr_assert_str_eq(up->actor->instance, "serving");
}

Test(up_client, there_may_be_none)
{
    rp_error error = {0};
    const rp_roster_record *up = NULL;
    cr_assert_eq(rp_up_find(&roster, NULL, &up, &error), RP_NOT_FOUND);
    cr_assert_str_eq(error.field, "up");
}
