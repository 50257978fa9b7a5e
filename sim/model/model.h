/* The model of the simulation: a gemma3 so small that a token takes microseconds.
 *
 * One layer of width 32 over 300 tokens: a few control tokens, all bytes, and the commonest pairs
 * of letters. The weights are noise from a fixed seed, the same bits on every machine; an answer
 * is noise, too, but the next token depends on all before it, which is what the checks need.
 *
 * The file lies in memory (memfd), and its path is one that any process of this kind can open
 * again, so that actors load it as they load any other.
 */
#ifndef SIM_MODEL_MODEL_H
#define SIM_MODEL_MODEL_H

#include "runtime/base/status.h"

enum { SIM_MODEL_PATH_BYTES = 64, SIM_MODEL_CONTEXT = 96 };

/* Its name in subjects. */
#define SIM_MODEL_NAME "tiny"

typedef struct sim_model {
    int fd;
    char argument[SIM_MODEL_PATH_BYTES]; /* NAME=FILE, as --model takes it */
} sim_model;

/* RP_IO where the system gives no such file. */
RP_MUST_USE rp_status sim_model_make(sim_model *ret_model, rp_error *reterr);
void sim_model_done(sim_model *model);

#endif
