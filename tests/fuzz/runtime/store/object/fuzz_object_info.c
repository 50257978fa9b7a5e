/* What an object says of itself: any bytes.
 *
 * Held: what is taken is within its bounds and consistent, and written down by us reads the same. */
#include "runtime/store/object/info.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rp_object_info info, again;
    rp_error error = {0};
    rp_buffer out;
    rp_status status = rp_object_info_parse(rp_bytes_of(data, size), &info, &error);
    if (status != RP_OK) {
        check(status == RP_CORRUPT && error.message[0] != '\0');
        return 0;
    }
    check(rp_object_is_name(info.name));
    check(strlen(info.nuid) <= RP_OBJECT_NUID_MAX && !strpbrk(info.nuid, " .*>"));
    check(info.chunks <= info.size && info.size <= RP_OBJECT_BYTES_MAX);
    check(info.digest[0] == '\0' || strlen(info.digest) == RP_SHA256_TEXT_BYTES - 1);
    rp_buffer_init(&out, RP_OBJECT_INFO_BYTES_MAX);
    info.modified_ns = info.modified_ns / 1000000 * 1000000; /* what is written has milliseconds */
    rp_object_info_write(&info, "B", 0, &out);
    check(!out.truncated);
    check(rp_object_info_parse(rp_buffer_bytes(&out), &again, NULL) == RP_OK);
    check(strcmp(info.name, again.name) == 0 && strcmp(info.nuid, again.nuid) == 0);
    check(strcmp(info.digest, again.digest) == 0 && info.size == again.size);
    check(info.chunks == again.chunks && info.deleted == again.deleted);
    check(info.modified_ns == again.modified_ns);
    rp_buffer_done(&out);
    return 0;
}
