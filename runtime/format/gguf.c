#include "runtime/format/gguf.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/format/gguf_internal.h"

/* The least that an entry and a tensor's line take: what a count is checked against before memory
 * is taken for it. */
enum { ENTRY_BYTES_MIN = 8 + 4 + 1, TENSOR_BYTES_MIN = 8 + 4 + 8 + 4 + 8 };

static const struct {
    uint32_t number;
    uint32_t weights;
    uint32_t bytes;
    const char *name;
} types[] = {
#define X(number, type, name, weights, bytes) {number, weights, bytes, name},
    RP_GGUF_TYPE_MAP(X)
#undef X
};

const char *rp_gguf_type_name(uint32_t type)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i].number == type)
            return types[i].name;
    }
    return "unknown";
}

bool rp_gguf_type_block(uint32_t type, uint32_t *ret_weights, uint32_t *ret_bytes)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i].number == type) {
            *ret_weights = types[i].weights;
            *ret_bytes = types[i].bytes;
            return true;
        }
    }
    return false;
}

/* ---- order by name ---- */

static int compare_names(rp_bytes a, rp_bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.data, b.data, len) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

bool rp__gguf_search(const rp_gguf *file, const uint32_t *order, size_t count,
    rp_bytes (*name_at)(const rp_gguf *file, uint32_t index), rp_bytes name, uint32_t *ret_index)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int side = compare_names(name_at(file, order[middle]), name);
        if (side == 0) {
            *ret_index = order[middle];
            return true;
        }
        if (side < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* A name and where it came from, for sorting. */
typedef struct named {
    rp_bytes name;
    uint32_t index;
} named;

static int compare_named(const void *a, const void *b)
{
    return compare_names(((const named *)a)->name, ((const named *)b)->name);
}

/* Sorts `count` names into `*ret_order`; a name that stands twice is refused. */
static rp_status sort_names(const rp_gguf *file, size_t count,
    rp_bytes (*name_at)(const rp_gguf *file, uint32_t index), const char *what,
    uint32_t **ret_order, rp_error *reterr)
{
    char text[RP__GGUF_NAME_TEXT];
    named *list = calloc(count ? count : 1, sizeof *list);
    uint32_t *order = calloc(count ? count : 1, sizeof *order);
    rp_status status = RP_OK;
    if (!list || !order) {
        status = rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory for %zu names", count);
        goto fail;
    }
    for (size_t i = 0; i < count; i++)
        list[i] = (named){name_at(file, (uint32_t)i), (uint32_t)i};
    qsort(list, count, sizeof *list, compare_named);
    for (size_t i = 0; i < count; i++) {
        order[i] = list[i].index;
        if (i > 0 && rp_bytes_equal(list[i].name, list[i - 1].name)) {
            const char *name = rp__gguf_printable(list[i].name, text);
            status = rp_error_set(
                reterr, RP_INVALID, name, "%s %s stands in the file twice", what, name);
            goto fail;
        }
    }
    free(list);
    *ret_order = order;
    return RP_OK;
fail:
    free(list);
    free(order);
    return status;
}

static rp_bytes tensor_name(const rp_gguf *file, uint32_t index)
{
    return file->tensors[index].name;
}

/* ---- parsing ---- */

static rp_status parse_header(rp_gguf *file, rp__gguf_cursor *cursor, rp_error *reterr)
{
    rp_bytes magic;
    uint64_t tensors, keys;
    if (!rp__gguf_take(cursor, 4, &magic) || !rp_bytes_is(magic, "GGUF"))
        return rp_error_set(
            reterr, RP_CORRUPT, NULL, "not a GGUF file: it does not begin with GGUF");
    if (!rp__gguf_take_u32(cursor, &file->version) || !rp__gguf_take_u64(cursor, &tensors) ||
        !rp__gguf_take_u64(cursor, &keys))
        return rp_error_set(
            reterr, RP_CORRUPT, NULL, "cut short: the header takes 24 bytes of %zu", cursor->len);
    if (file->version != 0 && (file->version & 0xFFFF) == 0)
        return rp_error_set(reterr, RP_UNSUPPORTED, "version",
            "the file is big-endian; only little-endian GGUF is read");
    if (file->version != 2 && file->version != 3)
        return rp_error_set(reterr, RP_UNSUPPORTED, "version",
            "GGUF version %" PRIu32 "; versions 2 and 3 are read", file->version);
    if (keys > RP_GGUF_KEYS_MAX)
        return rp_error_limit(
            reterr, "keys", "65536 keys", "%" PRIu64 " keys, at most %d", keys, RP_GGUF_KEYS_MAX);
    if (tensors > RP_GGUF_TENSORS_MAX)
        return rp_error_limit(reterr, "tensors", "65536 tensors", "%" PRIu64 " tensors, at most %d",
            tensors, RP_GGUF_TENSORS_MAX);
    if (keys * ENTRY_BYTES_MIN + tensors * TENSOR_BYTES_MIN > cursor->len - cursor->at)
        return rp_error_set(reterr, RP_CORRUPT, NULL,
            "cut short: %" PRIu64 " keys and %" PRIu64 " tensors do not fit in %zu bytes", keys,
            tensors, cursor->len);
    file->key_count = (size_t)keys;
    file->tensor_count = (size_t)tensors;
    return RP_OK;
}

static rp_status parse_entry(
    rp__gguf_cursor *cursor, size_t index, rp__gguf_entry *entry, rp_error *reterr)
{
    uint64_t len;
    uint32_t kind;
    if (!rp__gguf_take_u64(cursor, &len))
        goto cut;
    if (len == 0)
        return rp_error_set(reterr, RP_INVALID, "keys", "key %zu has no name", index);
    if (len > RP_GGUF_KEY_BYTES_MAX)
        return rp_error_limit(reterr, "keys", "65535 bytes",
            "the name of key %zu has %" PRIu64 " bytes, at most %d", index, len,
            RP_GGUF_KEY_BYTES_MAX);
    if (!rp__gguf_take(cursor, len, &entry->key) || !rp__gguf_take_u32(cursor, &kind))
        goto cut;
    return rp__gguf_take_value(cursor, kind, entry, reterr);
cut:
    return rp_error_set(reterr, RP_CORRUPT, "keys",
        "cut short: key %zu, at byte %zu, goes beyond the file's %zu bytes", index, cursor->at,
        cursor->len);
}

static rp_status parse_metadata(rp_gguf *file, rp__gguf_cursor *cursor, rp_error *reterr)
{
    file->entries = calloc(file->key_count ? file->key_count : 1, sizeof *file->entries);
    if (!file->entries)
        return rp_error_set(
            reterr, RP_NO_MEMORY, NULL, "out of memory for %zu keys", file->key_count);
    for (size_t i = 0; i < file->key_count; i++) {
        rp_status status = parse_entry(cursor, i, &file->entries[i], reterr);
        if (status != RP_OK)
            return status;
    }
    rp_status status =
        sort_names(file, file->key_count, rp__gguf_entry_name, "key", &file->entry_order, reterr);
    if (status != RP_OK)
        return status;
    uint64_t alignment = RP_GGUF_ALIGNMENT_DEFAULT;
    uint32_t index;
    if (rp__gguf_search(file, file->entry_order, file->key_count, rp__gguf_entry_name,
            rp_bytes_text("general.alignment"), &index)) {
        status = rp_gguf_u64(file, "general.alignment", &alignment, reterr);
        if (status != RP_OK)
            return status;
    }
    if (alignment < RP_GGUF_ALIGNMENT_MIN || alignment > RP_GGUF_ALIGNMENT_MAX ||
        (alignment & (alignment - 1)) != 0)
        return rp_error_set(reterr, RP_INVALID, "general.alignment",
            "general.alignment is %" PRIu64 ", expected a power of two from %d to %d", alignment,
            RP_GGUF_ALIGNMENT_MIN, RP_GGUF_ALIGNMENT_MAX);
    file->alignment = (uint32_t)alignment;
    return RP_OK;
}

/* Reads name, dimensions, type and the offset, which still counts from the start of the data. */
static rp_status parse_tensor(
    rp__gguf_cursor *cursor, size_t index, rp_gguf_tensor *tensor, rp_error *reterr)
{
    uint64_t len;
    char text[RP__GGUF_NAME_TEXT];
    if (!rp__gguf_take_u64(cursor, &len))
        goto cut;
    if (len == 0)
        return rp_error_set(reterr, RP_INVALID, "tensors", "tensor %zu has no name", index);
    if (len > RP_GGUF_TENSOR_NAME_MAX)
        return rp_error_limit(reterr, "tensors", "64 bytes",
            "the name of tensor %zu has %" PRIu64 " bytes, at most %d", index, len,
            RP_GGUF_TENSOR_NAME_MAX);
    if (!rp__gguf_take(cursor, len, &tensor->name) || !rp__gguf_take_u32(cursor, &tensor->ndim))
        goto cut;
    const char *name = rp__gguf_printable(tensor->name, text);
    if (tensor->ndim == 0 || tensor->ndim > RP_GGUF_DIMS_MAX)
        return rp_error_limit(reterr, name, "4 dimensions",
            "tensor %s has %" PRIu32 " dimensions, expected 1 to %d", name, tensor->ndim,
            RP_GGUF_DIMS_MAX);
    for (uint32_t i = 0; i < RP_GGUF_DIMS_MAX; i++) {
        tensor->dims[i] = 1;
        if (i < tensor->ndim && !rp__gguf_take_u64(cursor, &tensor->dims[i]))
            goto cut;
        if (tensor->dims[i] == 0)
            return rp_error_set(
                reterr, RP_INVALID, name, "dimension %" PRIu32 " of tensor %s is 0", i, name);
    }
    if (rp__gguf_take_u32(cursor, &tensor->type) && rp__gguf_take_u64(cursor, &tensor->offset))
        return RP_OK;
cut:
    return rp_error_set(reterr, RP_CORRUPT, "tensors",
        "cut short: the line of tensor %zu, at byte %zu, goes beyond the file's %zu bytes", index,
        cursor->at, cursor->len);
}

/* The bytes of the tensor's data, from type and dimensions; 0 where the type is unknown. */
static rp_status measure(rp_gguf_tensor *tensor, const char *name, rp_error *reterr)
{
    uint32_t weights, bytes;
    if (!rp_gguf_type_block(tensor->type, &weights, &bytes))
        return RP_OK;
    if (tensor->dims[0] % weights != 0)
        return rp_error_set(reterr, RP_INVALID, name,
            "rows of %" PRIu64 " in tensor %s are no multiple of %s's blocks of %" PRIu32,
            tensor->dims[0], name, rp_gguf_type_name(tensor->type), weights);
    uint64_t product = tensor->dims[0] / weights;
    for (int i = 1; i <= RP_GGUF_DIMS_MAX; i++) {
        uint64_t factor = i < RP_GGUF_DIMS_MAX ? tensor->dims[i] : bytes;
        if (product > UINT64_MAX / factor)
            return rp_error_set(reterr, RP_INVALID, name,
                "the dimensions of tensor %s multiply to more than 64 bits hold", name);
        product *= factor;
    }
    tensor->bytes = product;
    return RP_OK;
}

/* Makes the tensor's offset one from the start of the file, after it has been checked. */
static rp_status place(
    const rp_gguf *file, size_t data_start, rp_gguf_tensor *tensor, rp_error *reterr)
{
    char text[RP__GGUF_NAME_TEXT];
    const char *name = rp__gguf_printable(tensor->name, text);
    rp_status status = measure(tensor, name, reterr);
    if (status != RP_OK)
        return status;
    if (tensor->offset % file->alignment != 0)
        return rp_error_set(reterr, RP_INVALID, name,
            "tensor %s lies at %" PRIu64 ", which is no multiple of the alignment %" PRIu32, name,
            tensor->offset, file->alignment);
    uint64_t have = file->bytes.len > data_start ? file->bytes.len - data_start : 0;
    if (tensor->offset > have || tensor->bytes > have - tensor->offset)
        return rp_error_set(reterr, RP_CORRUPT, name,
            "cut short: tensor %s needs bytes %" PRIu64 "..%" PRIu64 " of the data's %" PRIu64,
            name, tensor->offset,
            tensor->bytes > UINT64_MAX - tensor->offset ? UINT64_MAX
                                                        : tensor->offset + tensor->bytes,
            have);
    tensor->offset += data_start;
    return RP_OK;
}

static rp_status parse_tensors(rp_gguf *file, rp__gguf_cursor *cursor, rp_error *reterr)
{
    file->tensors = calloc(file->tensor_count ? file->tensor_count : 1, sizeof *file->tensors);
    if (!file->tensors)
        return rp_error_set(
            reterr, RP_NO_MEMORY, NULL, "out of memory for %zu tensors", file->tensor_count);
    for (size_t i = 0; i < file->tensor_count; i++) {
        rp_status status = parse_tensor(cursor, i, &file->tensors[i], reterr);
        if (status != RP_OK)
            return status;
    }
    size_t past = cursor->at & (file->alignment - 1);
    size_t data_start = past == 0 ? cursor->at : cursor->at + (file->alignment - past);
    for (size_t i = 0; i < file->tensor_count; i++) {
        rp_status status = place(file, data_start, &file->tensors[i], reterr);
        if (status != RP_OK)
            return status;
    }
    return sort_names(file, file->tensor_count, tensor_name, "tensor", &file->tensor_order, reterr);
}

static rp_status parse(rp_gguf *file, rp_error *reterr)
{
    rp__gguf_cursor cursor = {file->bytes.data, file->bytes.len, 0};
    rp_status status = parse_header(file, &cursor, reterr);
    if (status == RP_OK)
        status = parse_metadata(file, &cursor, reterr);
    if (status == RP_OK)
        status = parse_tensors(file, &cursor, reterr);
    return status;
}

/* ---- open and close ---- */

rp_status rp_gguf_parse(rp_bytes bytes, rp_gguf **ret_file, rp_error *reterr)
{
    rp_gguf *file = calloc(1, sizeof *file);
    if (!file)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    file->bytes = bytes;
    rp_status status = parse(file, reterr);
    if (status != RP_OK) {
        rp_gguf_free(file);
        return status;
    }
    *ret_file = file;
    return RP_OK;
}

static rp_status refused(const char *path, const char *verb, rp_error *reterr)
{
    int reason = errno;
    char text[64];
    rp_status status = reason == ENOENT   ? RP_NOT_FOUND
                       : reason == EACCES ? RP_DENIED
                       : reason == ENOMEM ? RP_NO_MEMORY
                                          : RP_IO;
    return rp_error_set(reterr, status, NULL, "%s could not be %s: %s", path, verb,
        strerror_r(reason, text, sizeof text));
}

/* Maps the file. An empty one has no pages: it gives an empty view and no mapping. */
static rp_status map(const char *path, void **ret_mapping, rp_bytes *ret_bytes, rp_error *reterr)
{
    struct stat about;
    void *mapping = NULL;
    rp_status status = RP_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return refused(path, "opened", reterr);
    if (fstat(fd, &about) != 0) {
        status = refused(path, "examined", reterr);
    } else if (!S_ISREG(about.st_mode)) {
        status = rp_error_set(reterr, RP_INVALID, NULL, "%s is no regular file", path);
    } else if (about.st_size > 0) {
        mapping = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (mapping == MAP_FAILED)
            status = refused(path, "mapped", reterr);
    }
    close(fd);
    if (status != RP_OK)
        return status;
    *ret_mapping = mapping;
    *ret_bytes = rp_bytes_of(mapping, (size_t)about.st_size);
    return RP_OK;
}

rp_status rp_gguf_open(const char *path, rp_gguf **ret_file, rp_error *reterr)
{
    void *mapping = NULL;
    rp_bytes bytes;
    rp_gguf *file;
    rp_status status = map(path, &mapping, &bytes, reterr);
    if (status != RP_OK)
        return status;
    status = rp_gguf_parse(bytes, &file, reterr);
    if (status != RP_OK) {
        rp_error_prefix(reterr, "%s", path);
        if (mapping)
            munmap(mapping, bytes.len);
        return status;
    }
    file->mapping = mapping;
    *ret_file = file;
    return RP_OK;
}

void rp_gguf_drop_pages(const rp_gguf *file)
{
    if (file->mapping)
        (void)madvise(file->mapping, file->bytes.len, MADV_DONTNEED); /* or they stay: no harm */
}

void rp_gguf_free(rp_gguf *file)
{
    if (!file)
        return;
    if (file->mapping)
        munmap(file->mapping, file->bytes.len);
    free(file->entries);
    free(file->tensors);
    free(file->entry_order);
    free(file->tensor_order);
    free(file);
}

uint32_t rp_gguf_version(const rp_gguf *file)
{
    return file->version;
}

rp_bytes rp_gguf_bytes(const rp_gguf *file)
{
    return file->bytes;
}

/* ---- tensors ---- */

size_t rp_gguf_tensor_count(const rp_gguf *file)
{
    return file->tensor_count;
}

const rp_gguf_tensor *rp_gguf_tensor_at(const rp_gguf *file, size_t index)
{
    RP_ASSERT(index < file->tensor_count);
    return &file->tensors[index];
}

rp_status rp_gguf_tensor_find(
    const rp_gguf *file, const char *name, const rp_gguf_tensor **ret_tensor, rp_error *reterr)
{
    uint32_t index;
    if (!rp__gguf_search(
            file, file->tensor_order, file->tensor_count, tensor_name, rp_bytes_text(name), &index))
        return rp_error_set(reterr, RP_NOT_FOUND, name, "the file has no tensor %s", name);
    *ret_tensor = &file->tensors[index];
    return RP_OK;
}

rp_status rp_gguf_tensor_data(
    const rp_gguf *file, const rp_gguf_tensor *tensor, rp_bytes *ret_data, rp_error *reterr)
{
    if (tensor->bytes == 0) {
        char text[RP__GGUF_NAME_TEXT];
        const char *name = rp__gguf_printable(tensor->name, text);
        return rp_error_set(reterr, RP_UNSUPPORTED, name,
            "tensor %s is of ggml type %" PRIu32 ", which is not supported", name, tensor->type);
    }
    *ret_data = rp_bytes_of(file->bytes.data + tensor->offset, (size_t)tensor->bytes);
    return RP_OK;
}
