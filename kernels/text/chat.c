#include "kernels/text/chat.h"

#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "runtime/base/utf8.h"

/* ---- the table ---- */

typedef enum role { ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT, ROLE_COUNT } role;

static const char *const role_names[ROLE_COUNT] = {"system", "user", "assistant"};

typedef enum part_kind { PART_NONE, PART_CONTROL, PART_TEXT, PART_ROLE } part_kind;

/* A bit of the frame around a message: a control token by its place in `controls`, text, or what
 * the template calls the role. */
typedef struct part {
    part_kind kind;
    int control;
    const char *text;
} part;

enum { PARTS_MAX = 5, ARCHITECTURES_MAX = 4 };

struct rp__chat_template {
    const char *name;
    const char *marker; /* stands in the template text of the files that it is for */
    const char *architectures[ARCHITECTURES_MAX]; /* of files without a template text */
    const char *controls[RP_CHAT_CONTROLS_MAX];   /* pieces of the control tokens */
    int end;                                      /* which of them ends a turn */
    bool bos;                                     /* the prompt starts with BOS */
    bool trims;                                   /* contents lose white space at both ends */
    bool alternates;                              /* user, assistant, user, ... */
    const char *system_glue; /* a system message goes before the first user's, with this between;
                                NULL: it is a turn of its own */
    const char *roles[ROLE_COUNT];
    part before[PARTS_MAX], after[PARTS_MAX]; /* around a message, up to PART_NONE */
};

static const rp__chat_template templates[] = {
    {
        .name = "gemma",
        .marker = "<start_of_turn>",
        .architectures = {"gemma", "gemma2", "gemma3"},
        .controls = {"<start_of_turn>", "<end_of_turn>"},
        .end = 1,
        .bos = true,
        .trims = true,
        .alternates = true,
        .system_glue = "\n\n",
        .roles = {NULL, "user", "model"},
        .before = {{PART_CONTROL, 0, NULL}, {PART_ROLE, 0, NULL}, {PART_TEXT, 0, "\n"}},
        .after = {{PART_CONTROL, 1, NULL}, {PART_TEXT, 0, "\n"}},
    },
};

enum { TEMPLATE_COUNT = sizeof templates / sizeof templates[0] };

/* ---- choosing ---- */

static bool is_for(const rp__chat_template *form, rp_bytes template_text, rp_bytes architecture)
{
    if (template_text.len > 0)
        return memmem(template_text.data, template_text.len, form->marker, strlen(form->marker));
    for (size_t i = 0; i < ARCHITECTURES_MAX && form->architectures[i]; i++) {
        if (rp_bytes_is(architecture, form->architectures[i]))
            return true;
    }
    return false;
}

static const rp__chat_template *choose(rp_bytes template_text, rp_bytes architecture)
{
    for (size_t i = 0; i < TEMPLATE_COUNT; i++) {
        if (is_for(&templates[i], template_text, architecture))
            return &templates[i];
    }
    return NULL;
}

rp_status rp_chat_init(rp_chat *chat, const rp_vocabulary *vocabulary, rp_bytes template_text,
    rp_bytes architecture, rp_error *reterr)
{
    rp_chat made = {.form = choose(template_text, architecture), .bos = RP_TOKEN_NONE};
    if (!made.form)
        return rp_error_set(reterr, RP_UNSUPPORTED, "chat_template",
            "no chat template is known for this model; send a prompt or tokens instead");
    for (size_t i = 0; i < RP_CHAT_CONTROLS_MAX && made.form->controls[i]; i++) {
        const char *piece = made.form->controls[i];
        if (!rp_vocabulary_find(vocabulary, rp_bytes_text(piece), &made.controls[i]))
            return rp_error_set(reterr, RP_INVALID, "chat_template",
                "the %s chat template needs the token %s, which the vocabulary lacks",
                made.form->name, piece);
    }
    if (made.form->bos) {
        made.bos = rp_vocabulary_bos(vocabulary);
        if (made.bos == RP_TOKEN_NONE)
            return rp_error_set(reterr, RP_INVALID, "chat_template",
                "the %s chat template starts with BOS, which the vocabulary does not name",
                made.form->name);
    }
    *chat = made;
    return RP_OK;
}

