#include "tests/unit/support/temporary.h"

#include "runtime/base/attributes.h"

#include <stdio.h>
#include <stdlib.h>

static void name_one(const char *name, char path[TEMPORARY_BYTES])
{
    const char *folder = getenv("TMPDIR");
    int length = snprintf(
        path, TEMPORARY_BYTES, "%s/reprise-%s-XXXXXX", folder && *folder ? folder : "/tmp", name);
    RP_ASSERT(length > 0 && length < TEMPORARY_BYTES);
}

int temporary_file(const char *name, char path[TEMPORARY_BYTES])
{
    name_one(name, path);
    int fd = mkstemp(path);
    RP_ASSERT(fd >= 0);
    return fd;
}

void temporary_folder(const char *name, char path[TEMPORARY_BYTES])
{
    name_one(name, path);
    RP_ASSERT(mkdtemp(path));
}
