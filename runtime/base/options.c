#include "runtime/base/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct unit {
    const char *name;
    uint64_t factor;
} unit;

const char *rp_environment_system(const char *name)
{
    return getenv(name);
}

static rp_status parse_number(const char *text, const unit *units, uint64_t *ret_value)
{
    uint64_t value = 0;
    const char *p = text;
    if (*p < '0' || *p > '9')
        return RP_INVALID;
    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return RP_LIMIT;
        value = value * 10 + digit;
    }
    for (const unit *u = units; u->name; u++) {
        if (strcmp(p, u->name) != 0)
            continue;
        if (value > UINT64_MAX / u->factor)
            return RP_LIMIT;
        *ret_value = value * u->factor;
        return RP_OK;
    }
    return RP_INVALID;
}

rp_status rp_parse_count(const char *text, uint64_t *ret_value)
{
    static const unit units[] = {{"", 1}, {NULL, 0}};
    return parse_number(text, units, ret_value);
}

rp_status rp_parse_bytes(const char *text, uint64_t *ret_bytes)
{
    static const unit units[] = {{"", 1}, {"B", 1}, {"KiB", UINT64_C(1) << 10},
        {"MiB", UINT64_C(1) << 20}, {"GiB", UINT64_C(1) << 30}, {"TiB", UINT64_C(1) << 40},
        {"kB", 1000}, {"MB", 1000000}, {"GB", 1000000000}, {"TB", UINT64_C(1000000000000)},
        {NULL, 0}};
    return parse_number(text, units, ret_bytes);
}

rp_status rp_parse_duration(const char *text, uint64_t *ret_ns)
{
    static const unit units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000},
        {"m", UINT64_C(60000000000)}, {"h", UINT64_C(3600000000000)},
        {"d", UINT64_C(86400000000000)}, {NULL, 0}};
    if (strcmp(text, "0") == 0) {
        *ret_ns = 0;
        return RP_OK;
    }
    return parse_number(text, units, ret_ns);
}

static void *place(const rp_option *option, void *settings)
{
    return (uint8_t *)settings + option->offset;
}

static rp_status refuse(const rp_option *option, const char *value, rp_error *reterr)
{
    static const char *const examples[] = {[RP_OPTION_COUNT] = "a whole number",
        [RP_OPTION_BYTES] = "a size such as 64MiB",
        [RP_OPTION_DURATION] = "a time such as 250ms"};
    char range[RP_ERROR_LIMIT_MAX] = "";
    if (option->max)
        snprintf(range, sizeof range, " from %" PRIu64 " to %" PRIu64, option->min, option->max);
    return rp_error_set(reterr, RP_INVALID, option->name, "--%s takes %s%s, not \"%s\"",
        option->name, examples[option->kind], range, value);
}

static rp_status store_number(
    const rp_option *option, const char *value, void *settings, rp_error *reterr)
{
    uint64_t number = 0;
    rp_status status = option->kind == RP_OPTION_COUNT   ? rp_parse_count(value, &number)
                       : option->kind == RP_OPTION_BYTES ? rp_parse_bytes(value, &number)
                                                         : rp_parse_duration(value, &number);
    if (status != RP_OK || number < option->min || (option->max && number > option->max))
        return refuse(option, value, reterr);
    *(uint64_t *)place(option, settings) = number;
    return RP_OK;
}

static rp_status list_add(
    const rp_option *option, const char *value, rp_option_list *list, rp_error *reterr)
{
    if (list->count == RP_OPTION_LIST_MAX)
        return rp_error_set(reterr, RP_LIMIT, option->name, "--%s may be given %d times at most",
            option->name, RP_OPTION_LIST_MAX);
    list->values[list->count++] = value;
    return RP_OK;
}

/* Environment and default hold a whole list in one text. */
static rp_status list_split(
    const rp_option *option, const char *text, rp_option_list *list, rp_error *reterr)
{
    list->storage = strdup(text);
    if (!list->storage)
        return rp_error_set(reterr, RP_NO_MEMORY, option->name, "out of memory");
    char *rest = list->storage;
    for (char *part = strsep(&rest, ","); part; part = strsep(&rest, ",")) {
        rp_status status = *part ? list_add(option, part, list, reterr) : RP_OK;
        if (status != RP_OK)
            return status;
    }
    return RP_OK;
}

static rp_status store_flag(
    const rp_option *option, const char *value, void *settings, rp_error *reterr)
{
    bool on = strcmp(value, "1") == 0 || strcmp(value, "true") == 0 || strcmp(value, "yes") == 0;
    bool off = strcmp(value, "0") == 0 || strcmp(value, "false") == 0 || strcmp(value, "no") == 0 ||
               *value == '\0';
    if (!on && !off)
        return rp_error_set(reterr, RP_INVALID, option->name, "%s takes 1 or 0, not \"%s\"",
            option->environment ? option->environment : option->name, value);
    *(bool *)place(option, settings) = on;
    return RP_OK;
}

static rp_status store(
    const rp_option *option, const char *value, bool whole_list, void *settings, rp_error *reterr)
{
    switch (option->kind) {
    case RP_OPTION_FLAG:
        return store_flag(option, value, settings, reterr);
    case RP_OPTION_TEXT:
        *(const char **)place(option, settings) = value;
        return RP_OK;
    case RP_OPTION_LIST:
        return whole_list ? list_split(option, value, place(option, settings), reterr)
                          : list_add(option, value, place(option, settings), reterr);
    default:
        return store_number(option, value, settings, reterr);
    }
}

