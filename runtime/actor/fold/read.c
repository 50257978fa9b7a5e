#include "runtime/actor/fold/fold_internal.h"

#include <inttypes.h>

#include "schemas/codec.h"

static bool verdict_of(
    const rp_fold *fold, uint64_t sequence, rp_buffer *result, rp_refusal *retref)
{
    const rp_refusal *refusal = NULL;
    Rp__Error error;
    switch (rp_verdicts_of(&fold->verdicts, sequence, fold->sequence, &refusal)) {
    case RP_VERDICT_ACCEPTED:
        rp_buffer_text(result, "{\"verdict\":\"accepted\"}");
        return true;
    case RP_VERDICT_NOT_YET:
        rp_buffer_text(result, "{\"verdict\":\"not_yet\"}");
        return true;
    case RP_VERDICT_TOO_OLD:
        rp_buffer_text(result, "{\"verdict\":\"too_old\"}");
        return true;
    case RP_VERDICT_NOT_OURS:
        rp_refusal_set(retref, RP__ERROR__CODE__INVALID_ARGUMENT, "of", NULL,
            "at sequence %" PRIu64 " stands no message of partition %" PRIu32 " of %" PRIu32
            ": ask under the name in that message's own subject",
            sequence, fold->place.partition, fold->place.partitions);
        return false;
    case RP_VERDICT_REFUSED:
        break;
    }
    rp_refusal_error(refusal, &error);
    rp_buffer_text(result, "{\"verdict\":\"refused\",\"error\":");
    if (rp_schema_encode(&error.base, RP_ENCODING_JSON, result, NULL) != RP_OK) {
        rp_refusal_set(
            retref, RP__ERROR__CODE__INTERNAL, NULL, NULL, "the refusal cannot be shown");
        return false;
    }
    rp_buffer_text(result, "}");
    return true;
}

static bool answer_verdict(
    const rp_fold *fold, const rp_fold_ask *ask, rp_buffer *result, rp_refusal *retref)
{
    yyjson_val *of = yyjson_obj_get(ask->query, "of");
    if (!yyjson_is_uint(of) || yyjson_get_uint(of) == 0) {
        rp_refusal_set(retref, RP__ERROR__CODE__INVALID_ARGUMENT, "of", NULL,
            "verdict takes {\"of\":SEQUENCE}, the sequence of a message of the log");
        return false;
    }
    return verdict_of(fold, yyjson_get_uint(of), result, retref);
}

static bool answer_state(const rp_fold *fold, rp_buffer *result)
{
    char digest[RP_HASH128_TEXT_BYTES];
    rp_hash128_text(rp_pairs_digest(fold->pairs), digest);
    rp_buffer_printf(result,
        "{\"digest\":\"%s\",\"pairs\":%zu,\"bytes\":%zu,\"partition\":%" PRIu32
        ",\"partitions\":%" PRIu32 ",\"replica\":",
        digest, rp_pairs_count(fold->pairs), rp_pairs_bytes(fold->pairs), fold->place.partition,
        fold->place.partitions);
    rp_json_string(result, rp_bytes_text(fold->env.instance));
    rp_buffer_text(result, "}");
    return true;
}

bool rp__fold_answer(void *arg, const rp_fold_ask *ask, rp_buffer *result, rp_refusal *retref)
{
    rp_fold *fold = arg;
    if (rp_bytes_is(ask->op, "verdict"))
        return answer_verdict(fold, ask, result, retref);
    if (rp_bytes_is(ask->op, "state"))
        return answer_state(fold, result);
    rp_arena_reset(&fold->arena);
    if (fold->spec.ask)
        return fold->spec.ask(fold, fold->state, ask, result, retref);
    rp_refusal_set(retref, RP__ERROR__CODE__UNSUPPORTED, "op", NULL,
        "this kind has no reads but verdict and state");
    return false;
}
