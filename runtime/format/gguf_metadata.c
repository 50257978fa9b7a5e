#include "runtime/format/gguf.h"

#include <inttypes.h>

#include "runtime/format/gguf_internal.h"

static const struct {
    const char *name;
    uint8_t bytes;
} kinds[RP_GGUF_KIND_COUNT] = {
#define X(number, kind, name, bytes) [number] = {name, bytes},
    RP_GGUF_KIND_MAP(X)
#undef X
};

const char *rp_gguf_kind_name(uint32_t kind)
{
    return kind < RP_GGUF_KIND_COUNT ? kinds[kind].name : "unknown";
}

size_t rp__gguf_kind_bytes(uint32_t kind)
{
    return kind < RP_GGUF_KIND_COUNT ? kinds[kind].bytes : 0;
}

/* ---- walking over values ---- */

bool rp__gguf_take(rp__gguf_cursor *cursor, uint64_t len, rp_bytes *ret_bytes)
{
    if (len > cursor->len - cursor->at)
        return false;
    *ret_bytes = rp_bytes_of(cursor->data + cursor->at, (size_t)len);
    cursor->at += (size_t)len;
    return true;
}

bool rp__gguf_take_u32(rp__gguf_cursor *cursor, uint32_t *ret_value)
{
    rp_bytes bytes;
    if (!rp__gguf_take(cursor, sizeof *ret_value, &bytes))
        return false;
    *ret_value = rp_load_u32(bytes.data);
    return true;
}

bool rp__gguf_take_u64(rp__gguf_cursor *cursor, uint64_t *ret_value)
{
    rp_bytes bytes;
    if (!rp__gguf_take(cursor, sizeof *ret_value, &bytes))
        return false;
    *ret_value = rp_load_u64(bytes.data);
    return true;
}

const char *rp__gguf_printable(rp_bytes name, char text[RP__GGUF_NAME_TEXT])
{
    const size_t shown = RP__GGUF_NAME_TEXT - 4; /* leaves room for "..." */
    size_t len = name.len <= shown ? name.len : shown;
    for (size_t i = 0; i < len; i++)
        text[i] = name.data[i] >= 0x20 && name.data[i] < 0x7F ? (char)name.data[i] : '?';
    text[len] = '\0';
    if (len < name.len)
        memcpy(text + len, "...", 4);
    return text;
}

static rp_status cut_short(const rp__gguf_cursor *cursor, rp_bytes key, rp_error *reterr)
{
    char text[RP__GGUF_NAME_TEXT];
    const char *name = rp__gguf_printable(key, text);
    return rp_error_set(reterr, RP_CORRUPT, name,
        "cut short: the value of key %s, at byte %zu, goes beyond the file's %zu bytes", name,
        cursor->at, cursor->len);
}

static rp_status take_text(
    rp__gguf_cursor *cursor, rp_bytes key, rp_bytes *ret_text, rp_error *reterr)
{
    uint64_t len;
    char text[RP__GGUF_NAME_TEXT];
    if (!rp__gguf_take_u64(cursor, &len))
        return cut_short(cursor, key, reterr);
    if (len > RP_GGUF_TEXT_BYTES_MAX) {
        const char *name = rp__gguf_printable(key, text);
        return rp_error_limit(reterr, name, "16777216 bytes",
            "a text of %" PRIu64 " bytes in key %s, at most %d", len, name, RP_GGUF_TEXT_BYTES_MAX);
    }
    return rp__gguf_take(cursor, len, ret_text) ? RP_OK : cut_short(cursor, key, reterr);
}

/* Reads an array's element kind and count, both still unchecked against the bytes that follow. */
static rp_status take_array_head(rp__gguf_cursor *cursor, rp_bytes key, rp_gguf_kind *ret_element,
    size_t *ret_count, rp_error *reterr)
{
    uint32_t element;
    uint64_t count;
    char text[RP__GGUF_NAME_TEXT];
    if (!rp__gguf_take_u32(cursor, &element) || !rp__gguf_take_u64(cursor, &count))
        return cut_short(cursor, key, reterr);
    const char *name = rp__gguf_printable(key, text);
    if (element >= RP_GGUF_KIND_COUNT)
        return rp_error_set(reterr, RP_CORRUPT, name,
            "key %s is an array of kind %" PRIu32 ", which does not exist", name, element);
    if (count > RP_GGUF_ARRAY_COUNT_MAX)
        return rp_error_limit(reterr, name, "16777216 elements",
            "an array of %" PRIu64 " elements in key %s, at most %d", count, name,
            RP_GGUF_ARRAY_COUNT_MAX);
    *ret_element = (rp_gguf_kind)element;
    *ret_count = (size_t)count;
    return RP_OK;
}

