/* JetStream's few texts, right ones and hostile ones. */
#include "runtime/bus/jetstream/protocol/wire.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/buffer.h"
#include "runtime/bus/bus.h"

/* -- deliveries -------------------------------------------------------------------------------- */

static rp_status parse(const char *reply, rp__wire_delivery *ret)
{
    return rp__wire_delivery_parse(rp_bytes_text(reply), ret);
}

Test(wire, delivery_in_every_form)
{
    static const char *const replies[] = {
        "$JS.ACK.EXEC.exec-1.2.33.44.1795503600123000000.55",
        "$JS.ACK._.ACCHASH.EXEC.exec-1.2.33.44.1795503600123000000.55",
        "$JS.ACK.hub.ACCHASH.EXEC.exec-1.2.33.44.1795503600123000000.55.random",
    };
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        rp__wire_delivery d = {0};
        cr_assert_eq(parse(replies[i], &d), RP_OK, "%s", replies[i]);
        cr_expect(rp_bytes_is(d.stream, "EXEC"));
        cr_expect(rp_bytes_is(d.consumer, "exec-1"));
        cr_expect_eq(d.deliveries, 2);
        cr_expect_eq(d.stream_sequence, 33);
        cr_expect_eq(d.consumer_sequence, 44);
        cr_expect_eq(d.timestamp_ns, UINT64_C(1795503600123000000));
        cr_expect_eq(d.pending, 55);
    }
}

Test(wire, what_is_no_delivery)
{
    static const char *const wrong[] = {"", ".", "........", "...........", "$JS", "$JS.ACK",
        "_INBOX.a.b", "$JS.ACK.S.C.1.2.3.4", /* too few */
        "$JS.ACK.S.C.1.2.3.4.5.6",           /* between the forms */
        "$JS.ACK.d.a.S.C.1.2.3.4.5.r.more",  /* too many */
        "$JS.ACK.S.C.1.2.3.4.", "$JS.ACK.S.C.1.2.3..5", "$JS.ACK.S.C..2.3.4.5",
        "$JS.ACK..C.1.2.3.4.5", "$JS.ACK.S..1.2.3.4.5", "$JS.ACK.S.C.x.2.3.4.5",
        "$JS.ACK.S.C.1.-2.3.4.5", "$JS.ACK.S.C.1.2.3 .4.5", "$JS.ACK.S.C.1.2.3.0x4.5",
        "$JS.ACK.S.C.1.2.3.4.18446744073709551616", "$JS.NAK.S.C.1.2.3.4.5",
        "$js.ACK.S.C.1.2.3.4.5", "$JS.ACKS.C.1.2.3.4.5.6", "$JS.ACK.d.a..C.1.2.3.4.5",
        "$JS.ACK.d.a.S.C.1.2.3.4.x.r"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rp__wire_delivery d = {.pending = 11};
        cr_expect_eq(parse(wrong[i], &d), RP_INVALID, "%s", wrong[i]);
        cr_expect_eq(d.pending, 11);
        cr_expect_null(d.stream.data);
    }
}

/* A form between the two has no last number, whatever an earlier subject left where it would be. */
Test(wire, delivery_between_the_forms)
{
    for (int i = 0; i < 3; i++) {
        rp__wire_delivery d;
        cr_assert_eq(parse("$JS.ACK._.ACC.S.C.1.2.3.4.5", &d), RP_OK);
        cr_expect_eq(parse("$JS.ACK._.ACC.S.C.1.2.3.4", &d), RP_INVALID);
    }
}

/* However long a subject is, it is looked at and no further. */
Test(wire, long_subjects)
{
    rp__wire_delivery d;
    size_t len = 1 << 20;
    char *text = malloc(len);
    cr_assert(text);
    memset(text, '.', len);
    cr_expect_eq(rp__wire_delivery_parse(rp_bytes_of(text, len), &d), RP_INVALID);
    memset(text, '9', len);
    cr_expect_eq(rp__wire_delivery_parse(rp_bytes_of(text, len), &d), RP_INVALID);
    free(text);
}

/* -- acknowledgements -------------------------------------------------------------------------- */

