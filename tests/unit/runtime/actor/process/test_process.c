/* The process around an actor, in a child process of the test's and without a server. */
#include "runtime/actor/process/process.h"

#include <criterion/criterion.h>
#include <signal.h>
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

/* The child's pid; it fails so many times. */
static pid_t spawn(int failing)
{
    char *argv[] = {"reprise-test", "--server", "nats://127.0.0.1:9", "--log-level", "off", NULL};
    cr_assert_eq(pipe(told), 0);
    lives_left = failing;
    pid_t child = fork();
    cr_assert_neq(child, -1);
    if (child == 0)
        _exit(rp_process_main(&actor, 5, argv));
    close(told[1]);
    return child;
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
    pid_t child = spawn(2);
    wait_for_life();
    wait_for_life();
    wait_for_life();
    usleep(200000); /* its loop runs, and takes the signal as a drain */
    kill(child, SIGTERM);
    cr_expect_eq(ended(child), 0);
}

Test(process, a_signal_ends_the_pause_before_the_next_life, .timeout = 20)
{
    pid_t child = spawn(LIVES_MAX);
    wait_for_life();
    wait_for_life();
    wait_for_life(); /* the pause is now 2 s */
    usleep(500000);
    kill(child, SIGTERM);
    cr_expect_eq(ended(child), 1);
}
