/* reprise _child SIGNAL PARENT PROGRAM [ARGS...]: becomes PROGRAM, and gets SIGNAL when the process
 * PARENT ends, however it ends. `reprise up` starts everything by way of this, so that nothing is
 * left running even when it is killed: the kernel remembers the wish over an exec, and nothing
 * between a fork and an exec has to be trusted. */
#include "actors/cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { EXIT_NOT_STARTED = 127 };

static int run(const rp_command *command, int argc, char **argv)
{
    uint64_t number = 0, parent = 0;
    (void)command;
    if (argc < 4 || rp_parse_count(argv[1], &number) != RP_OK || number < 1 || number >= NSIG ||
        rp_parse_count(argv[2], &parent) != RP_OK) {
        fputs("reprise: _child is how reprise up starts programs; it is not for people\n", stderr);
        return RP_EXIT_USAGE;
    }
    if (prctl(PR_SET_PDEATHSIG, (unsigned long)number) != 0)
        return EXIT_NOT_STARTED;
    /* The parent may have ended before the kernel took the wish. */
    if ((uint64_t)getppid() != parent)
        return EXIT_NOT_STARTED;
    execv(argv[3], argv + 3);
    fprintf(stderr, "reprise: cannot start %s: %s\n", argv[3], strerror(errno));
    return EXIT_NOT_STARTED;
}

const rp_command rp_command_child = {.name = "_child", .run = run};
