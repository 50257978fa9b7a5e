#include "runtime/actor/process/process.h"

#include "runtime/actor/process/host_uv.h"
#include "runtime/actor/process/options.h"
#include "runtime/base/hash.h"
#include "runtime/base/name.h"
#include "runtime/base/restarts.h"
#include "runtime/bus/jetstream/jetstream.h"
#include "runtime/observe/admin.h"
#include "runtime/observe/log_metrics.h"
#include "runtime/observe/process_metrics.h"
#include "runtime/store/claims/claims.h"
#include "runtime/topology/topology.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    NAME_BYTES = 96,
    HOST_BYTES = 64,
    HELP_BYTES_MAX = 32 << 10,
    JOBS_OF_A_SLOT = 2,
    BEAT_MS = 500
};

typedef struct rp_process {
    const rp_actor_spec *spec;
    rp_restarts *restarts;
    uint64_t restarted; /* lives of the actor before this one */
    rp_process_settings common;
    char name[NAME_BYTES];     /* of the instance */
    char instance[NAME_BYTES]; /* the same and a random part: unique over all time */
    char host_name[HOST_BYTES];
    char admin_text[HOST_BYTES];
    rp_log *root_log, *log;
    rp_metrics *metrics;
    rp_process_metrics process_metrics;
    rp_log_metrics log_metrics;
    rp_admin *admin;
    rp_topology *topology;
    uint32_t cpus[RP_TOPOLOGY_CPUS_MAX]; /* one a compute thread, where they are pinned */
    uv_loop_t loop;
    bool loop_made;
    rp_host *host;
    rp_bus *bus;
    rp_actor *actor;
    rp_timer *beat;
    uv_signal_t terminate, interrupt;
    bool signals_made;
    bool draining;
    bool failed, again; /* the actor gave up; it is started anew in `again_ns` */
    uint64_t again_ns;
} rp_process;

#ifndef RP_BUILD
#error "the build names itself: -DRP_BUILD=\"...\""
#endif

/* -- what the process stands on ---------------------------------------------------------------- */

static rp_status name_instance(rp_process *process, rp_error *reterr)
{
    uint8_t random[4] = {0};
    const char *given = process->common.instance;
    if (uv_random(NULL, NULL, random, sizeof random, 0, NULL) != 0)
        return rp_error_set(reterr, RP_IO, NULL, "the system gives no random numbers");
    unsigned drawn = (unsigned)random[0] << 24 | (unsigned)random[1] << 16 |
                     (unsigned)random[2] << 8 | random[3];
    if (gethostname(process->host_name, sizeof process->host_name - 1) != 0)
        snprintf(process->host_name, sizeof process->host_name, "host");
    char short_name[24];
    size_t n = strcspn(process->host_name, ".");
    snprintf(short_name, sizeof short_name, "%.*s", (int)(n < 20 ? n : 20), process->host_name);
    if (given)
        n = (size_t)snprintf(process->name, sizeof process->name, "%s", given);
    else
        n = (size_t)snprintf(process->name, sizeof process->name, "%s-%08x", short_name, drawn);
    for (const char *c = process->name; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                     (*c >= '0' && *c <= '9') || *c == '-' || *c == '_';
        if (!plain || n == 0 || n >= 64)
            return rp_error_set(reterr, RP_INVALID, "instance",
                "--instance takes 1 to 63 of A-Z a-z 0-9 _ -, not \"%.64s\"", process->name);
    }
    snprintf(process->instance, sizeof process->instance, "%.64s.%08x", process->name, drawn);
    return RP_OK;
}

static rp_status start_metrics(rp_process *process, rp_error *reterr)
{
    const rp_metric_label labels[] = {{"kind", process->spec->kind}, {"instance", process->name}};
    const rp_metric_label build[] = {{"build", RP_BUILD}};
    rp_counter *restarts;
    rp_status status = rp_metrics_new(labels, 2, &process->metrics, reterr);
    if (status == RP_OK)
        status = rp_process_metrics_init(
            &process->process_metrics, process->metrics, rp_clock_system(), reterr);
    if (status == RP_OK)
        status = rp_log_metrics_init(&process->log_metrics, process->metrics, process->log, reterr);
    if (status == RP_OK)
        status = rp_metrics_info(
            process->metrics, "reprise_build_info", "What runs here.", build, 1, reterr);
    if (status == RP_OK)
        status = rp_metrics_counter(process->metrics, "reprise_restarts_total",
            "Times that the actor gave up and was started again.", &restarts, reterr);
    if (status == RP_OK)
        rp_counter_raise(restarts, process->restarted);
    return status;
}

