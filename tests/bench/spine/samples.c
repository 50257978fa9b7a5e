#include "tests/bench/spine/samples.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { CAPACITY_START = 64 };

void bench_samples_add(bench_samples *samples, double value)
{
    if (samples->count == samples->capacity) {
        const size_t capacity = samples->capacity ? 2 * samples->capacity : CAPACITY_START;
        double *values = realloc(samples->values, capacity * sizeof *values);
        if (!values) {
            fputs("out of memory\n", stderr);
            exit(EXIT_FAILURE);
        }
        samples->values = values;
        samples->capacity = capacity;
    }
    samples->values[samples->count++] = value;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_samples_quantile(bench_samples *samples, double q)
{
    if (samples->count == 0)
        return 0.0;
    qsort(samples->values, samples->count, sizeof *samples->values, by_value);
    const double rank = ceil(q * (double)samples->count);
    const size_t at = rank < 1.0 ? 0 : (size_t)rank - 1;
    return samples->values[at < samples->count ? at : samples->count - 1];
}

void bench_samples_clear(bench_samples *samples)
{
    samples->count = 0;
}

void bench_samples_done(bench_samples *samples)
{
    free(samples->values);
    *samples = (bench_samples){0};
}
