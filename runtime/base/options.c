#include "runtime/base/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/decimal.h"

enum { NUMBER_BYTES = 32 };

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
    uint64_t value;
    rp_bytes rest = rp_bytes_text(text);
    rp_status status = rp_decimal_take(&rest, &value);
    if (status != RP_OK)
        return status;
    for (const unit *u = units; u->name; u++) {
        if (!rp_bytes_is(rest, u->name))
            continue;
        if (value > UINT64_MAX / u->factor)
            return RP_LIMIT;
        *ret_value = value * u->factor;
        return RP_OK;
    }
    return RP_INVALID;
}

/* A unit that is a whole multiple of another comes before it: a value is shown in the first that
 * divides it. */
static const unit count_units[] = {{"", 1}, {NULL, 0}};

static const unit byte_units[] = {{"TiB", UINT64_C(1) << 40}, {"GiB", UINT64_C(1) << 30},
    {"MiB", UINT64_C(1) << 20}, {"KiB", UINT64_C(1) << 10}, {"TB", UINT64_C(1000000000000)},
    {"GB", 1000000000}, {"MB", 1000000}, {"kB", 1000}, {"", 1}, {"B", 1}, {NULL, 0}};

static const unit duration_units[] = {{"d", UINT64_C(86400000000000)},
    {"h", UINT64_C(3600000000000)}, {"m", UINT64_C(60000000000)}, {"s", 1000000000},
    {"ms", 1000000}, {"us", 1000}, {"ns", 1}, {NULL, 0}};

rp_status rp_parse_count(const char *text, uint64_t *ret_value)
{
    return parse_number(text, count_units, ret_value);
}

rp_status rp_parse_bytes(const char *text, uint64_t *ret_bytes)
{
    return parse_number(text, byte_units, ret_bytes);
}

rp_status rp_parse_duration(const char *text, uint64_t *ret_ns)
{
    if (strcmp(text, "0") == 0) {
        *ret_ns = 0;
        return RP_OK;
    }
    return parse_number(text, duration_units, ret_ns);
}

static void *place(const rp_option *option, void *settings)
{
    return (uint8_t *)settings + option->offset;
}

/* A limit as it would be written on the command line. */
static void number_text(const rp_option *option, uint64_t value, char text[NUMBER_BYTES])
{
    const unit *u = option->kind == RP_OPTION_BYTES      ? byte_units
                    : option->kind == RP_OPTION_DURATION ? duration_units
                                                         : count_units;
    while (value % u->factor != 0)
        u++;
    snprintf(text, NUMBER_BYTES, "%" PRIu64 "%s", value / u->factor, value ? u->name : "");
}

static rp_status refuse(const rp_option *option, const char *value, rp_error *reterr)
{
    static const char *const examples[] = {[RP_OPTION_COUNT] = "a whole number",
        [RP_OPTION_BYTES] = "a size such as 64MiB",
        [RP_OPTION_DURATION] = "a time such as 250ms"};
    char min[NUMBER_BYTES], max[NUMBER_BYTES];
    number_text(option, option->min, min);
    number_text(option, option->max, max);
    if (option->max)
        return rp_error_set(reterr, RP_INVALID, option->name,
            "--%s takes %s from %s to %s, not \"%s\"", option->name, examples[option->kind], min,
            max, value);
    if (option->min)
        return rp_error_set(reterr, RP_INVALID, option->name,
            "--%s takes %s from %s on, not \"%s\"", option->name, examples[option->kind], min,
            value);
    return rp_error_set(reterr, RP_INVALID, option->name, "--%s takes %s, not \"%s\"", option->name,
        examples[option->kind], value);
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

/* What a word of the command line says. */
typedef struct spelling {
    const rp_option *option; /* NULL = there is no such option */
    const char *value;       /* behind =; NULL = none there */
    bool negated;            /* --no-name */
} spelling;

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1];
}

static spelling spell(const rp_option *const *tables, size_t count, const char *word)
{
    spelling s = {0};
    if (word[1] != '-') {
        s.option = word[2] ? NULL : find(tables, count, NULL, 0, word[1]);
        return s;
    }
    const char *name = word + 2;
    const char *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    s.value = equals ? equals + 1 : NULL;
    s.option = find(tables, count, name, len, 0);
    if (!s.option && len > 3 && strncmp(name, "no-", 3) == 0) {
        s.option = find(tables, count, name + 3, len - 3, 0);
        s.negated = s.option && s.option->kind == RP_OPTION_FLAG;
        if (!s.negated)
            s.option = NULL;
    }
    return s;
}

/* One option of the command line at argv[*index]; moves *index past what it took. */
static rp_status take(const rp_option *const *tables, size_t count, int argc, char **argv,
    int *index, void *settings, rp_error *reterr)
{
    const char *word = argv[*index];
    const spelling s = spell(tables, count, word);
    const rp_option *option = s.option;
    if (!option)
        return rp_error_set(reterr, RP_INVALID, word, "there is no option %.48s; see --help", word);
    ++*index;
    if (option->kind == RP_OPTION_FLAG) {
        if (s.value)
            return rp_error_set(reterr, RP_INVALID, option->name,
                "--%s takes no value; --no-%s turns it off", option->name, option->name);
        *(bool *)place(option, settings) = !s.negated;
        return RP_OK;
    }
    if (s.value)
        return store(option, s.value, false, settings, reterr);
    if (*index >= argc)
        return rp_error_set(reterr, RP_INVALID, option->name, "--%s needs a value: --%s %s",
            option->name, option->name, option->value_name);
    return store(option, argv[(*index)++], false, settings, reterr);
}

/* Whether the command line has the option, read as rp_options_parse does: a value that looks like
 * an option is a value, and the end is the same. */
static bool is_given(const rp_option *const *tables, size_t count, const rp_option *option,
    int argc, char **argv, bool stop_at_argument)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (!is_option(argv[i])) {
            if (stop_at_argument)
                return false;
            continue;
        }
        const spelling s = spell(tables, count, argv[i]);
        if (s.option == option)
            return true;
        if (s.option && s.option->kind != RP_OPTION_FLAG && !s.value)
            i++;
    }
    return false;
}

/* Environment, else default, for what the command line does not say. */
static rp_status fill(
    const rp_option *option, rp_environment environment, void *settings, rp_error *reterr)
{
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
            rp_status status = RP_OK;
            if (!is_given(tables, count, o, argc, argv, stop_at_argument))
                status = fill(o, environment, settings, reterr);
            if (status != RP_OK)
                return status;
        }
    }
    while (i < argc) {
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        if (is_option(argv[i])) {
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
    enum { COLUMN = 34 };
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