static rp_status start_observing(rp_process *process, rp_error *reterr)
{
    const rp_process_settings *c = &process->common;
    rp_log_options options = {
        .clock = rp_clock_system(), .fd = STDERR_FILENO, .environment = rp_environment_system};
    rp_status status = rp_log_level_parse(c->log_level, &options.level, reterr);
    if (status == RP_OK)
        status = rp_log_format_parse(c->log_format, &options.format, reterr);
    if (status == RP_OK)
        status = rp_log_new(&options, &process->root_log, reterr);
    if (status == RP_OK)
        status = rp_log_child(process->root_log, &process->log,
            rp_log_text("kind", process->spec->kind), rp_log_text("instance", process->name));
    if (status == RP_OK)
        status = start_metrics(process, reterr);
    if (status != RP_OK)
        return status;
    rp_admin_options admin = {.address = c->admin_address,
        .port = (uint16_t)c->admin_port,
        .clock = rp_clock_system(),
        .metrics = process->metrics,
        .name = process->name};
    status = rp_admin_new(&admin, &process->admin, reterr);
    if (status == RP_OK)
        snprintf(process->admin_text, sizeof process->admin_text, "%.40s:%u", c->admin_address,
            (unsigned)rp_admin_port(process->admin));
    return status;
}

static void on_thread_start(void *arg, size_t thread)
{
    rp_process *process = arg;
    rp_error error = {0};
    if (process->common.pin &&
        rp_topology_bind(process->topology, &process->cpus[thread], 1, &error) != RP_OK)
        rp_log_warn(process->log, "thread_not_bound", rp_log_failure(&error));
    if (process->spec->thread_start)
        process->spec->thread_start(thread);
}

/* Two processes on one machine would choose the same cores, so threads are bound only where asked
 * for; how many there are follows from the machine in any case. */
static rp_status plan_threads(rp_process *process, rp_error *reterr)
{
    rp_process_settings *c = &process->common;
    rp_status status = rp_topology_new(&process->topology, reterr);
    if (status != RP_OK)
        return status;
    if (c->threads == 0)
        c->threads = rp_topology_threads(process->topology);
    if (!c->pin)
        return RP_OK;
    return rp_topology_plan(process->topology, c->threads, process->cpus, reterr);
}

static rp_status start_host(rp_process *process, rp_error *reterr)
{
    const rp_process_settings *c = &process->common;
    rp_status status = plan_threads(process, reterr);
    if (status != RP_OK)
        return status;
    if (uv_loop_init(&process->loop) != 0)
        return rp_error_set(reterr, RP_IO, NULL, "the system gives no event loop");
    process->loop_made = true;
    size_t threads = process->spec->one_job ? 1 : c->threads;
    rp_host_uv_spec spec = {.loop = &process->loop,
        .clock = rp_clock_system(),
        .threads = threads,
        .jobs_max = c->slots * JOBS_OF_A_SLOT + threads,
        .thread_start = on_thread_start,
        .arg = process};
    status = rp_host_uv_new(&spec, &process->host);
    return status == RP_OK ? RP_OK
                           : rp_error_set(reterr, status, "threads",
                                 "%" PRIu64 " compute threads cannot be started", c->threads);
}

static rp_status start_bus(rp_process *process, rp_error *reterr)
{
    rp_jetstream_spec spec = {.loop = &process->loop,
        .endpoint = &process->common.endpoint,
        .clock = rp_clock_system(),
        .log = process->log,
        .metrics = process->metrics,
        .name = process->instance,
        .seed = rp_hash_fnv1a32(rp_bytes_text(process->instance)),
        .limits = RP_JETSTREAM_LIMITS};
    spec.limits.outbox_messages_max = process->common.outbox_messages_max;
    spec.limits.outbox_bytes_max = process->common.outbox_bytes_max;
    rp_status status = rp_jetstream_new(&spec, &process->bus, reterr);
    if (status != RP_OK)
        return status;
    rp_claims_spec claims = {.inner = process->bus,
        .host = process->host,
        .instance = process->instance,
        .metrics = process->metrics};
    return rp_claims_new(&claims, &process->bus, reterr);
}