const char *rp_chat_name(const rp_chat *chat)
{
    return chat->form->name;
}

int32_t rp_chat_end(const rp_chat *chat)
{
    return chat->controls[chat->form->end];
}

/* ---- the prompt ---- */

void rp_chat_prompt_init(rp_chat_prompt *prompt, size_t bytes_max)
{
    *prompt = (rp_chat_prompt){0};
    rp_buffer_init(&prompt->text, bytes_max);
}

void rp_chat_prompt_done(rp_chat_prompt *prompt)
{
    if (!prompt)
        return;
    rp_buffer_done(&prompt->text);
    free(prompt->segments);
    *prompt = (rp_chat_prompt){0};
}

rp_bytes rp_chat_prompt_text(const rp_chat_prompt *prompt, const rp_chat_segment *segment)
{
    return segment->len > 0 ? rp_bytes_of(prompt->text.data + segment->start, segment->len)
                            : rp_bytes_of(NULL, 0);
}

/* Room for what one message adds at most: its parts and its content. */
static rp_status reserve(rp_chat_prompt *prompt, rp_error *reterr)
{
    const size_t wanted = prompt->count + 2 * PARTS_MAX + 2;
    if (wanted <= prompt->capacity)
        return RP_OK;
    const size_t capacity = 2 * wanted;
    rp_chat_segment *segments = realloc(prompt->segments, capacity * sizeof *segments);
    if (!segments)
        return rp_error_set(reterr, RP_NO_MEMORY, "messages", "out of memory for a prompt");
    prompt->segments = segments;
    prompt->capacity = capacity;
    return RP_OK;
}

static void add_token(rp_chat_prompt *prompt, int32_t token)
{
    prompt->segments[prompt->count++] = (rp_chat_segment){token, prompt->text.len, 0};
}

/* Text behind text is one segment: tokens are made across what was joined. */
static void add_text(rp_chat_prompt *prompt, rp_bytes text)
{
    if (text.len == 0)
        return;
    if (prompt->count == 0 || prompt->segments[prompt->count - 1].token != RP_TOKEN_NONE)
        add_token(prompt, RP_TOKEN_NONE);
    prompt->segments[prompt->count - 1].len += text.len;
    rp_buffer_append(&prompt->text, text.data, text.len);
}

static void add_parts(const rp_chat *chat, const part *parts, role who, rp_chat_prompt *prompt)
{
    for (const part *p = parts; p->kind != PART_NONE; p++) {
        if (p->kind == PART_CONTROL)
            add_token(prompt, chat->controls[p->control]);
        else if (p->kind == PART_ROLE)
            add_text(prompt, rp_bytes_text(chat->form->roles[who]));
        else
            add_text(prompt, rp_bytes_text(p->text));
    }
}

/* ---- white space ---- */

/* Python's str.strip, which is what Jinja's trim is: separators and what Unicode's bidirectional
 * algorithm calls white space, segment and paragraph separators. */
static bool is_space(rp_bytes character)
{
    utf8proc_int32_t code;
    if (utf8proc_iterate(character.data, (utf8proc_ssize_t)character.len, &code) < 0)
        return false;
    const utf8proc_property_t *property = utf8proc_get_property(code);
    return property->category == UTF8PROC_CATEGORY_ZS ||
           property->bidi_class == UTF8PROC_BIDI_CLASS_WS ||
           property->bidi_class == UTF8PROC_BIDI_CLASS_B ||
           property->bidi_class == UTF8PROC_BIDI_CLASS_S;
}

static rp_bytes trim(rp_bytes text)
{
    size_t len;
    while (text.len > 0 && rp_utf8_next(text, &len) == RP_UTF8_WHOLE &&
           is_space(rp_bytes_of(text.data, len)))
        text = rp_bytes_of(text.data + len, text.len - len);
    for (;;) {
        size_t back = 1;
        while (back < text.len && back < RP_UTF8_CHARACTER_MAX &&
               (text.data[text.len - back] & 0xC0) == 0x80)
            back++;
        if (text.len == 0)
            return text;
        rp_bytes last = rp_bytes_of(text.data + (text.len - back), back);
        if (rp_utf8_length(last.data, last.len) != back || !is_space(last))
            return text;
        text.len -= back;
    }
}