Test(wire, acks)
{
    static const struct {
        const char *body;
        uint64_t sequence;
        rp_status status;
    } cases[] = {{"{\"stream\":\"EXEC\",\"seq\":7}", 7, RP_OK},
        {"{\"seq\":18446744073709551615,\"domain\":\"hub\",\"new\":[{}]}", UINT64_MAX, RP_OK},
        {"{\"stream\":\"EXEC\",\"seq\":7,\"duplicate\":true}", 7, RP_DUPLICATE},
        {"{\"error\":{\"code\":400,\"err_code\":10071,\"description\":\"wrong last sequence: "
         "3\"},\"stream\":\"S\",\"seq\":0}",
            0, RP_CONFLICT},
        {"{\"error\":{\"code\":503,\"err_code\":10077,\"description\":\"maximum bytes\"}}", 0,
            RP_FULL},
        {"{\"error\":{\"code\":429,\"err_code\":10167}}", 0, RP_BUSY},
        {"{\"error\":{\"code\":429}}", 0, RP_BUSY},
        {"{\"error\":{\"code\":500,\"err_code\":10167}}", 0, RP_BUSY},
        {"{\"error\":{\"code\":503,\"err_code\":10008}}", 0, RP_UNAVAILABLE},
        {"{\"error\":{\"code\":400,\"err_code\":10060}}", 0, RP_INVALID},
        {"{\"error\":{}}", 0, RP_INVALID}, {"{\"error\":7}", 0, RP_INVALID},
        {"{\"error\":{\"code\":\"503\",\"err_code\":-10077}}", 0, RP_INVALID},
        {"{\"error\":{\"code\":503},\"seq\":9,\"duplicate\":true}", 9, RP_UNAVAILABLE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rp__wire_ack ack;
        cr_assert_eq(
            rp__wire_ack_parse(rp_bytes_text(cases[i].body), &ack), RP_OK, "%s", cases[i].body);
        cr_expect_eq(ack.sequence, cases[i].sequence, "%s", cases[i].body);
        cr_expect_eq(rp__wire_ack_status(&ack), cases[i].status, "%s", cases[i].body);
    }
}

Test(wire, description_of_an_error)
{
    rp__wire_ack ack;
    char body[600], words[400];
    cr_assert_eq(rp__wire_ack_parse(
                     rp_bytes_text("{\"error\":{\"code\":400,\"err_code\":10060,\"description\":"
                                   "\"expected stream does not match\"}}"),
                     &ack),
        RP_OK);
    cr_expect_str_eq(ack.error.description, "expected stream does not match");
    cr_expect_eq(ack.error.error_code, 10060);
    cr_assert_eq(rp__wire_ack_parse(rp_bytes_text("{\"error\":{}}"), &ack), RP_OK);
    cr_expect_str_eq(ack.error.description, "no reason given");
    memset(words, 'w', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    snprintf(body, sizeof body, "{\"error\":{\"description\":\"%s\"}}", words);
    cr_assert_eq(rp__wire_ack_parse(rp_bytes_text(body), &ack), RP_OK);
    cr_expect_eq(strlen(ack.error.description), sizeof ack.error.description - 1, "cut to fit");
}

Test(wire, what_is_no_ack)
{
    static const char *const wrong[] = {"", " ", "{}", "[]", "7", "null", "\"seq\"", "{\"seq\":0}",
        "{\"seq\":-7}", "{\"seq\":\"7\"}", "{\"seq\":7.5}", "{\"seq\":18446744073709551616}",
        "{\"seq\":7", "{\"seq\":7}}", "{\"seq\":7} x", "{seq:7}", "[{\"seq\":7}]", "+OK",
        "{\"stream\":\"S\"}", "{\"duplicate\":true}", "{\"\xff\":1,\"seq\":7}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rp__wire_ack ack = {.sequence = 11};
        cr_expect_eq(rp__wire_ack_parse(rp_bytes_text(wrong[i]), &ack), RP_INVALID, "%s", wrong[i]);
        cr_expect_eq(ack.sequence, 11, "%s", wrong[i]);
    }
    rp__wire_ack ack;
    cr_expect_eq(rp__wire_ack_parse(rp_bytes_of(NULL, 0), &ack), RP_INVALID);
}

/* An answer of the largest size is read, whatever it is made of; one above is not. */
static rp_status read_filled(size_t len, const char *open, const char *close)
{
    static const char head[] = "{\"seq\":7,\"more\":[", tail[] = "0]}";
    rp_buffer body;
    rp__wire_ack ack;
    rp_buffer_init(&body, len);
    rp_buffer_text(&body, head);
    size_t count = (len - strlen(head) - strlen(tail) - 1) / (strlen(open) + strlen(close));
    for (size_t i = 0; i < count; i++)
        rp_buffer_text(&body, open);
    for (size_t i = 0; i < count; i++)
        rp_buffer_text(&body, close);
    if (*close)
        rp_buffer_byte(&body, ',');
    while (body.len + strlen(tail) < len)
        rp_buffer_byte(&body, ' ');
    rp_buffer_text(&body, tail);
    cr_assert_eq(body.len, len);
    rp_status status = rp__wire_ack_parse(rp_buffer_bytes(&body), &ack);
    rp_buffer_done(&body);
    return status;
}

Test(wire, answers_are_bounded)
{
    static const char *const fill[][2] = {
        {" ", ""}, {"[", "]"}, {"0,", ""}, {"{},", ""}, {"[],", ""}, {"\"\\n\",", ""}};
    enum { MOST = 4096 };
    for (size_t i = 0; i < sizeof fill / sizeof *fill; i++) {
        cr_expect_eq(read_filled(MOST, fill[i][0], fill[i][1]), RP_OK, "%s", fill[i][0]);
        cr_expect_eq(read_filled(MOST + 1, fill[i][0], fill[i][1]), RP_INVALID, "%s", fill[i][0]);
    }
}

/* -- consumers --------------------------------------------------------------------------------- */

Test(wire, consumers)
{
    rp__wire_consumer c;
    cr_assert_eq(
        rp__wire_consumer_parse(
            rp_bytes_text("{\"type\":\"io.nats.jetstream.api.v1.consumer_create_response\","
                          "\"stream_name\":\"S\",\"name\":\"c\",\"num_pending\":12,"
                          "\"delivered\":{\"consumer_seq\":0,\"stream_seq\":34}}"),
            &c),
        RP_OK);
    cr_expect_eq(c.pending, 12);
    cr_expect_eq(c.delivered_sequence, 34);
    cr_expect_not(c.error.is_error);
    cr_assert_eq(rp__wire_consumer_parse(rp_bytes_text("{\"name\":\"c\"}"), &c), RP_OK);
    cr_expect_eq(c.pending, 0);
    cr_expect_eq(c.delivered_sequence, 0);
    cr_assert_eq(
        rp__wire_consumer_parse(
            rp_bytes_text("{\"error\":{\"code\":404,\"err_code\":10059,\"description\":\"stream "
                          "not found\"}}"),
            &c),
        RP_OK);
    cr_expect(c.error.is_error);
    cr_expect_eq(c.error.error_code, RP__WIRE_STREAM_NOT_FOUND);
    cr_expect_str_eq(c.error.description, "stream not found");
}

Test(wire, what_is_no_consumer)
{
    static const char *const wrong[] = {
        "", "{}", "{\"name\":7}", "{\"name\":null}", "[]", "{", "{\"names\":\"c\"}", "\"name\""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rp__wire_consumer c = {.pending = 11};
        cr_expect_eq(
            rp__wire_consumer_parse(rp_bytes_text(wrong[i]), &c), RP_INVALID, "%s", wrong[i]);
        cr_expect_eq(c.pending, 11);
    }
    rp__wire_consumer c;
    cr_assert_eq(rp__wire_consumer_parse(
                     rp_bytes_text("{\"name\":\"c\",\"num_pending\":-1,\"delivered\":[34]}"), &c),
        RP_OK);
    cr_expect_eq(c.pending, 0);
    cr_expect_eq(c.delivered_sequence, 0);
}

/* -- streams ----------------------------------------------------------------------------------- */

#define STREAM(state)                                                                   \
    "{\"type\":\"io.nats.jetstream.api.v1.stream_info_response\",\"config\":{\"name\":" \
    "\"S\",\"max_bytes\":4096},\"created\":\"1970-01-01T00:00:01.000000002Z\","         \
    "\"state\":" state "}"

#define STATE "{\"messages\":5,\"bytes\":170,\"first_seq\":16,\"last_seq\":20}"

Test(wire, streams)
{
    rp__wire_stream stream;
    cr_assert_eq(rp__wire_stream_parse(
                     rp_bytes_text(
                         STREAM("{\"messages\":5,\"bytes\":170,\"first_seq\":16,\"last_seq\":20}")),
                     &stream),
        RP_OK);
    cr_expect_eq(stream.first_sequence, 16);
    cr_expect_eq(stream.last_sequence, 20);
    cr_expect_eq(stream.messages, 5);
    cr_expect_eq(stream.bytes, 170);
    cr_expect_eq(stream.bytes_max, 4096);
    cr_expect_eq(stream.created_ns, 1000000002);
    cr_expect_eq(rp__wire_error_status(&stream.error), RP_OK);
    static const struct {
        const char *body;
        uint64_t first, last;
    } empty[] = {{STREAM("{\"messages\":0,\"bytes\":0,\"first_seq\":0,\"last_seq\":0}"), 1, 0},
        {STREAM("{\"messages\":0,\"bytes\":0,\"first_seq\":21,\"last_seq\":20}"), 21, 20}};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        cr_assert_eq(rp__wire_stream_parse(rp_bytes_text(empty[i].body), &stream), RP_OK);
        cr_expect_eq(stream.first_sequence, empty[i].first);
        cr_expect_eq(stream.last_sequence, empty[i].last);
    }
    cr_assert_eq(
        rp__wire_stream_parse(
            rp_bytes_text("{\"config\":{\"max_bytes\":-1},\"created\":\"1970-01-01T00:00:00Z\","
                          "\"state\":{\"messages\":1,\"bytes\":3,\"first_seq\":1,\"last_seq\":1}}"),
            &stream),
        RP_OK);
    cr_expect_eq(stream.bytes_max, 0, "no limit");
}

Test(wire, what_is_no_stream)
{
    static const char *const wrong[] = {"", "{}", "[]", STREAM("{}"), STREAM("[]"), STREAM("5"),
        STREAM("{\"messages\":5,\"bytes\":170,\"first_seq\":16}"),
        STREAM("{\"messages\":5,\"bytes\":170,\"last_seq\":20}"),
        STREAM("{\"bytes\":170,\"first_seq\":16,\"last_seq\":20}"),
        STREAM("{\"messages\":5,\"first_seq\":16,\"last_seq\":20}"),
        STREAM("{\"messages\":5,\"bytes\":170,\"first_seq\":-1,\"last_seq\":20}"),
        STREAM("{\"messages\":5,\"bytes\":170,\"first_seq\":0,\"last_seq\":20}"),
        STREAM("{\"messages\":5,\"bytes\":170,\"first_seq\":22,\"last_seq\":20}"),
        STREAM("{\"messages\":5,\"bytes\":170,\"first_seq\":\"16\",\"last_seq\":20}"),
        STREAM("{\"messages\":5,\"bytes\":170,\"first_seq\":1,\"last_seq\":18446744073709551615}"),
        STREAM("{\"messages\":0,\"bytes\":0,\"first_seq\":0,\"last_seq\":18446744073709551615}"),
        "{\"state\":" STATE "}", "{\"created\":7,\"state\":" STATE "}",
        "{\"created\":\"now\",\"state\":" STATE "}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rp__wire_stream stream = {.messages = 11};
        cr_expect_eq(
            rp__wire_stream_parse(rp_bytes_text(wrong[i]), &stream), RP_INVALID, "%s", wrong[i]);
        cr_expect_eq(stream.messages, 11);
    }
}

Test(wire, errors_of_the_api)
{
    static const struct {
        const char *body;
        rp_status status;
    } cases[] = {{"{\"error\":{\"code\":404,\"err_code\":10059}}", RP_NOT_FOUND},
        {"{\"error\":{\"code\":403}}", RP_DENIED}, {"{\"error\":{\"code\":401}}", RP_DENIED},
        {"{\"error\":{\"code\":503,\"err_code\":10008}}", RP_UNAVAILABLE},
        {"{\"error\":{\"code\":500}}", RP_INVALID}, {"{\"error\":{}}", RP_INVALID},
        {"{\"error\":\"no\"}", RP_INVALID},
        {"{\"error\":{\"code\":4294967700}}", RP_INVALID}}; /* 404 in 32 bits */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rp_bytes body = rp_bytes_text(cases[i].body);
        rp__wire_stream stream;
        rp__wire_consumers consumers;
        rp__wire_purge purge;
        cr_assert_eq(rp__wire_stream_parse(body, &stream), RP_OK, "%s", cases[i].body);
        cr_expect_eq(rp__wire_error_status(&stream.error), cases[i].status, "%s", cases[i].body);
        cr_assert_eq(rp__wire_consumers_parse(body, &consumers), RP_OK);
        cr_expect_eq(rp__wire_error_status(&consumers.error), cases[i].status);
        cr_assert_eq(rp__wire_purge_parse(body, &purge), RP_OK);
        cr_expect_eq(rp__wire_error_status(&purge.error), cases[i].status);
    }
}

