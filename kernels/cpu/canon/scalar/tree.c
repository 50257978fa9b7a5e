/* The tree that ends a sum by lanes; why it is alone, lanes.c says. */
#include "kernels/cpu/canon/scalar/scalar.h"

float RP__SCALAR(tree)(float *lane)
{
    for (size_t i = 0; i < 8; i++)
        lane[i] += lane[i + 8];
    for (size_t i = 0; i < 4; i++)
        lane[i] += lane[i + 4];
    for (size_t i = 0; i < 2; i++)
        lane[i] += lane[i + 2];
    return lane[0] + lane[1];
}
