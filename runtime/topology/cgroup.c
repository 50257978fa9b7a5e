#include "runtime/topology/cgroup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES = 4096 };

/* Where one hierarchy tells of its limit. */
typedef struct hierarchy {
    const char *folder; /* below /sys/fs/cgroup */
    bool v2;
} hierarchy;

/* The start of a small file, as text; false where it cannot be read. */
static bool read_text(const char *path, char text[FILE_BYTES])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, FILE_BYTES - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

static bool read_number(const char *path, uint64_t *ret_number)
{
    char text[FILE_BYTES], *end;
    if (!read_text(path, text) || text[0] < '0' || text[0] > '9') /* -1 = no limit */
        return false;
    *ret_number = strtoull(text, &end, 10);
    return end != text;
}

static uint64_t millicpus(uint64_t quota_us, uint64_t period_us)
{
    if (quota_us == 0 || period_us == 0 || quota_us > UINT64_MAX / 1000)
        return 0;
    uint64_t limit = quota_us * 1000 / period_us;
    return limit ? limit : 1;
}

/* The limit of the one group in `folder`; 0 = none. */
static uint64_t group_limit(const char *folder, bool v2)
{
    char path[PATH_MAX + 32], text[FILE_BYTES];
    uint64_t quota_us, period_us;
    if (v2) {
        snprintf(path, sizeof path, "%s/cpu.max", folder);
        if (!read_text(path, text) || text[0] == 'm') /* "max 100000" */
            return 0;
        char *rest;
        quota_us = strtoull(text, &rest, 10);
        period_us = strtoull(rest, NULL, 10);
        return millicpus(quota_us, period_us);
    }
    snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
    if (!read_number(path, &quota_us))
        return 0;
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
    return read_number(path, &period_us) ? millicpus(quota_us, period_us) : 0;
}

/* The least limit from the group at `path` up to the hierarchy's root. A path that is not there
 * (that of the host, seen from within a container) counts from the first folder that is. */
static uint64_t least_limit(const char *root, const hierarchy *h, const char *path)
{
    char folder[PATH_MAX];
    int base = snprintf(folder, sizeof folder, "%s/sys/fs/cgroup%s", root, h->folder);
    int len = snprintf(folder, sizeof folder, "%s/sys/fs/cgroup%s%s", root, h->folder, path);
    uint64_t least = 0;
    if (base < 0 || len < base || (size_t)len >= sizeof folder)
        return 0;
    while (true) {
        uint64_t limit = group_limit(folder, h->v2);
        if (limit && (!least || limit < least))
            least = limit;
        char *slash = strrchr(folder, '/');
        if (slash < folder + base)
            return least;
        *slash = '\0';
    }
}

/* Whether a v1 line's controllers, "cpu,cpuacct", have `cpu` among them. */
static bool controls_cpu(const char *controllers, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = strcspn(controllers + i, ",:");
        if (n == 3 && memcmp(controllers + i, "cpu", 3) == 0)
            return true;
        i += n + 1;
    }
    return false;
}

uint64_t rp_cgroup_millicpus(const char *root)
{
    static const hierarchy v2 = {"", true};
    static const hierarchy v1[] = {{"/cpu", false}, {"/cpu,cpuacct", false}};
    char path[PATH_MAX], text[FILE_BYTES];
    uint64_t least = 0;
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    if (!read_text(path, text))
        return 0;
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        size_t len = (size_t)(group - controllers) - 1;
        group = strncmp(group + 1, "/..", 3) == 0 ? "/" : group + 1; /* outside what is seen */
        uint64_t limits[2] = {0};
        if (len == 0) {
            limits[0] = least_limit(root, &v2, group);
        } else if (controls_cpu(controllers + 1, len)) {
            limits[0] = least_limit(root, &v1[0], group);
            limits[1] = least_limit(root, &v1[1], group);
        }
        for (size_t i = 0; i < 2; i++) {
            if (limits[i] && (!least || limits[i] < least))
                least = limits[i];
        }
    }
    return least;
}