/* -- lists of consumers ------------------------------------------------------------------------ */

#define DURABLE(name, floor, pending, unacknowledged)                                         \
    "{\"name\":\"" name "\",\"config\":{\"durable_name\":\"" name                             \
    "\",\"ack_policy\":\"explicit\"},\"ack_floor\":{\"consumer_seq\":1,\"stream_seq\":" floor \
    "},\"num_pending\":" pending ",\"num_ack_pending\":" unacknowledged "}"

#define PAGE(total, consumers) "{\"total\":" total ",\"consumers\":[" consumers "]}"

static uint64_t floor_of(const char *body)
{
    rp__wire_consumers page;
    cr_assert_eq(rp__wire_consumers_parse(rp_bytes_text(body), &page), RP_OK, "%s", body);
    return page.floor;
}

Test(wire, floor_of_durables)
{
    cr_expect_eq(floor_of(PAGE("0", "")), UINT64_MAX);
    cr_expect_eq(floor_of("{\"total\":0}"), UINT64_MAX);
    cr_expect_eq(floor_of(PAGE("1", DURABLE("a", "7", "1", "0"))), 7);
    cr_expect_eq(floor_of(PAGE("1", DURABLE("a", "7", "0", "1"))), 7);
    cr_expect_eq(floor_of(PAGE("1", DURABLE("a", "7", "0", "0"))), UINT64_MAX, "at the end");
    cr_expect_eq(floor_of(PAGE("3", DURABLE("a", "9", "1", "0") "," DURABLE(
                                        "b", "4", "2", "0") "," DURABLE("c", "6", "0", "3"))),
        4);
    cr_expect_eq(floor_of(PAGE("1", "{\"name\":\"a\",\"config\":{\"ack_policy\":\"explicit\"},"
                                    "\"num_pending\":9,\"num_ack_pending\":0}")),
        UINT64_MAX, "it comes and goes");
    cr_expect_eq(floor_of(PAGE("1", "{\"name\":\"a\",\"config\":{\"durable_name\":\"a\","
                                    "\"ack_policy\":\"none\"},\"num_pending\":9}")),
        UINT64_MAX, "it acknowledges nothing");
    /* What is not said holds back. */
    cr_expect_eq(floor_of(PAGE("1", "{\"name\":\"a\",\"config\":{\"durable_name\":\"a\","
                                    "\"ack_policy\":\"explicit\"}}")),
        0);
    cr_expect_eq(floor_of(PAGE("1", DURABLE("a", "-7", "1", "0"))), 0);
    cr_expect_eq(floor_of(PAGE("1", DURABLE("a", "7", "\"0\"", "0"))), 7);
}

