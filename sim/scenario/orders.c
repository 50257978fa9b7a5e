#include "sim/scenario/orders.h"

#include "sim/model/model.h"

#define ORDER(name, body)                      \
    {                                          \
        name, SIM_MODEL_NAME, body, NULL, NULL \
    }
#define DEADLINE(name, body, in_peace)             \
    {                                              \
        name, SIM_MODEL_NAME, body, in_peace, NULL \
    }

#define REFERENCE(name, what)                         \
    {                                                 \
        name, SIM_MODEL_NAME, "", NULL, "BLOBS/" what \
    }

/* Of SIM_BLOB_BODY, and of nothing. */
#define SIM_BLOB_DIGEST "111fadb90f67ef90a8dbeea854a02f9d55a1953a7f6a44cdcba816739694ef57"
#define NO_DIGEST       "0000000000000000000000000000000000000000000000000000000000000000"

/* clang-format off */
const sim_order sim_orders[] = {
    ORDER("greedy", "{\"prompt\":\"the sea and the land\",\"max_tokens\":8}"),
    ORDER("one", "{\"prompt\":\"one\",\"max_tokens\":1}"),
    ORDER("drawn", "{\"prompt\":\"in the end\",\"max_tokens\":10,\"temperature\":1.0,\"seed\":7}"),
    ORDER("chunks", "{\"prompt\":\"stones\",\"max_tokens\":11,\"chunk_tokens\":3,"
                    "\"temperature\":0.8,\"seed\":99}"),
    ORDER("whole", "{\"prompt\":\"here\",\"max_tokens\":6,\"stream\":false}"),
    ORDER("logprobs", "{\"prompt\":\"there\",\"max_tokens\":4,\"logprobs\":2}"),
    ORDER("penalties", "{\"prompt\":\"on and on\",\"max_tokens\":7,\"repetition_penalty\":1.3,"
                       "\"presence_penalty\":0.5,\"frequency_penalty\":0.5}"),
    ORDER("long", "{\"prompt\":\"a prompt that takes several steps to be read by the executor\","
                  "\"max_tokens\":5}"),
    ORDER("tokens", "{\"tokens\":[2,262,263,264],\"max_tokens\":6,\"stop\":[\"th\",\"e\"]}"),
    ORDER("bias", "{\"prompt\":\"bias\",\"max_tokens\":9,\"logit_bias\":{\"1\":100}}"),
    ORDER("no-json", "{\"prompt\":"),
    ORDER("no-field", "{\"promt\":\"a\"}"),
    ORDER("too-long", "{\"prompt\":\"a\",\"max_tokens\":4000000000}"),
    {"no-model", "nobody", "{\"prompt\":\"a\",\"max_tokens\":2}", NULL, NULL},
    DEADLINE("deadline", "{\"prompt\":\"soon\",\"max_tokens\":20,\"deadline_ms\":25}",
        "{\"prompt\":\"soon\",\"max_tokens\":20}"),
    ORDER("large", "{\"prompt\":\"large\",\"max_tokens\":16,\"logprobs\":5,\"stream\":false}"),
    REFERENCE("by-reference", SIM_BLOB_NAME ";" SIM_BLOB_DIGEST),
    REFERENCE("no-object", "nobody;" SIM_BLOB_DIGEST),
    REFERENCE("another-object", SIM_BLOB_NAME ";" NO_DIGEST)};
/* clang-format on */

const size_t sim_orders_count = sizeof sim_orders / sizeof *sim_orders;
const size_t sim_orders_plain_count = sizeof sim_orders / sizeof *sim_orders - 4;
