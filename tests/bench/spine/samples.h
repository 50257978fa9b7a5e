/* Numbers that were measured, and what they come to: a list in the heap that grows, and its
 * quantiles.
 *
 *     bench_samples samples = {0};
 *     bench_samples_add(&samples, 1.25);
 *     printf("%.2f\n", bench_samples_quantile(&samples, 0.99));
 *     bench_samples_done(&samples);
 */
#ifndef TESTS_BENCH_SPINE_SAMPLES_H
#define TESTS_BENCH_SPINE_SAMPLES_H

#include <stddef.h>

typedef struct bench_samples {
    double *values;
    size_t count, capacity;
} bench_samples;

/* Ends the program where there is no memory. */
void bench_samples_add(bench_samples *samples, double value);

/* The smallest value that is not below a share `q` (0 to 1) of all: 0.5 is the median. 0 where
 * there are none. Sorts the list. */
double bench_samples_quantile(bench_samples *samples, double q);

/* Empties the list; the memory stays. */
void bench_samples_clear(bench_samples *samples);

void bench_samples_done(bench_samples *samples);

#endif
