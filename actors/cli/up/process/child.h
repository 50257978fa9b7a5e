/* A process that `reprise up` runs and looks after.
 *
 * It is started by way of `reprise _child`, so it ends when we do, in a session of its own, so that
 * a Ctrl-C at the terminal reaches us alone and we can stop things in order. What it writes goes to
 * a log file. When it ends without being told to, it is started again after a pause, or given up
 * after too many ends in a row (runtime/base/restarts.h). Exit status 2 (called wrongly) is given up
 * at once: it would be the same again.
 *
 *     rp_child_start -> running -> [ended, waits -> running]... -> rp_child_stop -> stopped
 *                               \-> ended, given up -------------/
 *
 * All on the loop's thread.
 */
#ifndef ACTORS_CLI_UP_PROCESS_CHILD_H
#define ACTORS_CLI_UP_PROCESS_CHILD_H

#include "runtime/base/buffer.h"
#include "runtime/base/restarts.h"

#include <uv.h>

enum {
    RP_CHILD_ARGUMENTS_MAX = 160,
    RP_CHILD_NAME_BYTES = 32,
    RP_CHILD_INSTANCE_BYTES = 48,
    RP_CHILD_LOG_BYTES_MAX = 16 << 20 /* at a start, a longer log is moved to <log>.1 */
};

/* In a list of arguments, stands for a name that is new at each start: <name>-<8 hex digits>. */
extern const char rp_child_instance[];

typedef struct rp_child rp_child;

typedef enum rp_child_event {
    RP_CHILD_STARTED,
    RP_CHILD_RESTARTS, /* it ended, and will be started again */
    RP_CHILD_FAILED,   /* it ended and is given up, or could not be started */
    RP_CHILD_STOPPED   /* it was told to stop and has, or it ended and was not to restart */
} rp_child_event;

/* Borrowed for the child's life, but for the name. */
typedef struct rp_child_spec {
    uv_loop_t *loop;
    const rp_clock *clock;
    const char *name;
    const char *self;             /* our own binary */
    const char *program;          /* absolute */
    const char *const *arguments; /* without the program; NULL ends them */
    char *const *environment;     /* NULL ends it */
    const char *log;              /* NULL: it shares our standard output and error */
    int death_signal;             /* what it gets when we are killed */
    uint64_t grace_ns;            /* from SIGTERM to SIGKILL */
    bool restarts;
    /* `text` says in words what happened; borrowed for the call. */
    void (*on_event)(void *arg, rp_child *child, rp_child_event event, const char *text);
    void *arg;
} rp_child_spec;

/* In the caller's storage; what stands above `restarts` may be read. */
struct rp_child {
    rp_child_spec spec;
    char name[RP_CHILD_NAME_BYTES];
    char instance[RP_CHILD_INSTANCE_BYTES];
    int pid; /* of the running process, or of the last one */
    bool running;
    bool given_up;
    bool stopping;
    bool stopped;
    int exit_status;     /* of the last end: 128 + signal for a signal */
    uint64_t started_ns; /* the last time */
    rp_restarts restarts;
    uv_process_t process;
    uv_timer_t timer;
    void (*closed)(rp_child *child);
};

void rp_child_init(rp_child *child, const rp_child_spec *spec);

/* Starts it. RP_IO with the reason in reterr, where the system gives no process or no log. */
RP_MUST_USE rp_status rp_child_start(rp_child *child, rp_error *reterr);

/* Asks it to end (SIGTERM), and ends it after the grace; RP_CHILD_STOPPED tells when it has, at
 * once where it did not run. */
void rp_child_stop(rp_child *child);

/* Ends it now. */
void rp_child_kill(rp_child *child);

/* Passes a signal on. */
void rp_child_signal(rp_child *child, int signal);

/* Gives its handles back to the loop, and its storage to the caller when `closed` (may be NULL) is
 * called, in a later turn. Only when it does not run. */
void rp_child_close(rp_child *child, void (*closed)(rp_child *child));

/* Appends the last lines of its log, each behind four blanks. */
void rp_child_log_tail(const rp_child *child, rp_buffer *out);

#endif