static const rp_option *find(
    const rp_option *const *tables, size_t count, const char *name, size_t len, char letter)
{
    for (size_t t = 0; t < count; t++) {
        for (const rp_option *o = tables[t]; o->name; o++) {
            if (letter ? o->letter == letter
                       : strlen(o->name) == len && !memcmp(o->name, name, len))
                return o;
        }
    }
    return NULL;
}

/* One option of the command line at argv[*index]; moves *index past what it took. */
static rp_status take(const rp_option *const *tables, size_t count, int argc, char **argv,
    int *index, void *settings, rp_error *reterr)
{
    const char *word = argv[*index];
    bool is_long = word[1] == '-';
    const char *name = word + (is_long ? 2 : 1);
    const char *equals = is_long ? strchr(name, '=') : NULL;
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    const rp_option *option = find(tables, count, name, len, is_long ? 0 : word[1]);
    bool negated = !option && is_long && strncmp(name, "no-", 3) == 0;
    if (negated) {
        option = find(tables, count, name + 3, len - 3, 0);
        if (option && option->kind != RP_OPTION_FLAG)
            option = NULL;
    }
    if (!option || (!is_long && word[2]))
        return rp_error_set(reterr, RP_INVALID, name, "there is no option %.48s; see --help", word);
    ++*index;
    if (option->kind == RP_OPTION_FLAG) {
        if (equals)
            return rp_error_set(reterr, RP_INVALID, option->name,
                "--%s takes no value; --no-%s "
                "turns it off",
                option->name, option->name);
        *(bool *)place(option, settings) = !negated;
        return RP_OK;
    }
    if (equals)
        return store(option, equals + 1, false, settings, reterr);
    if (*index >= argc)
        return rp_error_set(reterr, RP_INVALID, option->name, "--%s needs a value: --%s %s",
            option->name, option->name, option->value_name);
    return store(option, argv[(*index)++], false, settings, reterr);
}

static bool is_given(const rp_option *option, const char *word)
{
    size_t len = strlen(option->name);
    if (word[0] != '-')
        return false;
    if (word[1] != '-')
        return option->letter && word[1] == option->letter;
    const char *name = word + 2;
    if (option->kind == RP_OPTION_FLAG && strncmp(name, "no-", 3) == 0)
        name += 3;
    return strncmp(name, option->name, len) == 0 && (name[len] == '\0' || name[len] == '=');
}

/* Environment, else default, for what the command line does not say. */
static rp_status fill(const rp_option *option, int argc, char **argv, rp_environment environment,
    void *settings, rp_error *reterr)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (is_given(option, argv[i]))
            return RP_OK;
    }
    const char *value =
        option->environment && environment ? environment(option->environment) : NULL;
    if (!value)
        value = option->default_value;
    return value ? store(option, value, true, settings, reterr) : RP_OK;
}

rp_status rp_options_parse(const rp_option *const *tables, size_t count, int argc, char **argv,
    rp_environment environment, bool stop_at_argument, void *settings, int *ret_arguments,
    rp_error *reterr)
{
    int arguments = 0, i = 1;
    for (size_t t = 0; t < count; t++) {
        for (const rp_option *o = tables[t]; o->name; o++) {
            rp_status status = fill(o, argc, argv, environment, settings, reterr);
            if (status != RP_OK)
                return status;
        }
    }
    while (i < argc) {
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        if (argv[i][0] == '-' && argv[i][1]) {
            rp_status status = take(tables, count, argc, argv, &i, settings, reterr);
            if (status != RP_OK)
                return status;
        } else if (stop_at_argument) {
            break;
        } else {
            argv[1 + arguments++] = argv[i++];
        }
    }
    while (i < argc)
        argv[1 + arguments++] = argv[i++];
    *ret_arguments = arguments;
    return RP_OK;
}

void rp_options_done(const rp_option *const *tables, size_t count, void *settings)
{
    for (size_t t = 0; t < count; t++) {
        for (const rp_option *o = tables[t]; o->name; o++) {
            if (o->kind != RP_OPTION_LIST)
                continue;
            rp_option_list *list = place(o, settings);
            free(list->storage);
            list->storage = NULL;
        }
    }
}

void rp_options_help(const rp_option *table, rp_buffer *out)
{
    enum { COLUMN = 28 };
    for (const rp_option *o = table; o->name; o++) {
        size_t start = out->len;
        if (o->letter)
            rp_buffer_printf(out, "  -%c, --%s", o->letter, o->name);
        else
            rp_buffer_printf(out, "      --%s", o->name);
        if (o->kind != RP_OPTION_FLAG)
            rp_buffer_printf(out, " %s", o->value_name);
        size_t width = out->len - start;
        rp_buffer_printf(out, "%*s%s", width < COLUMN ? (int)(COLUMN - width) : 1, "", o->help);
        if (o->default_value && *o->default_value)
            rp_buffer_printf(out, " (default %s)", o->default_value);
        if (o->environment)
            rp_buffer_printf(out, " [%s]", o->environment);
        rp_buffer_byte(out, '\n');
    }
}
