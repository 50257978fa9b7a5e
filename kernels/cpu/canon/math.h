/* Elementary functions of canon 1, for use once a position or once a model: logarithm, power, sine
 * and cosine. (exp, tanh and erf, which run over rows, are in the kernel table, canon.h.)
 *
 * They are ours, since libm's give other bits on other machines. They use IEEE double addition,
 * multiplication and division alone, and round once to float32 at the end, so that the result is
 * within 0.501 units in the last place of the true value and nearly always correctly rounded.
 *
 * Any thread may call them, under the float environment of thread.h.
 */
#ifndef KERNELS_CPU_CANON_MATH_H
#define KERNELS_CPU_CANON_MATH_H

#include <stddef.h>
#include <stdint.h>

/* Arguments of sine and cosine go up to here in magnitude; NaN beyond, as for infinity and NaN. */
#define RP_CANON_ANGLE_MAX 0x1p20

float rp_canon_sin(double x);
float rp_canon_cos(double x);

/* The natural logarithm; log(+0) and log(-0) are -infinity, below 0 NaN. Subnormals are exact. */
float rp_canon_log(float x);

/* x to the power y for finite x > 0 and finite y; NaN elsewhere. */
float rp_canon_pow(float x, float y);

/* Rotary embedding. The frequencies of a head of `dim` (even): base^(-2i/dim) / scale, `dim / 2` of
 * them; and the cosines and sines at a position: the angle is position * frequency, exact in
 * double. position <= RP_CANON_ANGLE_MAX, frequencies in (0, 1]. */
void rp_canon_rope_frequencies(float base, float scale, size_t dim, float *frequencies);
void rp_canon_rope_angles(
    uint32_t position, const float *frequencies, size_t count, float *cosines, float *sines);

#endif