/* Steps over the elements of an array. Arrays in arrays are a stack of counts rather than calls, so
 * that the file does not decide how deep ours goes. */
static rp_status skip_elements(
    rp__gguf_cursor *cursor, rp_bytes key, rp_gguf_kind element, size_t count, rp_error *reterr)
{
    size_t left[RP_GGUF_NESTING_MAX];
    int depth = 0;
    char text[RP__GGUF_NAME_TEXT];
    rp_bytes ignored;
    rp_status status = RP_OK;
    for (;;) {
        if (element == RP_GGUF_ARRAY) {
            left[depth++] = count;
        } else if (element == RP_GGUF_TEXT) {
            for (size_t i = 0; i < count && status == RP_OK; i++)
                status = take_text(cursor, key, &ignored, reterr);
        } else if (!rp__gguf_take(cursor, (uint64_t)count * kinds[element].bytes, &ignored)) {
            return cut_short(cursor, key, reterr);
        }
        while (depth > 0 && left[depth - 1] == 0)
            depth--;
        if (status != RP_OK || depth == 0)
            return status;
        left[depth - 1]--;
        status = take_array_head(cursor, key, &element, &count, reterr);
        if (status != RP_OK)
            return status;
        if (element == RP_GGUF_ARRAY && depth == RP_GGUF_NESTING_MAX - 1) {
            const char *name = rp__gguf_printable(key, text);
            return rp_error_limit(reterr, name, "4 levels",
                "arrays in arrays in key %s, more than %d deep", name, RP_GGUF_NESTING_MAX);
        }
    }
}

rp_status rp__gguf_take_value(
    rp__gguf_cursor *cursor, uint32_t kind, rp__gguf_entry *entry, rp_error *reterr)
{
    char text[RP__GGUF_NAME_TEXT];
    if (kind >= RP_GGUF_KIND_COUNT) {
        const char *name = rp__gguf_printable(entry->key, text);
        return rp_error_set(reterr, RP_CORRUPT, name,
            "key %s has a value of kind %" PRIu32 ", which does not exist", name, kind);
    }
    entry->kind = (rp_gguf_kind)kind;
    if (entry->kind == RP_GGUF_TEXT)
        return take_text(cursor, entry->key, &entry->value, reterr);
    if (entry->kind != RP_GGUF_ARRAY)
        return rp__gguf_take(cursor, kinds[kind].bytes, &entry->value)
                   ? RP_OK
                   : cut_short(cursor, entry->key, reterr);
    rp_status status = take_array_head(cursor, entry->key, &entry->element, &entry->count, reterr);
    size_t start = cursor->at;
    if (status == RP_OK)
        status = skip_elements(cursor, entry->key, entry->element, entry->count, reterr);
    entry->value = rp_bytes_of(cursor->data + start, cursor->at - start);
    return status;
}

/* ---- values by key ---- */

size_t rp_gguf_key_count(const rp_gguf *file)
{
    return file->key_count;
}

rp_bytes rp_gguf_key(const rp_gguf *file, size_t index, rp_gguf_kind *ret_kind)
{
    RP_ASSERT(index < file->key_count);
    *ret_kind = file->entries[index].kind;
    return file->entries[index].key;
}

rp_bytes rp__gguf_entry_name(const rp_gguf *file, uint32_t index)
{
    return file->entries[index].key;
}

static rp_status find(
    const rp_gguf *file, const char *key, const rp__gguf_entry **ret_entry, rp_error *reterr)
{
    uint32_t index;
    if (!rp__gguf_search(file, file->entry_order, file->key_count, rp__gguf_entry_name,
            rp_bytes_text(key), &index))
        return rp_error_set(reterr, RP_NOT_FOUND, key, "the file has no key %s", key);
    *ret_entry = &file->entries[index];
    return RP_OK;
}

