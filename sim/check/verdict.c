#include "sim/check/verdict.h"

#include <stdarg.h>
#include <stdio.h>

bool sim_verdict_fail(sim_verdict *verdict, const char *invariant, const char *format, ...)
{
    va_list arguments;
    if (verdict->broken)
        return false;
    verdict->broken = invariant;
    va_start(arguments, format);
    vsnprintf(verdict->facts, sizeof verdict->facts, format, arguments);
    va_end(arguments);
    return false;
}
