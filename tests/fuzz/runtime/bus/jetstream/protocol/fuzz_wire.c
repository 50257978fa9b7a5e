/* JetStream's texts: any bytes as a number, a delivery's reply subject, a publish's answer, a
 * consumer's, a stream's, a list of consumers and a purge's.
 *
 * Held: what is taken can be written down again and reads the same; views lie inside the input; an
 * answer that is no error has what it is asked for. */
#include "runtime/bus/jetstream/protocol/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/decimal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition)
        abort();
}

static void check_number(rp_bytes text)
{
    char again[24];
    uint64_t number;
    if (rp_decimal_parse(text, &number) != RP_OK)
        return;
    while (text.len > 1 && *text.data == '0')
        text = rp_bytes_of(text.data + 1, text.len - 1);
    snprintf(again, sizeof again, "%" PRIu64, number);
    check(rp_bytes_is(text, again));
}

static bool is_token(rp_bytes token, rp_bytes inside)
{
    return token.len > 0 && token.data >= inside.data &&
           token.data + token.len <= inside.data + inside.len &&
           !memchr(token.data, '.', token.len);
}

static void check_delivery(rp_bytes reply)
{
    rp__wire_delivery d, again;
    char text[4096];
    if (rp__wire_delivery_parse(reply, &d) != RP_OK)
        return;
    check(is_token(d.stream, reply) && is_token(d.consumer, reply));
    int n = snprintf(text, sizeof text,
        "$JS.ACK.s.c.%" PRIu64 ".%" PRIu64 ".%" PRIu64 ".%" PRIu64 ".%" PRIu64, d.deliveries,
        d.stream_sequence, d.consumer_sequence, d.timestamp_ns, d.pending);
    check(rp__wire_delivery_parse(rp_bytes_of(text, (size_t)n), &again) == RP_OK);
    check(again.deliveries == d.deliveries && again.stream_sequence == d.stream_sequence &&
          again.consumer_sequence == d.consumer_sequence && again.timestamp_ns == d.timestamp_ns &&
          again.pending == d.pending);
}

static void check_answers(rp_bytes body)
{
    rp__wire_ack ack;
    rp__wire_consumer consumer;
    if (rp__wire_ack_parse(body, &ack) == RP_OK) {
        rp_status status = rp__wire_ack_status(&ack);
        check(ack.error.is_error || ack.sequence > 0);
        check(ack.error.is_error == (status != RP_OK && status != RP_DUPLICATE));
        check(memchr(ack.error.description, '\0', sizeof ack.error.description) != NULL);
    }
    if (rp__wire_consumer_parse(body, &consumer) == RP_OK) {
        check(memchr(consumer.error.description, '\0', sizeof consumer.error.description) != NULL);
        check(consumer.delivered_sequence + 1 > 0);
    }
}

static void check_streams(rp_bytes body)
{
    rp__wire_stream stream;
    rp__wire_consumers page;
    rp__wire_purge purge;
    if (rp__wire_stream_parse(body, &stream) == RP_OK && !stream.error.is_error) {
        check(stream.first_sequence > 0 && stream.first_sequence <= stream.last_sequence + 1);
        check(stream.messages > 0 || stream.first_sequence == stream.last_sequence + 1);
    }
    if (rp__wire_consumers_parse(body, &page) == RP_OK && !page.error.is_error)
        check(memchr(page.first_name, '\0', sizeof page.first_name) &&
              memchr(page.last_name, '\0', sizeof page.last_name));
    if (rp__wire_purge_parse(body, &purge) == RP_OK)
        check(!purge.error.is_error || rp__wire_error_status(&purge.error) != RP_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rp_bytes input = rp_bytes_of(data, size);
    check_number(input);
    check_delivery(input);
    check_answers(input);
    check_streams(input);
    return 0;
}
