/* A file's bytes as a model: hyperparameters, tensors and shapes are checked, and what passes is
 * computed with, as far as it is small. */
#include "actors/executor/engine/engine.h"
#include "actors/executor/weights/weights.h"
#include "kernels/cpu/canon/thread.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BYTES_MAX = 16 << 20, CHUNK = 4, TOKENS = 6 };

static void answer(const rp_model *model)
{
    const rp_hyper *hyper = rp_model_hyper(model);
    rp_engine_limits limits = {.sequences = 1, .context = 16, .prefill_chunk = CHUNK, .threads = 1};
    rp_engine *engine;
    uint32_t tokens[TOKENS] = {0}, sequence;
    for (uint32_t i = 0; i < TOKENS; i++)
        tokens[i] = i % hyper->vocabulary;
    rp_engine_spec spec = {.tokens = tokens,
        .token_count = TOKENS,
        .tokens_max = 3,
        .sampling = {.top_p = 1.0F, .repetition_penalty = 1.0F}};
    if (rp_engine_bytes(hyper, &limits) > BYTES_MAX ||
        rp_engine_new(model, &limits, &engine, NULL) != RP_OK)
        return;
    if (rp_engine_add(engine, &spec, &sequence, NULL) == RP_OK) {
        rp_engine_step step;
        do {
            RP_ASSERT(rp_engine_run(engine, &step, NULL) == RP_OK && step.count == 1);
        } while (step.results[0].end == RP_ENGINE_GOES_ON);
        rp_engine_remove(engine, sequence);
    }
    rp_engine_free(engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rp_gguf *file;
    rp_model *model;
    rp_buffer mix;
    rp_error error = {0};
    if (rp_gguf_parse(rp_bytes_of(data, size), &file, &error) != RP_OK)
        return 0;
    rp_buffer_init(&mix, 4096);
    rp_weights_mix(file, &mix);
    rp_buffer_done(&mix);
    if (rp_model_load(file, rp_canon_kernels_best(), NULL, &model, &error) == RP_OK) {
        RP_ASSERT(rp_canon_thread_enter());
        answer(model);
        rp_model_free(model);
    }
    rp_gguf_free(file);
    return 0;
}