static bool settled_by_durables(const char *body)
{
    rp__wire_consumers page;
    cr_assert_eq(rp__wire_consumers_parse(rp_bytes_text(body), &page), RP_OK, "%s", body);
    return page.settled_by_durables;
}

Test(wire, whether_a_durable_settles)
{
    cr_expect_not(settled_by_durables(PAGE("0", "")));
    cr_expect_not(settled_by_durables(
        PAGE("1", "{\"name\":\"a\",\"config\":{\"ack_policy\":\"explicit\"}}")));
    cr_expect(settled_by_durables(PAGE("1", DURABLE("a", "7", "0", "0"))), "at the end, too");
}

Test(wire, page_of_consumers)
{
    rp__wire_consumers page;
    cr_assert_eq(rp__wire_consumers_parse(
                     rp_bytes_text(PAGE("300",
                         DURABLE("first", "9", "1", "0") "," DURABLE("last", "4", "2", "0"))),
                     &page),
        RP_OK);
    cr_expect_eq(page.total, 300);
    cr_expect_eq(page.count, 2);
    cr_expect_str_eq(page.first_name, "first");
    cr_expect_str_eq(page.last_name, "last");
    static const char *const wrong[] = {"", "{}", "[]", "{\"consumers\":[]}", "{\"total\":1}",
        "{\"total\":-1,\"consumers\":[]}", "{\"total\":1,\"consumers\":{}}",
        PAGE("1", "{\"config\":{}}"), PAGE("1", "7"), PAGE("1", "{\"name\":7}")};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_eq(
            rp__wire_consumers_parse(rp_bytes_text(wrong[i]), &page), RP_INVALID, "%s", wrong[i]);
}

