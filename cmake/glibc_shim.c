/* Three functions of glibc 2.38 for an older glibc, so that a library built against the newer one
 * links (Dependencies.cmake builds this only where the linker lacks them).
 *
 * A C23 compiler's headers turn strtol, strtoll and sscanf into these names. They differ from the
 * plain ones in one thing: they read 0b as a binary prefix, where the base allows it. nats.c, for
 * which this is here, reads decimal numbers only.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

long __isoc23_strtol(const char *text, char **end, int base);
long long __isoc23_strtoll(const char *text, char **end, int base);
int __isoc23_sscanf(const char *text, const char *format, ...);

long __isoc23_strtol(const char *text, char **end, int base)
{
    return strtol(text, end, base);
}

long long __isoc23_strtoll(const char *text, char **end, int base)
{
    return strtoll(text, end, base);
}

int __isoc23_sscanf(const char *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int fields = vsscanf(text, format, arguments);
    va_end(arguments);
    return fields;
}
