#include "runtime/base/options.h"

#include <criterion/criterion.h>
#include <stdlib.h>

typedef struct settings {
    const char *server, *unset;
    uint64_t slots, memory, cache, wait;
    bool json, loud;
    rp_option_list models;
} settings;

static const rp_option table[] = {
    {"server", 's', RP_OPTION_TEXT, "URL", "NATS_URL", "nats://127.0.0.1:4222", "where it listens",
        offsetof(settings, server), 0, 0},
    {"unset", 0, RP_OPTION_TEXT, "X", NULL, NULL, "nothing", offsetof(settings, unset), 0, 0},
    {"slots", 'n', RP_OPTION_COUNT, "N", "SLOTS", "1", "requests at once",
        offsetof(settings, slots), 1, 256},
    {"memory", 0, RP_OPTION_BYTES, "SIZE", NULL, "64MiB", "memory", offsetof(settings, memory), 0,
        0},
    {"cache", 0, RP_OPTION_BYTES, "SIZE", NULL, "4096", "cache", offsetof(settings, cache), 4096,
        0},
    {"wait", 'w', RP_OPTION_DURATION, "TIME", NULL, "10s", "patience", offsetof(settings, wait), 0,
        UINT64_C(3600000000000)},
    {"json", 'j', RP_OPTION_FLAG, NULL, "JSON", NULL, "as JSON", offsetof(settings, json), 0, 0},
    {"loud", 0, RP_OPTION_FLAG, NULL, NULL, "1", "loud", offsetof(settings, loud), 0, 0},
    {"model", 'm', RP_OPTION_LIST, "NAME", "MODELS", "a,,b", "models", offsetof(settings, models),
        0, 0},
    {0}};

static const rp_option *const tables[] = {table};

enum { WORDS_MAX = 80 };

/* A parse of one command line. */
typedef struct run {
    settings set;
    char *argv[WORDS_MAX];
    int arguments;
    rp_status status;
    rp_error error;
} run;

static run parse_with(rp_environment environment, bool stop, const char *const *words)
{
    run r = {.arguments = -1};
    int argc = 1;
    r.argv[0] = (char *)(uintptr_t) "program";
    for (; words[argc - 1]; argc++)
        r.argv[argc] = (char *)(uintptr_t)words[argc - 1];
    r.status = rp_options_parse(
        tables, 1, argc, r.argv, environment, stop, &r.set, &r.arguments, &r.error);
    return r;
}

#define PARSE(...) parse_with(NULL, false, (const char *const[]){__VA_ARGS__, NULL})

static void done(run *r)
{
    rp_options_done(tables, 1, &r->set);
}

Test(options, defaults)
{
    run r = parse_with(NULL, false, (const char *const[]){NULL});
    cr_assert(r.status == RP_OK && r.arguments == 0);
    cr_assert_str_eq(r.set.server, "nats://127.0.0.1:4222");
    cr_assert(r.set.unset == NULL && r.set.slots == 1 && r.set.memory == 64 << 20);
    cr_assert(r.set.wait == UINT64_C(10000000000) && !r.set.json && r.set.loud);
    cr_assert(r.set.models.count == 2);
    cr_assert_str_eq(r.set.models.values[0], "a");
    cr_assert_str_eq(r.set.models.values[1], "b");
    done(&r);
}

Test(options, the_ways_to_write_one)
{
    run r = PARSE("--server=x", "--slots", "7", "-w", "250ms", "-j", "--no-loud", "--unset=");
    cr_assert(r.status == RP_OK, "%s", r.error.message);
    cr_assert_str_eq(r.set.server, "x");
    cr_assert_str_eq(r.set.unset, "");
    cr_assert(r.set.slots == 7 && r.set.wait == 250000000 && r.set.json && !r.set.loud);
    done(&r);
}

