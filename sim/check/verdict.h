/* What a run came to: nothing, or the first invariant that broke, with the facts.
 *
 *     if (results != 1)
 *         return sim_verdict_fail(verdict, "one RESULT a request", "%s has %zu", subject, results);
 */
#ifndef SIM_CHECK_VERDICT_H
#define SIM_CHECK_VERDICT_H

#include "runtime/base/attributes.h"

#include <stdbool.h>

enum { SIM_VERDICT_FACTS_BYTES = 1024 };

typedef struct sim_verdict {
    const char *broken; /* the invariant's name; NULL = none is */
    char facts[SIM_VERDICT_FACTS_BYTES];
} sim_verdict;

/* Notes that an invariant is broken, unless one was before. Always false. */
bool sim_verdict_fail(sim_verdict *verdict, const char *invariant, const char *format, ...)
    RP_PRINTF(3, 4);

#endif
