#include "actors/cli/up/process/child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATUS_USAGE = 2, STATUS_NOT_STARTED = 127, TAIL_BYTES = 2048, TAIL_LINES = 8 };

const char rp_child_instance[] = "instance";

void rp_child_init(rp_child *child, const rp_child_spec *spec)
{
    *child = (rp_child){.spec = *spec, .restarts = RP_RESTARTS};
    snprintf(child->name, sizeof child->name, "%s", spec->name);
    uv_timer_init(spec->loop, &child->timer);
    child->timer.data = child->process.data = child;
}

static void tell(rp_child *child, rp_child_event event, const char *text)
{
    child->spec.on_event(child->spec.arg, child, event, text);
}

/* -- starting ---------------------------------------------------------------------------------- */

static int log_open(const char *path)
{
    struct stat info;
    char old[4096];
    if (stat(path, &info) == 0 && info.st_size > RP_CHILD_LOG_BYTES_MAX &&
        (size_t)snprintf(old, sizeof old, "%s.1", path) < sizeof old)
        rename(path, old);
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static rp_status new_instance(rp_child *child, rp_error *reterr)
{
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        return rp_error_set(reterr, RP_IO, child->name, "the system gives no random number");
    snprintf(child->instance, sizeof child->instance, "%s-%08" PRIx32, child->name, random);
    return RP_OK;
}

/* libuv wants pointers to what it does not change. */
static char *writable(const char *text)
{
    return (char *)(uintptr_t)text;
}

/* reprise _child SIGNAL PARENT PROGRAM ARGUMENTS... */
static void fill_arguments(rp_child *child, char numbers[2][16], char **argv)
{
    size_t n = 0;
    snprintf(numbers[0], 16, "%d", child->spec.death_signal);
    snprintf(numbers[1], 16, "%ld", (long)getpid());
    argv[n++] = writable(child->spec.self);
    argv[n++] = writable("_child");
    argv[n++] = numbers[0];
    argv[n++] = numbers[1];
    argv[n++] = writable(child->spec.program);
    for (const char *const *a = child->spec.arguments; *a; a++) {
        RP_ASSERT(n < RP_CHILD_ARGUMENTS_MAX);
        argv[n++] = *a == rp_child_instance ? child->instance : writable(*a);
    }
    argv[n] = NULL;
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal);
static void on_failed_closed(uv_handle_t *handle);

rp_status rp_child_start(rp_child *child, rp_error *reterr)
{
    char numbers[2][16], *argv[RP_CHILD_ARGUMENTS_MAX + 1];
    int log = child->spec.log ? log_open(child->spec.log) : -1;
    rp_status status = new_instance(child, reterr);
    if (status == RP_OK && child->spec.log && log < 0)
        status = rp_error_set(reterr, RP_IO, child->name, "cannot open the log %.200s: %s",
            child->spec.log, strerror(errno));
    if (status == RP_OK) {
        uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE},
            {.flags = UV_INHERIT_FD, .data.fd = log < 0 ? STDOUT_FILENO : log},
            {.flags = UV_INHERIT_FD, .data.fd = log < 0 ? STDERR_FILENO : log}};
        uv_process_options_t options = {.file = child->spec.self,
            .args = argv,
            .env = (char **)(uintptr_t)child->spec.environment,
            .flags = UV_PROCESS_DETACHED,
            .stdio_count = 3,
            .stdio = stdio,
            .exit_cb = on_exit_of};
        fill_arguments(child, numbers, argv);
        int failed = uv_spawn(child->spec.loop, &child->process, &options);
        child->running = true;
        child->pid = failed ? 0 : child->process.pid;
        child->started_ns = rp_clock_monotonic_ns(child->spec.clock);
        rp_restarts_began(&child->restarts, child->started_ns);
        if (failed) { /* the handle is open all the same */
            uv_close((uv_handle_t *)&child->process, on_failed_closed);
            status = rp_error_set(reterr, RP_IO, child->name, "cannot start %.200s: %s",
                child->spec.program, uv_strerror(failed));
        }
    }
    if (log >= 0)
        close(log);
    child->given_up = status != RP_OK;
    if (status == RP_OK)
        tell(child, RP_CHILD_STARTED, "started");
    return status;
}

/* -- its end ----------------------------------------------------------------------------------- */