Test(options, lists_replace_their_default)
{
    run r = PARSE("-m", "x,y", "--model=z");
    cr_assert(r.status == RP_OK && r.set.models.count == 2);
    cr_assert_str_eq(r.set.models.values[0], "x,y");
    cr_assert_str_eq(r.set.models.values[1], "z");
    done(&r);

    char *argv[RP_OPTION_LIST_MAX + 3];
    int argc = 0, arguments;
    settings set = {0};
    rp_error error;
    argv[argc++] = (char *)(uintptr_t) "program";
    for (int i = 0; i <= RP_OPTION_LIST_MAX; i++)
        argv[argc++] = (char *)(uintptr_t) "--model=q";
    argv[argc] = NULL;
    cr_assert(
        rp_options_parse(tables, 1, argc, argv, NULL, false, &set, &arguments, &error) == RP_LIMIT);
    cr_assert_str_eq(error.field, "model");
    rp_options_done(tables, 1, &set);
}

Test(options, arguments_come_to_the_front)
{
    run r = PARSE("one", "-j", "two", "--server", "x", "-", "--", "--json", "-q");
    cr_assert(r.status == RP_OK && r.arguments == 5, "%s", r.error.message);
    cr_assert_str_eq(r.argv[1], "one");
    cr_assert_str_eq(r.argv[2], "two");
    cr_assert_str_eq(r.argv[3], "-");
    cr_assert_str_eq(r.argv[4], "--json");
    cr_assert_str_eq(r.argv[5], "-q");
    done(&r);
}

Test(options, a_subcommand_ends_them)
{
    run r =
        parse_with(NULL, true, (const char *const[]){"-j", "ask", "--slots=9", "--model=x", NULL});
    cr_assert(r.status == RP_OK && r.arguments == 3 && r.set.json);
    cr_assert_str_eq(r.argv[1], "ask");
    cr_assert_str_eq(r.argv[2], "--slots=9");
    cr_assert(r.set.slots == 1, "what stands behind the subcommand is its own");
    cr_assert(r.set.models.count == 2);
    done(&r);
}

Test(options, a_value_may_look_like_an_option)
{
    run r = PARSE("--server", "--slots", "--unset", "-j");
    cr_assert(r.status == RP_OK);
    cr_assert_str_eq(r.set.server, "--slots");
    cr_assert_str_eq(r.set.unset, "-j");
    cr_assert(r.set.slots == 1 && !r.set.json, "it is not given, so its default holds");
    done(&r);
}

static const char *environment(const char *name)
{
    static const struct {
        const char *name, *value;
    } variables[] = {
        {"NATS_URL", "nats://far"}, {"SLOTS", "9"}, {"JSON", "yes"}, {"MODELS", "e,f,g"}};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        if (strcmp(variables[i].name, name) == 0)
            return variables[i].value;
    }
    return NULL;
}

static const char *broken_environment(const char *name)
{
    return strcmp(name, "SLOTS") == 0 ? "many" : strcmp(name, "JSON") == 0 ? "maybe" : NULL;
}

Test(options, the_environment_stands_between)
{
    run r = parse_with(environment, false, (const char *const[]){"--slots=3", NULL});
    cr_assert(r.status == RP_OK && r.set.slots == 3 && r.set.json && r.set.models.count == 3);
    cr_assert_str_eq(r.set.server, "nats://far");
    done(&r);
    r = parse_with(broken_environment, false, (const char *const[]){NULL});
    cr_assert(r.status == RP_INVALID);
    cr_assert_str_eq(r.error.field, "slots");
    done(&r);
    r = parse_with(broken_environment, false, (const char *const[]){"--slots=3", NULL});
    cr_assert(r.status == RP_INVALID && strstr(r.error.message, "JSON takes 1 or 0"), "%s",
        r.error.message);
    done(&r);
    r = parse_with(broken_environment, false, (const char *const[]){"--slots=3", "-j", NULL});
    cr_assert(r.status == RP_OK, "what the command line says needs no environment");
    done(&r);
}