/* -- what the actor tells ---------------------------------------------------------------------- */

static void on_ready(void *arg, const char *why)
{
    rp_process *process = arg;
    if (why)
        rp_admin_set_unready(process->admin, why);
    else
        rp_admin_set_ready(process->admin);
}

static void on_drained(void *arg, bool failed)
{
    rp_process *process = arg;
    process->failed = failed;
    process->again = failed && !process->draining &&
                     rp_restarts_again(process->restarts, rp_clock_monotonic_ns(rp_clock_system()),
                         &process->again_ns);
    if (process->again)
        rp_log_warn(process->log, "restarting", rp_log_duration("in", process->again_ns),
            rp_log_count("restart", process->restarts->count),
            rp_log_count("of", process->restarts->max));
    else if (failed)
        rp_log_error(process->log, "given_up", rp_log_count("restarts", process->restarts->count));
    uv_stop(&process->loop);
}

static void on_beat(void *arg)
{
    rp_process *process = arg;
    rp_admin_beat(process->admin);
}

/* -- the end ----------------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *handle, int number)
{
    rp_process *process = handle->data;
    if (process->draining) {
        rp_log_warn(process->log, "ended_at_once", rp_log_number("signal", number));
        uv_stop(&process->loop);
        return;
    }
    rp_log_info(process->log, "draining", rp_log_number("signal", number),
        rp_log_count("held", rp_actor_busy(process->actor)));
    process->draining = true;
    rp_actor_drain(process->actor, process->common.drain_ns);
}

static void start_signals(rp_process *process)
{
    uv_signal_init(&process->loop, &process->terminate);
    uv_signal_init(&process->loop, &process->interrupt);
    process->terminate.data = process->interrupt.data = process;
    uv_signal_start(&process->terminate, on_signal, SIGTERM);
    uv_signal_start(&process->interrupt, on_signal, SIGINT);
    process->signals_made = true;
}

static void stop(rp_process *process)
{
    rp_host_stop(process->host);
    rp_admin_free(process->admin); /* its thread reads what the actor counts */
    rp_actor_free(process->actor);
    rp_timer_free(process->beat);
    rp_bus_free(process->bus); /* it has timers of the host's */
    rp_host_free(process->host);
    if (process->signals_made) {
        uv_close((uv_handle_t *)&process->terminate, NULL);
        uv_close((uv_handle_t *)&process->interrupt, NULL);
    }
    if (process->loop_made) {
        uv_run(&process->loop, UV_RUN_DEFAULT); /* until the last handle has closed */
        uv_loop_close(&process->loop);
    }
    rp_topology_free(process->topology);
    rp_metrics_free(process->metrics);
    rp_log_free(process->log);
    rp_log_free(process->root_log);
}

/* -- the start --------------------------------------------------------------------------------- */

static rp_status start_actor(rp_process *process, const void *settings, rp_error *reterr)
{
    rp_actor_env env = {.worker = {.bus = process->bus,
                            .host = process->host,
                            .log = process->log,
                            .metrics = process->metrics,
                            .instance = process->instance,
                            .build = RP_BUILD,
                            .slots = process->common.slots,
                            .tries_max = process->common.tries_max},
        .name = process->name,
        .host_name = process->host_name,
        .admin = process->admin_text,
        .pid = (uint32_t)getpid(),
        .threads = process->common.threads,
        .fold = {.partitions = (uint32_t)process->common.partitions,
            .partition = process->common.partition_run,
            .snapshot_every = process->common.snapshot_every},
        .ready = on_ready,
        .drained = on_drained,
        .arg = process};
    return rp_actor_new(process->spec, &env, settings, &process->actor, reterr);
}

static rp_status start(rp_process *process, const void *settings, rp_error *reterr)
{
    rp_status status = name_instance(process, reterr);
    if (status == RP_OK)
        status = start_observing(process, reterr);
    if (status == RP_OK)
        status = start_host(process, reterr);
    if (status == RP_OK)
        status = start_bus(process, reterr);
    if (status == RP_OK)
        status = start_actor(process, settings, reterr);
    if (status == RP_OK)
        status = rp_timer_new(process->host, on_beat, process, &process->beat);
    if (status != RP_OK)
        return status;
    start_signals(process);
    rp_timer_set(process->beat, BEAT_MS * RP_NS_PER_MS, BEAT_MS * RP_NS_PER_MS);
    return RP_OK;
}

