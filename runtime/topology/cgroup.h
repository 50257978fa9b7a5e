/* How much processor time the control group of this process allows.
 *
 * A container that may use "2 CPUs" of a large machine usually sees all of its cores: the limit is
 * one on time, not on places. More compute threads than that only wait for each other.
 */
#ifndef RUNTIME_TOPOLOGY_CGROUP_H
#define RUNTIME_TOPOLOGY_CGROUP_H

#include <stdint.h>

/* Thousandths of a CPU: the least that any group from this process's own up to the root allows
 * (cgroup v2's cpu.max, or v1's cpu.cfs_quota_us). 0 where there is no limit or none can be read.
 * `root` is put before /proc and /sys: "" but in tests. */
uint64_t rp_cgroup_millicpus(const char *root);

#endif
