#include "actors/cli/shared/interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>

static void interrupts(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
}

void rp_interrupt_hold(void)
{
    sigset_t set;
    interrupts(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

bool rp_interrupt_wait(uint64_t timeout_ns)
{
    sigset_t set;
    struct timespec timeout = {
        .tv_sec = (time_t)(timeout_ns / 1000000000), .tv_nsec = (long)(timeout_ns % 1000000000)};
    interrupts(&set);
    return sigtimedwait(&set, NULL, &timeout) > 0;
}