static void end_text(const rp_child *child, char *text, size_t bytes)
{
    if (child->exit_status > 128)
        snprintf(text, bytes, "was ended by signal %d", child->exit_status - 128);
    else
        snprintf(text, bytes, "ended with status %d", child->exit_status);
}

static void give_up(rp_child *child, const char *text)
{
    child->given_up = true;
    tell(child, RP_CHILD_FAILED, text);
}

static void on_restart(uv_timer_t *timer)
{
    rp_child *child = timer->data;
    rp_error error = {0};
    if (rp_child_start(child, &error) != RP_OK)
        give_up(child, error.message);
}

static void plan_restart(rp_child *child)
{
    char why[64], text[160];
    uint64_t wait_ns = 0;
    rp_restarts *restarts = &child->restarts;
    end_text(child, why, sizeof why);
    if (child->exit_status == STATUS_USAGE || child->exit_status == STATUS_NOT_STARTED) {
        give_up(child, why);
    } else if (!rp_restarts_again(restarts, rp_clock_monotonic_ns(child->spec.clock), &wait_ns)) {
        snprintf(
            text, sizeof text, "%s, and was started again %u times before", why, restarts->count);
        give_up(child, text);
    } else {
        uv_timer_start(&child->timer, on_restart, wait_ns / RP_NS_PER_MS, 0);
        snprintf(text, sizeof text, "%s; starting it again in %.1f s (%u of %u)", why,
            (double)wait_ns / 1e9, restarts->count, restarts->max);
        tell(child, RP_CHILD_RESTARTS, text);
    }
}

static void stopped(rp_child *child)
{
    char text[64];
    uv_timer_stop(&child->timer);
    child->stopped = true;
    end_text(child, text, sizeof text);
    tell(child, RP_CHILD_STOPPED, text);
}

static void on_process_closed(uv_handle_t *handle)
{
    rp_child *child = handle->data;
    child->running = false;
    if (child->stopping || !child->spec.restarts)
        stopped(child);
    else
        plan_restart(child);
}

static void on_failed_closed(uv_handle_t *handle)
{
    rp_child *child = handle->data;
    child->running = false;
    if (child->stopping)
        stopped(child);
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal)
{
    rp_child *child = process->data;
    child->exit_status = signal ? 128 + signal : (int)status;
    uv_close((uv_handle_t *)process, on_process_closed);
}

/* -- stopping ---------------------------------------------------------------------------------- */

static void on_grace_over(uv_timer_t *timer)
{
    rp_child_kill(timer->data);
}

void rp_child_stop(rp_child *child)
{
    if (child->stopping)
        return;
    child->stopping = true;
    if (!child->running) {
        stopped(child);
        return;
    }
    rp_child_signal(child, SIGTERM);
    uv_timer_start(&child->timer, on_grace_over, child->spec.grace_ns / RP_NS_PER_MS, 0);
}

void rp_child_kill(rp_child *child)
{
    rp_child_signal(child, SIGKILL);
}

void rp_child_signal(rp_child *child, int signal)
{
    if (child->running && child->pid > 0 && !uv_is_closing((uv_handle_t *)&child->process))
        uv_process_kill(&child->process, signal);
}

static void on_timer_closed(uv_handle_t *handle)
{
    rp_child *child = handle->data;
    if (child->closed)
        child->closed(child);
}

void rp_child_close(rp_child *child, void (*closed)(rp_child *child))
{
    child->closed = closed;
    uv_close((uv_handle_t *)&child->timer, on_timer_closed);
}

/* -- its log ----------------------------------------------------------------------------------- */

void rp_child_log_tail(const rp_child *child, rp_buffer *out)
{
    char text[TAIL_BYTES + 1];
    FILE *file = child->spec.log ? fopen(child->spec.log, "re") : NULL;
    if (!file)
        return;
    if (fseek(file, -TAIL_BYTES, SEEK_END) != 0)
        rewind(file);
    size_t len = fread(text, 1, TAIL_BYTES, file), lines = 0, start = len;
    fclose(file);
    text[len] = '\0';
    for (; start > 0; start--) {
        if (text[start - 1] == '\n' && start < len && ++lines == TAIL_LINES)
            break;
    }
    for (char *rest = text + start, *line; (line = strsep(&rest, "\n"));) {
        if (*line)
            rp_buffer_printf(out, "    %s\n", line);
    }
}