/* Pages are larger than what a publish is answered with, and bounded all the same. */
Test(wire, large_pages)
{
    rp_buffer body;
    rp__wire_consumers page;
    rp_buffer_init(&body, (size_t)RP__WIRE_ANSWER_BYTES_MAX + 2);
    rp_buffer_text(&body, "{\"total\":256,\"consumers\":[");
    for (int i = 0; i < 256; i++) {
        rp_buffer_text(&body, i ? "," : "");
        rp_buffer_text(&body, DURABLE("a-consumer-with-quite-a-long-name", "70", "1", "0"));
    }
    rp_buffer_text(&body, "]");
    size_t len = body.len;
    rp_buffer_text(&body, "}");
    cr_assert_eq(rp__wire_consumers_parse(rp_buffer_bytes(&body), &page), RP_OK);
    cr_expect_eq(page.count, 256);
    cr_expect_eq(page.floor, 70);
    rp_buffer_cut(&body, len);
    cr_expect_eq(rp__wire_consumers_parse(rp_buffer_bytes(&body), &page), RP_INVALID, "cut");
    while (body.len < RP__WIRE_ANSWER_BYTES_MAX)
        rp_buffer_byte(&body, ' ');
    rp_buffer_text(&body, "}");
    cr_assert_not(body.truncated);
    cr_expect_eq(rp__wire_consumers_parse(rp_buffer_bytes(&body), &page), RP_INVALID, "too long");
    rp_buffer_cut(&body, (size_t)RP__WIRE_ANSWER_BYTES_MAX - 1);
    rp_buffer_text(&body, "}");
    cr_expect_eq(rp__wire_consumers_parse(rp_buffer_bytes(&body), &page), RP_OK);
    rp_buffer_done(&body);
}

