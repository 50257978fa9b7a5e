#include "runtime/observe/process_metrics.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Fields of /proc/self/stat, counted as proc(5) does, behind the command's name, which is 2. */
enum { STAT_THREADS = 20, STAT_START = 22, STAT_VSIZE = 23, STAT_RSS = 24, STAT_FIELDS = 25 };

/* The numbers of /proc/self/stat by their place; the first three are no numbers and stay 0. */
static bool read_stat(uint64_t fields[STAT_FIELDS])
{
    char text[1024];
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    const char *p = strrchr(text, ')'); /* the name may hold anything, parentheses too */
    if (!p || strlen(p) < 4)
        return false;
    p += 4; /* behind ") S" */
    for (size_t i = 4; i < STAT_FIELDS; i++) {
        char *end;
        fields[i] = strtoull(p, &end, 10);
        if (end == p)
            return false;
        p = end;
    }
    return true;
}

/* One is the folder that is read. */
static uint64_t count_fds(void)
{
    uint64_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count > 3 ? count - 3 : 0; /* `.`, `..` and itself */
}

static uint64_t cpu_ns(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    uint64_t seconds = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec);
    uint64_t us = (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    return seconds * RP_NS_PER_S + us * RP_NS_PER_US;
}

static void collect(void *context)
{
    rp_process_metrics *self = context;
    uint64_t stat[STAT_FIELDS] = {0};
    struct rlimit limit;
    rp_counter_raise(self->cpu, cpu_ns());
    rp_gauge_set_count(self->open_fds, count_fds());
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        rp_gauge_set_count(self->max_fds, limit.rlim_cur);
    if (!read_stat(stat))
        return;
    rp_gauge_set_count(self->threads, stat[STAT_THREADS]);
    rp_gauge_set_count(self->virtual_size, stat[STAT_VSIZE]);
    rp_gauge_set_count(self->resident, stat[STAT_RSS] * (uint64_t)sysconf(_SC_PAGESIZE));
}

/* When the process began, in Unix seconds: the system tells it in ticks since its own start. */
static double start_seconds(const rp_clock *clock)
{
    uint64_t stat[STAT_FIELDS] = {0};
    struct timespec up;
    double now = (double)rp_clock_unix_ns(clock) / (double)RP_NS_PER_S;
    if (!read_stat(stat) || clock_gettime(CLOCK_BOOTTIME, &up) != 0)
        return now;
    double up_seconds = (double)up.tv_sec + (double)up.tv_nsec / (double)RP_NS_PER_S;
    return now - up_seconds + (double)stat[STAT_START] / (double)sysconf(_SC_CLK_TCK);
}

rp_status rp_process_metrics_init(
    rp_process_metrics *self, rp_metrics *metrics, const rp_clock *clock, rp_error *reterr)
{
    rp_gauge *start;
    const struct {
        const char *name, *help;
        rp_gauge **gauge;
    } gauges[] = {
        {"process_resident_memory_bytes", "Resident memory.", &self->resident},
        {"process_virtual_memory_bytes", "Virtual memory.", &self->virtual_size},
        {"process_threads", "Threads.", &self->threads},
        {"process_open_fds", "Open file descriptors.", &self->open_fds},
        {"process_max_fds", "File descriptors that may be open.", &self->max_fds},
        {"process_start_time_seconds", "Unix time at which the process began.", &start},
    };
    rp_status status = rp_metrics_counter(metrics, "process_cpu_seconds_total",
        "Processor time, in user and kernel.", &self->cpu, reterr);
    for (size_t i = 0; i < sizeof gauges / sizeof gauges[0] && status == RP_OK; i++)
        status = rp_metrics_gauge(metrics, gauges[i].name, gauges[i].help, gauges[i].gauge, reterr);
    if (status != RP_OK)
        return status;
    rp_gauge_set(start, start_seconds(clock));
    status = rp_metrics_collector(metrics, collect, self);
    if (status != RP_OK)
        return rp_error_set(reterr, status, NULL, "the registry has no place for a collector");
    return RP_OK;
}