/* One life of the actor, with everything around it made anew. */
static int run(rp_process *process, const void *settings)
{
    rp_error error = {0};
    rp_restarts_began(process->restarts, rp_clock_monotonic_ns(rp_clock_system()));
    rp_status status = start(process, settings, &error);
    if (status != RP_OK) {
        if (process->log)
            rp_log_error(process->log, "not_started", rp_log_failure(&error));
        else
            fprintf(stderr, "reprise-%s: %s\n", process->spec->kind, error.message);
    } else {
        rp_buffer cores;
        rp_buffer_init(&cores, 512);
        rp_topology_describe(process->topology, &cores);
        rp_log_info(process->log, "started", rp_log_text("build", RP_BUILD),
            rp_log_text("admin", process->admin_text),
            rp_log_count("threads", process->common.threads),
            rp_log_bytes("machine", rp_buffer_bytes(&cores)));
        rp_buffer_done(&cores);
        uv_run(&process->loop, UV_RUN_DEFAULT);
    }
    stop(process);
    return status == RP_OK && !process->failed ? 0 : 1;
}

static void on_awake(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

static void on_told_to_end(uv_signal_t *handle, int number)
{
    (void)number;
    *(bool *)handle->data = true;
    uv_stop(handle->loop);
}

/* False where a signal said to end meanwhile. */
static bool wait_out(uint64_t delay_ns)
{
    uv_loop_t loop;
    uv_timer_t timer;
    uv_signal_t signals[2];
    bool told = false;
    if (uv_loop_init(&loop) != 0)
        return false;
    uv_timer_init(&loop, &timer);
    uv_timer_start(&timer, on_awake, delay_ns / RP_NS_PER_MS, 0);
    for (int i = 0; i < 2; i++) {
        uv_signal_init(&loop, &signals[i]);
        signals[i].data = &told;
        uv_signal_start(&signals[i], on_told_to_end, i ? SIGINT : SIGTERM);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_close((uv_handle_t *)&signals[0], NULL);
    uv_close((uv_handle_t *)&signals[1], NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return !told;
}

/* An actor that gave up is started anew, with longer and longer pauses; after too many times in a
 * row the process ends, and whoever supervises that decides. */
static int supervise(
    const rp_actor_spec *spec, const rp_process_options *settings, rp_error *reterr)
{
    rp_restarts restarts = RP_RESTARTS;
    uint64_t restarted = 0;
    restarts.max = (unsigned)settings->common.restarts_max;
    signal(SIGPIPE, SIG_IGN);
    while (true) {
        rp_process *process = calloc(1, sizeof *process);
        if (!process) {
            rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
            return 1;
        }
        process->spec = spec;
        process->common = settings->common;
        process->restarts = &restarts;
        process->restarted = restarted++;
        int code = run(process, settings->own);
        bool again = process->again;
        uint64_t delay_ns = process->again_ns;
        free(process);
        if (!again || !wait_out(delay_ns))
            return code;
    }
}

static void print_help(const rp_actor_spec *spec)
{
    rp_buffer out;
    rp_buffer_init(&out, HELP_BYTES_MAX);
    rp_process_options_help(spec, &out);
    fputs(rp_buffer_string(&out), stdout);
    rp_buffer_done(&out);
}

int rp_process_main(const rp_actor_spec *spec, int argc, char **argv)
{
    rp_error error = {0};
    int code = 0;
    rp_process_options *settings = rp_process_options_new(spec);
    if (!settings) {
        fprintf(stderr, "reprise-%s: out of memory\n", spec->kind);
        code = 1;
    } else if (rp_process_options_parse(settings, argc, argv, &error) != RP_OK) {
        fprintf(stderr, "reprise-%s: %s\n", spec->kind, error.message);
        code = 2;
    } else if (settings->common.help) {
        print_help(spec);
    } else if (settings->common.version) {
        printf("reprise-%s %s\n", spec->kind, RP_BUILD);
    } else {
        code = supervise(spec, settings, &error);
        if (error.status != RP_OK)
            fprintf(stderr, "reprise-%s: %s\n", spec->kind, error.message);
    }
    rp_process_options_free(settings);
    return code;
}
