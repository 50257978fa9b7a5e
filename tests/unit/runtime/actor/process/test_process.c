/* The process around an actor, in a child process of the test's and without a server. */
#include "runtime/actor/process/process.h"

#include "runtime/actor/process/options.h"
#include "runtime/base/restarts.h"
#include "runtime/bus/jetstream/jetstream.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIVES_MAX = 8 };

static int told[2];    /* a pipe: one byte a life */
static int lives_left; /* that fail, in the child */

static rp_status start(rp_actor *actor, const void *settings, void **ret_state, rp_error *reterr)
{
    (void)settings;
    (void)reterr;
    *ret_state = actor;
    return write(told[1], "x", 1) == 1 ? RP_OK : RP_IO;
}

static rp_status no_mailboxes(void *state, rp_worker *worker, rp_error *reterr)
{
    (void)state;
    (void)worker;
    (void)reterr;
    return RP_OK;
}

static rp_status opened(void *state, rp_worker *worker, rp_error *reterr)
{
    (void)worker;
    (void)reterr;
    if (lives_left-- > 0)
        rp_actor_fail(state, "the test says so");
    return RP_OK;
}

static void handle(rp_context *context, void *state)
{
    (void)state;
    rp_context_done(context);
}

static const rp_actor_spec actor = {.kind = "test",
    .summary = "fails",
    .slots_default = "1",
    .threads_default = "1",
    .worker = {.handle = handle, .arena_bytes_max = 1 << 20},
    .start = start,
    .mailboxes = no_mailboxes,
    .opened = opened};

/* The child's pid; it fails so many times, and is started again `restarts` times at most.
 * `port` is its admin endpoint's; 0 = any. */
static pid_t spawn_at(int failing, char *restarts, unsigned port)
{
    char port_text[12];
    char *argv[] = {"reprise-test", "--server", "nats://127.0.0.1:9", "--log-level", "off",
        "--restarts", restarts, "--admin-port", port_text, NULL};
    snprintf(port_text, sizeof port_text, "%u", port);
    cr_assert_eq(pipe(told), 0);
    lives_left = failing;
    pid_t child = fork();
    cr_assert_neq(child, -1);
    if (child == 0)
        _exit(rp_process_main(&actor, 9, argv));
    close(told[1]);
    return child;
}

static pid_t spawn(int failing, char *restarts)
{
    return spawn_at(failing, restarts, 0);
}

static void wait_for_life(void)
{
    char byte;
    cr_assert_eq(read(told[0], &byte, 1), 1);
}

static int ended(pid_t child)
{
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

Test(process, an_actor_that_fails_is_started_anew, .timeout = 20)
{
    pid_t child = spawn(2, "5");
    wait_for_life();
    wait_for_life();
    wait_for_life();
    usleep(200000); /* its loop runs, and takes the signal as a drain */
    kill(child, SIGTERM);
    cr_expect_eq(ended(child), 0);
}

static int local_socket(unsigned port, struct sockaddr_in *ret_address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_geq(fd, 0);
    *ret_address = (struct sockaddr_in){.sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)port)};
    return fd;
}

/* One that nobody listens on now. */
static unsigned free_port(void)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    int fd = local_socket(0, &address);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    return ntohs(address.sin_port);
}

/* What /metrics says, with its headers. */
static void get_metrics(unsigned port, rp_buffer *out)
{
    static const char question[] =
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    char piece[4096];
    ssize_t n;
    struct sockaddr_in address;
    int fd = local_socket(port, &address);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(write(fd, question, sizeof question - 1), (ssize_t)sizeof question - 1);
    while ((n = read(fd, piece, sizeof piece)) > 0)
        rp_buffer_append(out, piece, (size_t)n);
    close(fd);
}

Test(process, restarts_are_counted, .timeout = 20)
{
    unsigned port = free_port();
    pid_t child = spawn_at(2, "5", port);
    wait_for_life();
    wait_for_life();
    wait_for_life();
    usleep(200000);
    rp_buffer metrics;
    rp_buffer_init(&metrics, 1 << 20);
    get_metrics(port, &metrics);
    const char *line = strstr(rp_buffer_string(&metrics), "\nreprise_restarts_total{");
    cr_assert_not_null(line, "%s", rp_buffer_string(&metrics));
    cr_expect_eq(strtod(strchr(line, '}') + 1, NULL), 2);
    rp_buffer_done(&metrics);
    kill(child, SIGTERM);
    cr_expect_eq(ended(child), 0);
}

Test(process, a_signal_ends_the_pause_before_the_next_life, .timeout = 20)
{
    pid_t child = spawn(LIVES_MAX, "5");
    wait_for_life();
    wait_for_life();
    wait_for_life(); /* the pause is now 2 s */
    usleep(500000);
    kill(child, SIGTERM);
    cr_expect_eq(ended(child), 1);
}

Test(process, ends_after_as_many_restarts_as_were_allowed, .timeout = 20)
{
    char byte;
    pid_t child = spawn(LIVES_MAX, "1");
    wait_for_life();
    wait_for_life();
    cr_expect_eq(ended(child), 1);
    cr_expect_eq(read(told[0], &byte, 1), 0, "no third life");
}

/* -- limits that are options ------------------------------------------------------------------- */

static rp_process_settings settings_of(int argc, char **argv)
{
    rp_error error = {0};
    rp_process_options *options = rp_process_options_new(&actor);
    cr_assert(options);
    cr_assert_eq(rp_process_options_parse(options, argc, argv, &error), RP_OK, "%s", error.message);
    rp_process_settings settings = options->common;
    rp_process_options_free(options);
    return settings;
}

Test(process, limits_are_what_the_code_has_where_nothing_else_is_said)
{
    char *argv[] = {"reprise-test", NULL};
    rp_process_settings settings = settings_of(1, argv);
    cr_expect_eq(settings.tries_max, RP_WORKER_TRIES_MAX);
    cr_expect_eq(settings.restarts_max, RP_RESTARTS.max);
    cr_expect_eq(settings.outbox_messages_max, RP_JETSTREAM_LIMITS.outbox_messages_max);
    cr_expect_eq(settings.outbox_bytes_max, RP_JETSTREAM_LIMITS.outbox_bytes_max);
}

Test(process, limits_are_set_by_flag_or_environment)
{
    char *argv[] = {"reprise-test", "--tries", "3", "--outbox-messages=64", NULL};
    setenv("REPRISE_TRIES", "4", 1);
    setenv("REPRISE_RESTARTS", "0", 1);
    setenv("REPRISE_OUTBOX_BYTES", "8MiB", 1);
    rp_process_settings settings = settings_of(4, argv);
    cr_expect_eq(settings.tries_max, 3, "a flag wins");
    cr_expect_eq(settings.restarts_max, 0);
    cr_expect_eq(settings.outbox_messages_max, 64);
    cr_expect_eq(settings.outbox_bytes_max, 8 << 20);
}
