/* GGUF: what a right file gives, and what each kind of wrong file is told. */
#include "runtime/format/gguf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/support/gguf_writer.h"
#include "tests/unit/support/temporary.h"

enum { BROKEN_MAX = 4096 };

static const float weights[64] = {1.0f, 2.0f, 3.0f};

/* A file with a value of every kind and two tensors. */
static rp_bytes everything(gguf_writer *writer)
{
    static const char *const pieces[] = {"a", "", "bc"};
    static const int32_t numbers[] = {-1, 7};
    static const float floats[] = {0.5f, -2.0f};
    static const struct {
        uint32_t element;
        uint32_t count_low, count_high;
        uint32_t inner_element;
        uint32_t inner_low, inner_high;
        uint8_t values[2];
    } nested = {RP_GGUF_ARRAY, 1, 0, RP_GGUF_U8, 2, 0, {5, 6}};
    gguf_writer_init(writer);
    gguf_writer_raw(writer, "u8", RP_GGUF_U8, "\xFF", 1);
    gguf_writer_raw(writer, "i8", RP_GGUF_I8, "\xFF", 1);
    gguf_writer_raw(writer, "u16", RP_GGUF_U16, "\x34\x12", 2);
    gguf_writer_raw(writer, "i16", RP_GGUF_I16, "\xFE\xFF", 2);
    gguf_writer_u32(writer, "u32", 4000000000u);
    gguf_writer_raw(writer, "i32", RP_GGUF_I32, "\xFD\xFF\xFF\xFF", 4);
    gguf_writer_raw(writer, "u64", RP_GGUF_U64, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8);
    gguf_writer_raw(writer, "i64", RP_GGUF_I64, "\xFC\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8);
    gguf_writer_f32(writer, "f32", 1.5f);
    gguf_writer_raw(writer, "f64", RP_GGUF_F64, "\0\0\0\0\0\0\xF0\xBF", 8);
    gguf_writer_bool(writer, "bool", true);
    gguf_writer_text(writer, "text", "some text");
    gguf_writer_texts(writer, "pieces", pieces, 3);
    gguf_writer_numbers(writer, "numbers", RP_GGUF_I32, numbers, sizeof numbers[0], 2);
    gguf_writer_numbers(writer, "floats", RP_GGUF_F32, floats, sizeof floats[0], 2);
    gguf_writer_raw(writer, "nested", RP_GGUF_ARRAY, &nested, 26);
    gguf_writer_tensor(
        writer, "norm", RP_GGUF_TYPE_F32, 1, (uint64_t[]){64}, weights, sizeof weights);
    gguf_writer_tensor(writer, "embed", RP_GGUF_TYPE_Q8_0, 2, (uint64_t[]){32, 2}, weights, 2 * 34);
    return gguf_writer_finish(writer);
}

/* Parses what must be refused, and checks code and message. */
static void refused(rp_bytes bytes, rp_status wanted, const char *says)
{
    rp_gguf *file = NULL;
    rp_error error = {0};
    rp_status status = rp_gguf_parse(bytes, &file, &error);
    cr_assert_eq(status, wanted, "%s (%s), expected %s", rp_status_name(status), error.message,
        rp_status_name(wanted));
    cr_assert_eq(error.status, wanted);
    cr_assert_null(file);
    cr_assert(strstr(error.message, says), "\"%s\" does not say \"%s\"", error.message, says);
}

Test(gguf, gives_every_kind_of_value)
{
    gguf_writer writer;
    rp_gguf *file;
    rp_error error = {0};
    cr_assert_eq(rp_gguf_parse(everything(&writer), &file, &error), RP_OK, "%s", error.message);
    cr_expect_eq(rp_gguf_version(file), 3);
    cr_expect_eq(rp_gguf_key_count(file), 16);
    static const struct {
        const char *key;
        uint64_t value;
    } naturals[] = {{"u8", 255}, {"u16", 0x1234}, {"u32", 4000000000u}, {"u64", UINT64_MAX}};
    for (size_t i = 0; i < 4; i++) {
        uint64_t value = 0;
        cr_expect_eq(rp_gguf_u64(file, naturals[i].key, &value, NULL), RP_OK);
        cr_expect_eq(value, naturals[i].value);
    }
    static const struct {
        const char *key;
        int64_t value;
    } integers[] = {{"i8", -1}, {"i16", -2}, {"i32", -3}, {"i64", -4}, {"u32", 4000000000}};
    for (size_t i = 0; i < 5; i++) {
        int64_t value = 0;
        cr_expect_eq(rp_gguf_i64(file, integers[i].key, &value, NULL), RP_OK);
        cr_expect_eq(value, integers[i].value);
    }
    double number;
    bool flag = false;
    rp_bytes text;
    cr_expect(rp_gguf_f64(file, "f32", &number, NULL) == RP_OK && number == 1.5);
    cr_expect(rp_gguf_f64(file, "f64", &number, NULL) == RP_OK && number == -1.0);
    cr_expect(rp_gguf_bool(file, "bool", &flag, NULL) == RP_OK && flag);
    cr_expect(rp_gguf_text(file, "text", &text, NULL) == RP_OK && rp_bytes_is(text, "some text"));
    rp_gguf_kind kind;
    cr_expect(rp_bytes_is(rp_gguf_key(file, 4, &kind), "u32"));
    cr_expect_eq(kind, RP_GGUF_U32);
    rp_gguf_free(file);
    gguf_writer_done(&writer);
}

Test(gguf, gives_arrays)
{
    gguf_writer writer;
    rp_gguf *file;
    rp_gguf_array array, inner;
    rp_bytes text;
    int64_t integer = 0;
    double number = 0;
    cr_assert_eq(rp_gguf_parse(everything(&writer), &file, NULL), RP_OK);
    cr_assert_eq(rp_gguf_array_of(file, "pieces", RP_GGUF_TEXT, &array, NULL), RP_OK);
    cr_expect_eq(array.count, 3);
    cr_expect(rp_gguf_array_next_text(&array, &text) && rp_bytes_is(text, "a"));
    cr_expect(rp_gguf_array_next_text(&array, &text) && rp_bytes_is(text, ""));
    cr_expect(rp_gguf_array_next_text(&array, &text) && rp_bytes_is(text, "bc"));
    cr_expect_not(rp_gguf_array_next_text(&array, &text));
    cr_assert_eq(rp_gguf_array_of(file, "numbers", RP_GGUF_I32, &array, NULL), RP_OK);
    cr_expect(rp_gguf_array_integer(&array, 0, &integer) && integer == -1);
    cr_expect(rp_gguf_array_integer(&array, 1, &integer) && integer == 7);
    cr_expect_not(rp_gguf_array_float(&array, 1, &number));
    cr_assert_eq(rp_gguf_array_any(file, "floats", &array, NULL), RP_OK);
    cr_expect(rp_gguf_array_float(&array, 1, &number) && number == -2.0);
    cr_assert_eq(rp_gguf_array_any(file, "nested", &array, NULL), RP_OK);
    cr_expect(rp_gguf_array_next_array(&array, &inner));
    cr_expect_eq(inner.kind, RP_GGUF_U8);
    cr_expect(rp_gguf_array_integer(&inner, 1, &integer) && integer == 6);
    cr_expect_not(rp_gguf_array_next_array(&array, &inner));
    rp_gguf_free(file);
    gguf_writer_done(&writer);
}

Test(gguf, tells_missing_from_wrong)
{
    gguf_writer writer;
    rp_gguf *file;
    rp_error error = {0};
    uint64_t natural;
    int64_t integer;
    double number;
    bool flag;
    rp_bytes text;
    rp_gguf_array array;
    const rp_gguf_tensor *tensor;
    cr_assert_eq(rp_gguf_parse(everything(&writer), &file, NULL), RP_OK);
    cr_expect_eq(rp_gguf_u64(file, "absent", &natural, &error), RP_NOT_FOUND);
    cr_expect_str_eq(error.field, "absent");
    cr_expect_eq(rp_gguf_u64(file, "text", &natural, &error), RP_INVALID);
    cr_expect_str_eq(error.message, "key text is text, expected an integer");
    cr_expect_eq(rp_gguf_u64(file, "i8", &natural, &error), RP_INVALID);
    cr_expect_eq(rp_gguf_i64(file, "u64", &integer, &error), RP_INVALID);
    cr_expect_eq(rp_gguf_f64(file, "u32", &number, &error), RP_INVALID);
    cr_expect_eq(rp_gguf_bool(file, "u8", &flag, &error), RP_INVALID);
    cr_expect_eq(rp_gguf_text(file, "pieces", &text, &error), RP_INVALID);
    cr_expect_str_eq(error.message, "key pieces is an array of text, expected text");
    cr_expect_eq(rp_gguf_array_any(file, "u8", &array, &error), RP_INVALID);
    cr_expect_eq(rp_gguf_array_of(file, "numbers", RP_GGUF_TEXT, &array, &error), RP_INVALID);
    cr_expect_eq(rp_gguf_tensor_find(file, "absent", &tensor, &error), RP_NOT_FOUND);
    rp_gguf_free(file);
    gguf_writer_done(&writer);
}

Test(gguf, gives_tensors)
{
    gguf_writer writer;
    rp_gguf *file;
    rp_error error = {0};
    const rp_gguf_tensor *tensor;
    rp_bytes data;
    everything(&writer);
    gguf_writer_tensor(&writer, "odd", 99, 1, (uint64_t[]){3}, NULL, 0);
    cr_assert_eq(rp_gguf_parse(gguf_writer_finish(&writer), &file, NULL), RP_OK);
    cr_expect_eq(rp_gguf_tensor_count(file), 3);
    cr_assert_eq(rp_gguf_tensor_find(file, "norm", &tensor, NULL), RP_OK);
    cr_expect_eq(tensor, rp_gguf_tensor_at(file, 0));
    cr_expect_eq(tensor->dims[0], 64);
    cr_expect_eq(tensor->dims[3], 1);
    cr_assert_eq(rp_gguf_tensor_data(file, tensor, &data, NULL), RP_OK);
    cr_expect(rp_bytes_equal(data, rp_bytes_of(weights, sizeof weights)));
    cr_assert_eq(rp_gguf_tensor_find(file, "embed", &tensor, NULL), RP_OK);
    cr_assert_eq(rp_gguf_tensor_data(file, tensor, &data, NULL), RP_OK);
    cr_expect_eq(data.len, 2 * 34);
    cr_assert_eq(rp_gguf_tensor_find(file, "odd", &tensor, NULL), RP_OK);
    cr_expect_eq(rp_gguf_tensor_data(file, tensor, &data, &error), RP_UNSUPPORTED);
    cr_expect_str_eq(error.field, "odd");
    rp_gguf_free(file);
    gguf_writer_done(&writer);
}

Test(gguf, refuses_every_cut)
{
    gguf_writer writer;
    rp_bytes whole = everything(&writer);
    /* The last tensor's padding may be missing; nothing else. */
    size_t needed = whole.len - (96 - 2 * 34);
    for (size_t len = 0; len < needed; len++) {
        /* In memory of its own, so that a sanitizer sees a read beyond the cut. */
        uint8_t *bytes = malloc(len ? len : 1);
        rp_gguf *file = NULL;
        rp_error error = {0};
        memcpy(bytes, whole.data, len);
        rp_status status = rp_gguf_parse(rp_bytes_of(bytes, len), &file, &error);
        cr_assert_eq(status, RP_CORRUPT, "%zu bytes: %s", len, error.message);
        free(bytes);
    }
    rp_gguf *file;
    cr_assert_eq(rp_gguf_parse(rp_bytes_of(whole.data, needed), &file, NULL), RP_OK);
    rp_gguf_free(file);
    gguf_writer_done(&writer);
}

Test(gguf, refuses_hostile_headers)
{
    gguf_writer writer;
    uint8_t bytes[BROKEN_MAX];
    rp_bytes whole = everything(&writer);
    cr_assert_leq(whole.len, sizeof bytes);
    static const struct {
        size_t at;
        uint64_t value;
        size_t len;
        rp_status status;
        const char *says;
    } changes[] = {
        {0, 0x46554748, 4, RP_CORRUPT, "does not begin with GGUF"},
        {4, 1, 4, RP_UNSUPPORTED, "version 1"},
        {4, 0x03000000, 4, RP_UNSUPPORTED, "big-endian"},
        {8, UINT64_MAX, 8, RP_LIMIT, "tensors, at most"},
        {8, 65536, 8, RP_CORRUPT, "do not fit"},
        {16, UINT64_MAX, 8, RP_LIMIT, "keys, at most"},
        {16, 65536, 8, RP_CORRUPT, "do not fit"},
        {24, UINT64_MAX, 8, RP_LIMIT, "name of key 0"},
        {24, 0, 8, RP_INVALID, "no name"},
        {34, 13, 4, RP_CORRUPT, "kind 13"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        memcpy(bytes, whole.data, whole.len);
        memcpy(bytes + changes[i].at, &changes[i].value, changes[i].len);
        refused(rp_bytes_of(bytes, whole.len), changes[i].status, changes[i].says);
    }
    gguf_writer_done(&writer);
}

/* A file of one key whose value is taken as it is. */
static void refused_value(
    uint32_t kind, const void *value, size_t bytes, rp_status wanted, const char *says)
{
    gguf_writer writer;
    gguf_writer_init(&writer);
    gguf_writer_raw(&writer, "key", kind, value, bytes);
    refused(gguf_writer_finish(&writer), wanted, says);
    gguf_writer_done(&writer);
}

Test(gguf, refuses_hostile_values)
{
    const uint64_t huge = UINT64_MAX;
    struct {
        uint32_t element;
        uint32_t count[2];
    } head = {RP_GGUF_U64, {0, 0x20000000}}, nest[5];
    refused_value(RP_GGUF_TEXT, &huge, sizeof huge, RP_LIMIT, "a text of 18446744073709551615");
    /* 2^61 elements of 8 bytes: the product is 0 modulo 2^64. */
    refused_value(RP_GGUF_ARRAY, &head, 12, RP_LIMIT, "an array of 2305843009213693952");
    head.count[1] = 0;
    head.count[0] = 2;
    refused_value(RP_GGUF_ARRAY, &head, 12, RP_CORRUPT, "cut short");
    head.element = 77;
    refused_value(RP_GGUF_ARRAY, &head, 12, RP_CORRUPT, "kind 77");
    for (size_t i = 0; i < 5; i++) { /* one level more than there may be */
        nest[i].element = i < 4 ? RP_GGUF_ARRAY : RP_GGUF_U32;
        nest[i].count[0] = i < 4;
        nest[i].count[1] = 0;
    }
    refused_value(RP_GGUF_ARRAY, nest, sizeof nest, RP_LIMIT, "more than 4 deep");
}

Test(gguf, takes_arrays_four_deep)
{
    static const uint32_t levels[] = {
        RP_GGUF_ARRAY, 2, 0, RP_GGUF_ARRAY, 0, 0, RP_GGUF_ARRAY, 1, 0, RP_GGUF_U32, 1, 0, 42};
    gguf_writer writer;
    rp_gguf *file;
    rp_gguf_array one, two, three;
    int64_t value = 0;
    gguf_writer_init(&writer);
    gguf_writer_raw(&writer, "key", RP_GGUF_ARRAY, levels, sizeof levels);
    gguf_writer_bool(&writer, "behind", true);
    cr_assert_eq(rp_gguf_parse(gguf_writer_finish(&writer), &file, NULL), RP_OK);
    cr_assert_eq(rp_gguf_array_of(file, "key", RP_GGUF_ARRAY, &one, NULL), RP_OK);
    cr_assert(rp_gguf_array_next_array(&one, &two));
    cr_expect_eq(two.count, 0);
    cr_assert(rp_gguf_array_next_array(&one, &two));
    cr_assert(rp_gguf_array_next_array(&two, &three));
    cr_expect(rp_gguf_array_integer(&three, 0, &value) && value == 42);
    rp_gguf_free(file);
    gguf_writer_done(&writer);
}

/* A file of one tensor, as `type` and `dims` claim, over 64 bytes of data. */
static void refused_tensor(
    uint32_t type, uint32_t ndim, const uint64_t *dims, rp_status wanted, const char *says)
{
    gguf_writer writer;
    gguf_writer_init(&writer);
    gguf_writer_tensor(&writer, "blk.3.weight", type, ndim, dims, weights, 64);
    refused(gguf_writer_finish(&writer), wanted, says);
    gguf_writer_done(&writer);
}

Test(gguf, refuses_hostile_tensors)
{
    const uint64_t half = UINT64_C(1) << 32;
    refused_tensor(RP_GGUF_TYPE_F32, 1, (uint64_t[]){17}, RP_CORRUPT,
        "tensor blk.3.weight needs bytes 0..68 of the data's 64");
    refused_tensor(RP_GGUF_TYPE_F32, 3, (uint64_t[]){half, half, 2}, RP_INVALID, "64 bits");
    refused_tensor(RP_GGUF_TYPE_F32, 2, (uint64_t[]){half, half / 4}, RP_INVALID, "64 bits");
    refused_tensor(RP_GGUF_TYPE_Q8_0, 1, (uint64_t[]){33}, RP_INVALID, "no multiple of Q8_0");
    refused_tensor(RP_GGUF_TYPE_F32, 2, (uint64_t[]){1, 0}, RP_INVALID, "dimension 1");
    refused_tensor(RP_GGUF_TYPE_F32, 0, NULL, RP_LIMIT, "0 dimensions");
    refused_tensor(RP_GGUF_TYPE_F32, 5, (uint64_t[]){1, 1, 1, 1, 1}, RP_LIMIT, "5 dimensions");
}

Test(gguf, refuses_names_that_stand_twice)
{
    gguf_writer writer;
    everything(&writer);
    gguf_writer_bool(&writer, "u8", true);
    refused(gguf_writer_finish(&writer), RP_INVALID, "key u8 stands in the file twice");
    gguf_writer_done(&writer);
    everything(&writer);
    gguf_writer_tensor(&writer, "norm", RP_GGUF_TYPE_F32, 1, (uint64_t[]){1}, weights, 4);
    refused(gguf_writer_finish(&writer), RP_INVALID, "tensor norm stands in the file twice");
    gguf_writer_done(&writer);
}

Test(gguf, checks_the_alignment)
{
    gguf_writer writer;
    for (uint32_t alignment = 0; alignment < 70000; alignment += 4) {
        bool right = alignment >= 8 && alignment <= 65536 && (alignment & (alignment - 1)) == 0;
        rp_gguf *file = NULL;
        gguf_writer_init(&writer);
        gguf_writer_u32(&writer, "general.alignment", alignment);
        rp_status status = rp_gguf_parse(gguf_writer_finish(&writer), &file, NULL);
        cr_assert_eq(status, right ? RP_OK : RP_INVALID, "%u", alignment);
        rp_gguf_free(file);
        gguf_writer_done(&writer);
    }
    gguf_writer_init(&writer);
    gguf_writer_u32(&writer, "general.alignment", 64);
    writer.alignment = 8;
    gguf_writer_tensor(&writer, "one", RP_GGUF_TYPE_F32, 1, (uint64_t[]){1}, weights, 4);
    gguf_writer_tensor(&writer, "two", RP_GGUF_TYPE_F32, 1, (uint64_t[]){1}, weights, 4);
    refused(gguf_writer_finish(&writer), RP_INVALID, "tensor two lies at 8");
    gguf_writer_done(&writer);
}

Test(gguf, reads_version_2)
{
    gguf_writer writer;
    rp_gguf *file;
    everything(&writer);
    writer.version = 2;
    cr_assert_eq(rp_gguf_parse(gguf_writer_finish(&writer), &file, NULL), RP_OK);
    cr_expect_eq(rp_gguf_version(file), 2);
    rp_gguf_free(file);
    gguf_writer_done(&writer);
}

Test(gguf, opens_files)
{
    char path[TEMPORARY_BYTES];
    gguf_writer writer;
    rp_gguf *file = NULL;
    rp_error error = {0};
    const rp_gguf_tensor *tensor;
    rp_bytes data, whole = everything(&writer);
    cr_expect_eq(rp_gguf_open("/nonexistent/model.gguf", &file, &error), RP_NOT_FOUND);
    cr_expect_eq(rp_gguf_open("/", &file, &error), RP_INVALID);
    int fd = temporary_file("gguf", path);
    cr_expect_eq(rp_gguf_open(path, &file, &error), RP_CORRUPT);
    cr_expect(strstr(error.message, path), "%s", error.message);
    cr_assert_eq(write(fd, whole.data, whole.len), (ssize_t)whole.len);
    close(fd);
    cr_assert_eq(rp_gguf_open(path, &file, &error), RP_OK, "%s", error.message);
    unlink(path);
    cr_assert_eq(rp_gguf_tensor_find(file, "norm", &tensor, NULL), RP_OK);
    cr_assert_eq(rp_gguf_tensor_data(file, tensor, &data, NULL), RP_OK);
    cr_expect_eq((uintptr_t)data.data % RP_GGUF_ALIGNMENT_DEFAULT, 0);
    cr_expect(rp_bytes_equal(data, rp_bytes_of(weights, sizeof weights)));
    rp_gguf_drop_pages(file);
    cr_expect(rp_bytes_equal(data, rp_bytes_of(weights, sizeof weights)), "it comes back");
    rp_gguf_free(file);
    cr_assert_eq(rp_gguf_parse(whole, &file, NULL), RP_OK);
    rp_gguf_drop_pages(file);
    cr_expect(rp_bytes_equal(rp_gguf_bytes(file), whole), "bytes that are not a file's stay");
    rp_gguf_free(file);
    rp_gguf_free(NULL);
    gguf_writer_done(&writer);
}