/* -- purges ------------------------------------------------------------------------------------ */

Test(wire, purges)
{
    rp__wire_purge purge;
    cr_assert_eq(
        rp__wire_purge_parse(rp_bytes_text("{\"success\":true,\"purged\":12}"), &purge), RP_OK);
    cr_expect_eq(purge.purged, 12);
    cr_assert_eq(rp__wire_purge_parse(rp_bytes_text("{\"success\":true}"), &purge), RP_OK);
    cr_expect_eq(purge.purged, 0);
    static const char *const wrong[] = {
        "", "{}", "[]", "{\"purged\":12}", "{\"success\":false,\"purged\":0}", "{\"success\":1}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_eq(
            rp__wire_purge_parse(rp_bytes_text(wrong[i]), &purge), RP_INVALID, "%s", wrong[i]);
}

/* -- streams' and consumers' names ------------------------------------------------------------- */

Test(wire, a_name_is_one_token)
{
    char longest[RP__WIRE_NAME_BYTES + 1];
    memset(longest, 'a', sizeof longest);
    longest[RP__WIRE_NAME_BYTES] = '\0';
    cr_expect(!rp__wire_is_name(longest));
    longest[RP__WIRE_NAME_BYTES - 1] = '\0';
    cr_expect(rp__wire_is_name(longest));
    static const char *const wrong[] = {"", "a.b", "a b", "*", ">", "a\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect(!rp__wire_is_name(wrong[i]), "%s", wrong[i]);
}

/* -- headers' names ---------------------------------------------------------------------------- */

Test(wire, headers_have_names)
{
    cr_expect_str_eq(rp_header_name(RP_HEADER_MESSAGE_ID), "Nats-Msg-Id");
    cr_expect_str_eq(rp_header_name(RP_HEADER_CAUSE), "Rp-Cause");
    cr_expect_str_eq(rp_header_name(RP_HEADER_SIGNATURE), "Rp-Signature");
    rp_message bare = {0};
    cr_expect_null(rp_message_header(&bare, RP_HEADER_CAUSE).data);
    rp_message_free(NULL);
}
