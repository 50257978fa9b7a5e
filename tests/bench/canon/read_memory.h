/* The yardstick of a product that memory limits: reading it, and nothing else. */
#ifndef TESTS_BENCH_CANON_READ_MEMORY_H
#define TESTS_BENCH_CANON_READ_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Exclusive or of `bytes` (a multiple of 256) from `p` on, aligned to 64, as fast as one thread can. */
uint64_t bench_read(const uint8_t *p, size_t bytes);

#endif