static rp_status wrong_kind(
    const rp__gguf_entry *entry, const char *key, const char *wanted, rp_error *reterr)
{
    if (entry->kind == RP_GGUF_ARRAY)
        return rp_error_set(reterr, RP_INVALID, key, "key %s is an array of %s, expected %s", key,
            kinds[entry->element].name, wanted);
    return rp_error_set(
        reterr, RP_INVALID, key, "key %s is %s, expected %s", key, kinds[entry->kind].name, wanted);
}

/* An integer of any width as its sign and magnitude's 64 bits: `negative` where it is below 0, in
 * which case `ret_bits` are those of the int64_t. */
static bool load_integer(
    rp_gguf_kind kind, const uint8_t *p, uint64_t *ret_bits, bool *ret_negative)
{
    int64_t value;
    *ret_negative = false;
    switch (kind) {
    case RP_GGUF_U8:
        *ret_bits = p[0];
        return true;
    case RP_GGUF_U16:
        *ret_bits = rp_load_u16(p);
        return true;
    case RP_GGUF_U32:
        *ret_bits = rp_load_u32(p);
        return true;
    case RP_GGUF_U64:
        *ret_bits = rp_load_u64(p);
        return true;
    case RP_GGUF_I8:
        value = (int8_t)p[0];
        break;
    case RP_GGUF_I16:
        value = (int16_t)rp_load_u16(p);
        break;
    case RP_GGUF_I32:
        value = (int32_t)rp_load_u32(p);
        break;
    case RP_GGUF_I64:
        value = (int64_t)rp_load_u64(p);
        break;
    default:
        return false;
    }
    *ret_bits = (uint64_t)value;
    *ret_negative = value < 0;
    return true;
}

static bool load_float(rp_gguf_kind kind, const uint8_t *p, double *ret_value)
{
    if (kind == RP_GGUF_F32) {
        float narrow;
        memcpy(&narrow, p, sizeof narrow);
        *ret_value = (double)narrow;
        return true;
    }
    if (kind == RP_GGUF_F64) {
        memcpy(ret_value, p, sizeof *ret_value);
        return true;
    }
    return false;
}

rp_status rp_gguf_u64(const rp_gguf *file, const char *key, uint64_t *ret_value, rp_error *reterr)
{
    const rp__gguf_entry *entry;
    uint64_t bits;
    bool negative;
    rp_status status = find(file, key, &entry, reterr);
    if (status != RP_OK)
        return status;
    if (!load_integer(entry->kind, entry->value.data, &bits, &negative))
        return wrong_kind(entry, key, "an integer", reterr);
    if (negative)
        return rp_error_set(reterr, RP_INVALID, key, "key %s is %" PRId64 ", expected 0 or more",
            key, (int64_t)bits);
    *ret_value = bits;
    return RP_OK;
}

rp_status rp_gguf_i64(const rp_gguf *file, const char *key, int64_t *ret_value, rp_error *reterr)
{
    const rp__gguf_entry *entry;
    uint64_t bits;
    bool negative;
    rp_status status = find(file, key, &entry, reterr);
    if (status != RP_OK)
        return status;
    if (!load_integer(entry->kind, entry->value.data, &bits, &negative))
        return wrong_kind(entry, key, "an integer", reterr);
    if (!negative && bits > INT64_MAX)
        return rp_error_set(reterr, RP_INVALID, key, "key %s is %" PRIu64 ", at most %" PRId64, key,
            bits, INT64_MAX);
    *ret_value = (int64_t)bits;
    return RP_OK;
}

rp_status rp_gguf_f64(const rp_gguf *file, const char *key, double *ret_value, rp_error *reterr)
{
    const rp__gguf_entry *entry;
    double value;
    rp_status status = find(file, key, &entry, reterr);
    if (status != RP_OK)
        return status;
    if (!load_float(entry->kind, entry->value.data, &value))
        return wrong_kind(entry, key, "f32 or f64", reterr);
    *ret_value = value;
    return RP_OK;
}