Test(options, errors_name_the_option_and_what_is_right)
{
    static const struct {
        const char *words[3];
        const char *field, *message;
    } cases[] = {
        {{"--nonsense"}, "--nonsense", "there is no option --nonsense; see --help"},
        {{"-q"}, "-q", "there is no option -q; see --help"},
        {{"-jj"}, "-jj", "there is no option -jj; see --help"},
        {{"--no-slots"}, "--no-slots", "there is no option --no-slots; see --help"},
        {{"--no-"}, "--no-", "there is no option --no-; see --help"},
        {{"--slot=1"}, "--slot=1", "there is no option --slot=1; see --help"},
        {{"--json=1"}, "json", "--json takes no value; --no-json turns it off"},
        {{"--slots"}, "slots", "--slots needs a value: --slots N"},
        {{"--slots", "0"}, "slots", "--slots takes a whole number from 1 to 256, not \"0\""},
        {{"--slots=257"}, "slots", "--slots takes a whole number from 1 to 256, not \"257\""},
        {{"--slots=-1"}, "slots", "--slots takes a whole number from 1 to 256, not \"-1\""},
        {{"--slots="}, "slots", "--slots takes a whole number from 1 to 256, not \"\""},
        {{"--cache=4095"}, "cache",
            "--cache takes a size such as 64MiB from 4KiB on, not \"4095\""},
        {{"--memory=1MiBB"}, "memory", "--memory takes a size such as 64MiB, not \"1MiBB\""},
        {{"--wait=1"}, "wait", "--wait takes a time such as 250ms from 0 to 1h, not \"1\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run r = parse_with(NULL, false, cases[i].words);
        cr_assert(r.status == RP_INVALID && r.arguments == -1, "case %zu", i);
        cr_assert_str_eq(r.error.field, cases[i].field);
        cr_assert_str_eq(r.error.message, cases[i].message);
        done(&r);
    }
}

Test(options, numbers_with_units)
{
    uint64_t value = 0;
    cr_assert(rp_parse_count("18446744073709551615", &value) == RP_OK && value == UINT64_MAX);
    cr_assert(rp_parse_count("18446744073709551616", &value) == RP_LIMIT);
    cr_assert(rp_parse_count("99999999999999999999999", &value) == RP_LIMIT);
    cr_assert(rp_parse_count("007", &value) == RP_OK && value == 7);
    static const char *const bad[] = {"", " 1", "1 ", "-1", "+1", "1.5", "0x1", "one"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert(rp_parse_count(bad[i], &value) == RP_INVALID && value == 7, "%s", bad[i]);
    cr_assert(rp_parse_bytes("3KiB", &value) == RP_OK && value == 3072);
    cr_assert(rp_parse_bytes("2GB", &value) == RP_OK && value == 2000000000);
    cr_assert(rp_parse_bytes("16777215TiB", &value) == RP_OK && value == UINT64_C(16777215) << 40);
    cr_assert(rp_parse_bytes("16777216TiB", &value) == RP_LIMIT);
    cr_assert(rp_parse_bytes("1kib", &value) == RP_INVALID);
    cr_assert(rp_parse_duration("0", &value) == RP_OK && value == 0);
    cr_assert(rp_parse_duration("2h", &value) == RP_OK && value == UINT64_C(7200000000000));
    cr_assert(rp_parse_duration("1d", &value) == RP_OK && value == UINT64_C(86400000000000));
    cr_assert(rp_parse_duration("300us", &value) == RP_OK && value == 300000);
    cr_assert(rp_parse_duration("5", &value) == RP_INVALID);
    cr_assert(rp_parse_duration("999999999999d", &value) == RP_LIMIT);
}

Test(options, help_is_aligned_and_complete)
{
    rp_buffer out;
    rp_buffer_init(&out, 8192);
    rp_options_help(table, &out);
    const char *help = rp_buffer_string(&out);
    cr_assert(strstr(help, "  -s, --server URL                where it listens (default "
                           "nats://127.0.0.1:4222) [NATS_URL]\n"),
        "%s", help);
    cr_assert(
        strstr(help, "      --memory SIZE               memory (default 64MiB)\n"), "%s", help);
    for (const rp_option *o = table; o->name; o++)
        cr_assert(strstr(help, o->name) && strstr(help, o->help));
    rp_buffer_done(&out);
}
