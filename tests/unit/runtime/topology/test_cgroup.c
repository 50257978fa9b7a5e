#include "runtime/topology/cgroup.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/support/temporary.h"

static char root[TEMPORARY_BYTES];

static void open_root(void)
{
    temporary_folder("cgroup", root);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

static void close_root(void)
{
    nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(cgroup, .init = open_root, .fini = close_root);

/* Writes a file below the root, with the folders that it needs. */
static void put(const char *path, const char *text)
{
    char whole[2 * TEMPORARY_BYTES];
    snprintf(whole, sizeof whole, "%s%s", root, path);
    for (char *slash = strchr(whole + strlen(root) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(whole, 0700);
        *slash = '/';
    }
    FILE *file = fopen(whole, "w");
    cr_assert(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0, "%s", whole);
}

Test(cgroup, nothing_to_read_is_no_limit)
{
    cr_assert(rp_cgroup_millicpus(root) == 0);
    put("/proc/self/cgroup", "0::/app\n");
    cr_assert(rp_cgroup_millicpus(root) == 0);
    put("/sys/fs/cgroup/app/cpu.max", "max 100000\n");
    cr_assert(rp_cgroup_millicpus(root) == 0);
}

Test(cgroup, v2_takes_the_least_up_to_the_root)
{
    put("/proc/self/cgroup", "0::/pod/app\n");
    put("/sys/fs/cgroup/pod/app/cpu.max", "400000 100000\n");
    cr_assert(rp_cgroup_millicpus(root) == 4000);
    put("/sys/fs/cgroup/pod/cpu.max", "150000 100000\n");
    cr_assert(rp_cgroup_millicpus(root) == 1500);
    put("/sys/fs/cgroup/cpu.max", "50000 100000\n");
    cr_assert(rp_cgroup_millicpus(root) == 500);
}

Test(cgroup, a_container_sees_its_group_at_the_root)
{
    put("/sys/fs/cgroup/cpu.max", "200000 100000\n");
    put("/proc/self/cgroup", "0::/\n");
    cr_assert(rp_cgroup_millicpus(root) == 2000);
    put("/proc/self/cgroup", "0::/kubepods/pod7/not/here\n");
    cr_assert(rp_cgroup_millicpus(root) == 2000);
    put("/proc/self/cgroup", "0::/../../above\n");
    cr_assert(rp_cgroup_millicpus(root) == 2000);
}

Test(cgroup, v1_in_either_folder)
{
    put("/proc/self/cgroup", "9:name=systemd:/\n4:cpuset:/\n3:cpu,cpuacct:/app\n0::/\n");
    put("/sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_quota_us", "300000\n");
    put("/sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_period_us", "100000\n");
    cr_assert(rp_cgroup_millicpus(root) == 3000);
    put("/sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_quota_us", "-1\n");
    cr_assert(rp_cgroup_millicpus(root) == 0);
    put("/proc/self/cgroup", "3:cpu:/app\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    cr_assert(rp_cgroup_millicpus(root) == 1000);
    put("/proc/self/cgroup", "3:cpuset,cpuacct:/app\n"); /* not the controller of time */
    cr_assert(rp_cgroup_millicpus(root) == 0);
}

Test(cgroup, nonsense_is_no_limit)
{
    static const char *const limits[] = {"", "x", "0 100000", "100000 0", "100000",
        "99999999999999999999 100000", "-5 100000", "18446744073709551615 1"};
    put("/proc/self/cgroup", "nonsense\n:\n0:\n0::/app\n");
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        put("/sys/fs/cgroup/app/cpu.max", limits[i]);
        cr_assert(rp_cgroup_millicpus(root) == 0, "%s: %lu", limits[i],
            (unsigned long)rp_cgroup_millicpus(root));
    }
    put("/sys/fs/cgroup/app/cpu.max", "1 100000");
    cr_assert(rp_cgroup_millicpus(root) == 1, "never rounded to none");
}