rp_status rp_gguf_bool(const rp_gguf *file, const char *key, bool *ret_value, rp_error *reterr)
{
    const rp__gguf_entry *entry;
    rp_status status = find(file, key, &entry, reterr);
    if (status != RP_OK)
        return status;
    if (entry->kind != RP_GGUF_BOOL)
        return wrong_kind(entry, key, "bool", reterr);
    if (entry->value.data[0] > 1)
        return rp_error_set(reterr, RP_INVALID, key, "key %s is a bool of %d, expected 0 or 1", key,
            entry->value.data[0]);
    *ret_value = entry->value.data[0] == 1;
    return RP_OK;
}

rp_status rp_gguf_text(const rp_gguf *file, const char *key, rp_bytes *ret_text, rp_error *reterr)
{
    const rp__gguf_entry *entry;
    rp_status status = find(file, key, &entry, reterr);
    if (status != RP_OK)
        return status;
    if (entry->kind != RP_GGUF_TEXT)
        return wrong_kind(entry, key, "text", reterr);
    *ret_text = entry->value;
    return RP_OK;
}

/* ---- arrays ---- */

rp_status rp_gguf_array_any(
    const rp_gguf *file, const char *key, rp_gguf_array *ret_array, rp_error *reterr)
{
    const rp__gguf_entry *entry;
    rp_status status = find(file, key, &entry, reterr);
    if (status != RP_OK)
        return status;
    if (entry->kind != RP_GGUF_ARRAY)
        return wrong_kind(entry, key, "an array", reterr);
    *ret_array =
        (rp_gguf_array){.kind = entry->element, .count = entry->count, .bytes = entry->value};
    return RP_OK;
}

rp_status rp_gguf_array_of(const rp_gguf *file, const char *key, rp_gguf_kind kind,
    rp_gguf_array *ret_array, rp_error *reterr)
{
    rp_gguf_array array;
    rp_status status = rp_gguf_array_any(file, key, &array, reterr);
    if (status != RP_OK)
        return status;
    if (array.kind != kind)
        return rp_error_set(reterr, RP_INVALID, key, "key %s is an array of %s, expected of %s",
            key, kinds[array.kind].name, rp_gguf_kind_name(kind));
    *ret_array = array;
    return RP_OK;
}

static const uint8_t *element_at(const rp_gguf_array *array, size_t index)
{
    RP_ASSERT(index < array->count);
    return array->bytes.data + index * kinds[array->kind].bytes;
}

bool rp_gguf_array_integer(const rp_gguf_array *array, size_t index, int64_t *ret_value)
{
    uint64_t bits;
    bool negative;
    if (!load_integer(array->kind, element_at(array, index), &bits, &negative))
        return false;
    if (!negative && bits > INT64_MAX)
        return false;
    *ret_value = (int64_t)bits;
    return true;
}

bool rp_gguf_array_float(const rp_gguf_array *array, size_t index, double *ret_value)
{
    return load_float(array->kind, element_at(array, index), ret_value);
}

/* The array has been walked when the file was opened, so what follows cannot run out of bytes. */
static void drop_front(rp_gguf_array *array, const rp__gguf_cursor *cursor)
{
    array->bytes = rp_bytes_of(cursor->data + cursor->at, cursor->len - cursor->at);
    array->count--;
}

bool rp_gguf_array_next_text(rp_gguf_array *array, rp_bytes *ret_text)
{
    rp__gguf_cursor cursor = {array->bytes.data, array->bytes.len, 0};
    if (array->kind != RP_GGUF_TEXT || array->count == 0)
        return false;
    rp_status status = take_text(&cursor, rp_bytes_text(""), ret_text, NULL);
    RP_ASSERT(status == RP_OK);
    drop_front(array, &cursor);
    return true;
}

bool rp_gguf_array_next_array(rp_gguf_array *array, rp_gguf_array *ret_element)
{
    rp__gguf_cursor cursor = {array->bytes.data, array->bytes.len, 0};
    rp__gguf_entry entry = {0};
    if (array->kind != RP_GGUF_ARRAY || array->count == 0)
        return false;
    rp_status status = rp__gguf_take_value(&cursor, RP_GGUF_ARRAY, &entry, NULL);
    RP_ASSERT(status == RP_OK);
    *ret_element =
        (rp_gguf_array){.kind = entry.element, .count = entry.count, .bytes = entry.value};
    drop_front(array, &cursor);
    return true;
}
