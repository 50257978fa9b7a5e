/* Sixteen lanes: what the vector kernels are written in.
 *
 * The sources of this folder are compiled once an instruction set, over the header of that set,
 * which says what sixteen lanes are there: one register of AVX-512, two of AVX2, four of NEON. So
 * each kernel is written once, its order of operations with it, and gives the same bits everywhere:
 * every function of a lane is one IEEE operation, rounded once.
 *
 * A header defines these types
 *
 *     lanes    sixteen float32
 *     counts   sixteen int32
 *     codes    64 bytes: four of each of sixteen rows (pack.h)
 *     dots     sixteen sums of products of codes and quantised activations, being added up
 *
 * and these functions, n being 1 to 15 where it counts lanes:
 *
 *     lanes_zero() lanes_set(x) lanes_load(p) lanes_store(p, v)
 *     lanes_load_some(p, n)         zeros behind; reads nothing behind
 *     lanes_store_some(p, v, n)     writes nothing behind
 *     lanes_keep(n, v, old)         the first n of v, the others of old
 *     lanes_half(p) lanes_half_some(p, n)   f16, widened; lanes_brain(p): bf16
 *     lanes_unsigned(p) lanes_signed(p)     sixteen bytes
 *     lanes_add lanes_sub lanes_mul lanes_div (a, b)
 *     lanes_fma(a, b, c)            a * b + c
 *     lanes_less(a, b, v, w)        a < b ? v : w
 *     lanes_max(a, b)               a > b ? a : b
 *     lanes_negative(v)
 *     lanes_signed_as(v, x)         v, negated where x < 0
 *     lanes_scale_exponent(p, shifted, rounder, x)
 *                                   the end of exp: elementary.h
 *     lanes_top(v)                  the largest, as lanes_max has it
 *     lanes_tree(v)                 lane j takes lane j+8, j+4, j+2, j+1: the canon's sum
 *     lanes_trees(v, ret)           the same of sixteen vectors, sum i in lane i
 *     lanes_of_counts(c)            (float) of each, to nearest even
 *     lanes_magnitude_bits(x)       a block of 32: the largest magnitude, as bits
 *     lanes_quantise(x, inverse, q, sum)
 *                                   a block of 32: q as this set arranges it, and the sum
 *
 *     codes_low(p) codes_high(p)    the nibbles of 64 bytes
 *     codes_fifth(v, p, k)          v | bit k of p's bytes as bit 4
 *     codes_pair(v, p, j)           v | bits 2j and 2j+1 of p's bytes as bits 4 and 5
 *     codes_bytes(p)                64 of Q8_0; the zero of their codes is CODES_BYTES_ZERO
 *
 *     dots_start() dots_add(d, w, q, k)   w times the activations of step k of a block q
 *     dots_end(d, zero, sum)        all sixteen, less zero * sum
 *     dots_lower(q)                 the sum of a block's lower 16 activations
 *
 * QUANTISED_ARRANGEMENT says how a block of 32 quantised activations lies in its 64 bytes, and
 * TOKENS_AT_ONCE how many activation rows share a load of weights.
 */
#ifndef KERNELS_CPU_CANON_VECTOR_LANES_H
#define KERNELS_CPU_CANON_VECTOR_LANES_H

#if defined(__AVX512VNNI__)
#include "kernels/cpu/canon/vector/lanes_avx512.h"
#elif defined(__AVX2__)
#include "kernels/cpu/canon/vector/lanes_avx2.h"
#elif defined(__ARM_FEATURE_DOTPROD)
#include "kernels/cpu/canon/vector/lanes_neon.h"
#endif

#endif