/* ---- rendering ---- */

/* Fails with `messages[index].member` as the field. */
static rp_status refuse(size_t index, const char *member, const char *message, rp_error *reterr)
{
    char field[RP_ERROR_FIELD_MAX];
    snprintf(field, sizeof field, "messages[%zu].%s", index, member);
    return rp_error_set(reterr, RP_INVALID, field, "%s: %s", field, message);
}

static role role_of(rp_bytes name)
{
    role who = ROLE_SYSTEM;
    while (who < ROLE_COUNT && !rp_bytes_is(name, role_names[who]))
        who++;
    return who;
}

/* Checks who may speak at `index`, where `turn` counts the messages without the system's. */
static rp_status check_role(
    const rp__chat_template *form, role who, size_t index, size_t turn, rp_error *reterr)
{
    if (who == ROLE_COUNT)
        return refuse(index, "role", "unknown; expected system, user or assistant", reterr);
    if (who == ROLE_SYSTEM)
        return index == 0 ? RP_OK
                          : refuse(index, "role", "a system message may come first only", reterr);
    if (form->alternates && (who == ROLE_USER) != (turn % 2 == 0))
        return refuse(index, "role",
            turn == 0 ? "the first message but the system's must be the user's"
                      : "user and assistant must take turns, the user first",
            reterr);
    return RP_OK;
}

static rp_status check_messages(
    const rp__chat_template *form, const rp_chat_message *messages, size_t count, rp_error *reterr)
{
    if (count == 0)
        return rp_error_set(
            reterr, RP_INVALID, "messages", "there are no messages; expected at least one");
    if (count > RP_CHAT_MESSAGES_MAX)
        return rp_error_limit(reterr, "messages", "4096 messages", "%zu messages, at most %d",
            count, RP_CHAT_MESSAGES_MAX);
    const size_t first = role_of(messages[0].role) == ROLE_SYSTEM;
    for (size_t i = 0; i < count; i++) {
        rp_status status = check_role(form, role_of(messages[i].role), i, i - first, reterr);
        if (status != RP_OK)
            return status;
    }
    if (first == count)
        return rp_error_set(reterr, RP_INVALID, "messages",
            "there is a system message alone; expected the user's behind it");
    return RP_OK;
}

/* Adds a message. `system` is the content that goes before it, NULL where there is none. */
static void add_message(const rp_chat *chat, const rp_chat_message *message,
    const rp_chat_message *system, rp_chat_prompt *prompt)
{
    const rp__chat_template *form = chat->form;
    const role who = role_of(message->role);
    add_parts(chat, form->before, who, prompt);
    if (system) {
        add_text(prompt, system->content);
        add_text(prompt, rp_bytes_text(form->system_glue));
    }
    add_text(prompt, form->trims ? trim(message->content) : message->content);
    add_parts(chat, form->after, who, prompt);
}

rp_status rp_chat_render(const rp_chat *chat, const rp_chat_message *messages, size_t count,
    rp_chat_prompt *prompt, rp_error *reterr)
{
    const rp__chat_template *form = chat->form;
    rp_status status = check_messages(form, messages, count, reterr);
    if (status != RP_OK)
        return status;
    rp_buffer_clear(&prompt->text);
    prompt->count = 0;
    const rp_chat_message *system = NULL;
    size_t first = 0;
    if (form->system_glue && role_of(messages[0].role) == ROLE_SYSTEM)
        system = &messages[first++];
    status = reserve(prompt, reterr);
    if (status == RP_OK && chat->bos != RP_TOKEN_NONE)
        add_token(prompt, chat->bos);
    for (size_t i = first; i < count && status == RP_OK; i++) {
        add_message(chat, &messages[i], i == first ? system : NULL, prompt);
        status = reserve(prompt, reterr);
    }
    if (status != RP_OK)
        return status;
    add_parts(chat, form->before, ROLE_ASSISTANT, prompt);
    if (prompt->text.truncated) {
        char limit[RP_ERROR_LIMIT_MAX];
        snprintf(limit, sizeof limit, "%zu bytes", prompt->text.bytes_max);
        return rp_error_limit(reterr, "messages", limit,
            "the messages make a prompt of more than %zu bytes", prompt->text.bytes_max);
    }
    return RP_OK;
}
