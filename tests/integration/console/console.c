#include "tests/integration/console/console.h"

#include <string.h>
#include <unistd.h>

#include "runtime/base/decimal.h"

uint64_t console_number(const char *word)
{
    uint64_t number = 0;
    return word && rp_decimal_parse(rp_bytes_text(word), &number) == RP_OK ? number : 0;
}

static void take_line(console *c)
{
    char *words[CONSOLE_WORDS_MAX] = {0}, *rest = c->line;
    size_t count = 0;
    while (count < CONSOLE_WORDS_MAX) {
        char *word = strsep(&rest, " ");
        if (!word)
            break;
        words[count++] = word;
    }
    if (*words[0])
        c->obey(c->arg, words, count);
}

static void take_byte(console *c, char byte)
{
    if (byte != '\n') {
        RP_ASSERT(c->line_len + 1 < sizeof c->line);
        c->line[c->line_len++] = byte;
        return;
    }
    c->line[c->line_len] = '\0';
    c->line_len = 0;
    take_line(c);
}

static void give_buffer(uv_handle_t *input, size_t bytes, uv_buf_t *buffer)
{
    console *c = input->data;
    (void)bytes;
    *buffer = uv_buf_init(c->read, sizeof c->read);
}

static void on_input(uv_stream_t *input, ssize_t bytes, const uv_buf_t *buffer)
{
    console *c = input->data;
    for (ssize_t i = 0; i < bytes; i++)
        take_byte(c, buffer->base[i]);
    if (bytes >= 0)
        return;
    if (c->end)
        c->end(c->arg);
    rp_bus_free(c->bus);
    uv_close((uv_handle_t *)input, NULL);
}

rp_status console_open(console *c, const char *server, const char *name, rp_error *reterr)
{
    uv_loop_init(&c->loop);
    uv_pipe_init(&c->loop, &c->input, 0);
    c->input.data = c;
    if (uv_pipe_open(&c->input, STDIN_FILENO) != 0)
        return rp_error_set(reterr, RP_UNAVAILABLE, NULL, "standard input cannot be read");
    rp_log_options options = {.clock = rp_clock_system(), .fd = STDERR_FILENO};
    rp_status status = rp_log_new(&options, &c->log, reterr);
    if (status == RP_OK)
        status = rp_metrics_new(NULL, 0, &c->metrics, reterr);
    if (status != RP_OK)
        return status;
    c->endpoint = (rp_endpoint){.server = server};
    rp_jetstream_spec spec = {.loop = &c->loop,
        .endpoint = &c->endpoint,
        .clock = rp_clock_system(),
        .log = c->log,
        .metrics = c->metrics,
        .name = name,
        .limits = RP_JETSTREAM_LIMITS};
    return rp_jetstream_new(&spec, &c->bus, reterr);
}

void console_run(console *c, void (*obey)(void *arg, char **words, size_t count),
    void (*end)(void *arg), void *arg)
{
    c->obey = obey;
    c->end = end;
    c->arg = arg;
    uv_read_start((uv_stream_t *)&c->input, give_buffer, on_input);
    uv_run(&c->loop, UV_RUN_DEFAULT);
    uv_loop_close(&c->loop);
    rp_metrics_free(c->metrics);
    rp_log_free(c->log);
}
