/* The endpoint: what the options gather, what nats.c gets of it, and what a user reads when it does
 * not work. No server is needed. */
#include "runtime/bus/endpoint.h"

#include "runtime/bus/nkey.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/support/temporary.h"

typedef struct settings {
    uint64_t before; /* so that the endpoint does not lie at the start */
    rp_endpoint endpoint;
} settings;

static const rp_option options[] = {RP_ENDPOINT_OPTIONS(settings, endpoint), {0}};
static const rp_option *const tables[] = {options};

static rp_status parse(settings *s, rp_environment environment, int argc, char **argv)
{
    int arguments = 0;
    rp_error error = {0};
    *s = (settings){0};
    return rp_options_parse(tables, 1, argc, argv, environment, false, s, &arguments, &error);
}

static rp_status apply(const rp_endpoint *endpoint, rp_error *reterr)
{
    natsOptions *nats = NULL;
    cr_assert_eq(natsOptions_Create(&nats), NATS_OK);
    rp_status status = rp_endpoint_options(endpoint, nats, reterr);
    natsOptions_Destroy(nats);
    return status;
}

static const char *environment(const char *name)
{
    if (strcmp(name, "NATS_URL") == 0)
        return "nats://from.environment:1";
    return strcmp(name, "NATS_CREDS") == 0 ? "/no/such/creds" : NULL;
}

Test(endpoint, defaults)
{
    settings s;
    char *argv[] = {"program"};
    cr_assert_eq(parse(&s, NULL, 1, argv), RP_OK);
    cr_assert_str_eq(s.endpoint.server, "nats://127.0.0.1:4222");
    cr_assert_eq(s.endpoint.connect_timeout_ns, UINT64_C(2000000000));
    cr_assert_null(s.endpoint.creds);
    cr_assert_eq(apply(&s.endpoint, NULL), RP_OK);
}

Test(endpoint, command_line_wins_over_environment)
{
    settings s;
    char *from_environment[] = {"program"};
    char *given[] = {"program", "-s", "nats://given:2"};
    cr_assert_eq(parse(&s, environment, 1, from_environment), RP_OK);
    cr_assert_str_eq(s.endpoint.server, "nats://from.environment:1");
    cr_assert_str_eq(s.endpoint.creds, "/no/such/creds");
    cr_assert_eq(parse(&s, environment, 3, given), RP_OK);
    cr_assert_str_eq(s.endpoint.server, "nats://given:2");
}

Test(endpoint, servers_are_named_without_credentials)
{
    char text[RP_ENDPOINT_NAME_BYTES];
    rp_endpoint e = {.server = " nats://ann:secret@a:4222,tls://t0ken@b , [::1]:4223,"};
    rp_endpoint_servers(&e, text);
    cr_assert_str_eq(text, "nats://a:4222, tls://b, nats://[::1]:4223");
    cr_assert_eq(apply(&e, NULL), RP_OK);
}

Test(endpoint, names_are_cut_to_fit)
{
    char text[RP_ENDPOINT_NAME_BYTES], list[700] = "";
    for (int i = 0; i < 10; i++)
        strcat(list, "nats://a-rather-long-host-name.example.org:4222,");
    rp_endpoint_servers(&(rp_endpoint){.server = list}, text);
    cr_assert_eq(strlen(text), sizeof text - 1);
}

Test(endpoint, refuses_what_is_no_server)
{
    const char *const wrong[] = {"", ",", "http://a", "nats://", "nats://a:", "nats://a:0",
        "nats://a:65536", "nats://a:1x", "nats://u:p@", "nats://a b", "nats://a/path",
        "nats://[::1", "nats://[]:1", "ws://a:1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        rp_error error = {0};
        rp_endpoint e = {.server = wrong[i]};
        bool blank = strstr(wrong[i], "a b") != NULL; /* cut at the blank: a server */
        cr_expect_eq(apply(&e, &error), blank ? RP_OK : RP_INVALID, "\"%s\"", wrong[i]);
        cr_expect_str_eq(error.field, blank ? "" : "server", "\"%s\"", wrong[i]);
    }
}

Test(endpoint, never_shows_a_password)
{
    rp_error error = {0};
    rp_endpoint e = {.server = "ftp://ann:secret@host:1"};
    cr_assert_eq(apply(&e, &error), RP_INVALID);
    cr_assert_null(strstr(error.message, "secret"));
    for (int s = NATS_ERR; s < NATS_MAX_STATUS_VALUE; s++) {
        e.server = "nats://ann:secret@host:1";
        cr_assert_neq(rp_endpoint_error(&e, (natsStatus)s, "connect", &error), RP_OK, "%d", s);
        cr_assert_null(strstr(error.message, "secret"));
        cr_assert_not_null(strstr(error.message, "nats://host:1"), "%d: %s", s, error.message);
    }
}

Test(endpoint, bounds)
{
    rp_error error = {0};
    char many[200] = "", *at = many;
    for (int i = 0; i <= RP_ENDPOINT_SERVERS_MAX; i++)
        at += snprintf(at, 8, "h%d,", i);
    cr_assert_eq(apply(&(rp_endpoint){.server = many}, &error), RP_LIMIT);
    cr_assert_str_eq(error.limit, "16 servers");
    char *long_list = malloc(3000);
    memset(long_list, 'a', 2999);
    long_list[2999] = '\0';
    cr_assert_eq(apply(&(rp_endpoint){.server = long_list}, &error), RP_LIMIT);
    free(long_list);
}

Test(endpoint, one_identity)
{
    rp_error error = {0};
    cr_assert_eq(
        apply(&(rp_endpoint){.user = "u", .password = "p", .token = "t"}, &error), RP_INVALID);
    cr_assert_str_eq(error.field, "creds");
    cr_assert_eq(apply(&(rp_endpoint){.password = "p"}, &error), RP_INVALID);
    cr_assert_str_eq(error.field, "password");
    cr_assert_eq(apply(&(rp_endpoint){.tls_cert = "/dev/null"}, &error), RP_INVALID);
    cr_assert_str_eq(error.field, "tls-key");
    cr_assert_eq(apply(&(rp_endpoint){.user = "u", .password = "p"}, &error), RP_OK);
    cr_assert_eq(apply(&(rp_endpoint){.token = "t"}, &error), RP_OK);
}

Test(endpoint, files)
{
    rp_error error = {0};
    cr_assert_eq(apply(&(rp_endpoint){.creds = "/no/such/file"}, &error), RP_IO);
    cr_assert_str_eq(error.field, "creds");
    cr_assert_not_null(strstr(error.message, "/no/such/file"));
    cr_assert_eq(apply(&(rp_endpoint){.tls_ca = "/dev/null"}, &error), RP_DENIED);
    cr_assert_eq(apply(&(rp_endpoint){.nkey = "/dev/null"}, &error), RP_INVALID);
    cr_assert_str_eq(error.field, "nkey");
}

Test(endpoint, inbox_prefix)
{
    static const char longest[] = "_INBOX_an-actor.of-40-characters-in-all-";
    static const char longer[] = "_INBOX_an-actor.of-41-characters-in-all-1";
    static const char *const wrong[] = {
        "", ".", "a.", ".a", "a..b", "a.*", "a.>", "a b", "\xC3\xA9"};
    rp_error error = {0};
    cr_assert_eq(strlen(longest), RP_ENDPOINT_INBOX_PREFIX_MAX);
    cr_expect_eq(apply(&(rp_endpoint){.inbox_prefix = longest}, &error), RP_OK);
    cr_assert_eq(apply(&(rp_endpoint){.inbox_prefix = longer}, &error), RP_LIMIT);
    cr_expect_str_eq(error.field, "inbox-prefix");
    cr_expect_str_eq(error.limit, "40 characters");
    cr_expect_not_null(strstr(error.message, longer), "%s", error.message);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_expect_eq(
            apply(&(rp_endpoint){.inbox_prefix = wrong[i]}, &error), RP_INVALID, "%s", wrong[i]);
        cr_expect_str_eq(error.field, "inbox-prefix");
    }
}

static const char seed[] = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";

Test(endpoint, nkey_file)
{
    char path[TEMPORARY_BYTES];
    int fd = temporary_file("nkey", path);
    dprintf(fd, "-----BEGIN USER NKEY SEED-----\n%s\n------END USER NKEY SEED------\n", seed);
    close(fd);
    rp_status status = apply(&(rp_endpoint){.nkey = path}, NULL);
    unlink(path);
    cr_assert_eq(status, RP_OK);
}

/* The pair stands in the NATS documentation. */
Test(nkey, public_key_of_a_known_seed)
{
    char text[RP_NKEY_PUBLIC_BYTES];
    cr_assert_eq(rp_nkey_public(rp_bytes_text(seed), text), RP_OK);
    cr_assert_str_eq(text, "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4");
}

Test(nkey, refuses_what_is_no_seed)
{
    char text[RP_NKEY_PUBLIC_BYTES], damaged[sizeof seed];
    for (size_t i = 0; i < sizeof seed - 1; i++) {
        memcpy(damaged, seed, sizeof seed);
        damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
        cr_expect_eq(rp_nkey_public(rp_bytes_text(damaged), text), RP_INVALID, "at %zu", i);
        damaged[i] = '1';
        cr_expect_eq(rp_nkey_public(rp_bytes_text(damaged), text), RP_INVALID, "at %zu", i);
    }
    cr_assert_eq(rp_nkey_public(rp_bytes_of(seed, sizeof seed - 2), text), RP_INVALID);
    cr_assert_eq(rp_nkey_public(rp_bytes_of(NULL, 0), text), RP_INVALID);
}

Test(endpoint, errors_name_server_and_cure)
{
    const struct {
        natsStatus nats;
        rp_status status;
        const char *cure;
    } cases[] = {{NATS_NO_SERVER, RP_UNAVAILABLE, "deploy/up"},
        {NATS_NO_RESPONDERS, RP_UNAVAILABLE, "-js"},
        {NATS_CONNECTION_AUTH_FAILED, RP_DENIED, "--creds"},
        {NATS_NOT_PERMITTED, RP_DENIED, "permit"},
        {NATS_SECURE_CONNECTION_REQUIRED, RP_DENIED, "tls://"},
        {NATS_SECURE_CONNECTION_WANTED, RP_DENIED, "TLS"}, {NATS_SSL_ERROR, RP_DENIED, "--tls-ca"},
        {NATS_TIMEOUT, RP_TIMEOUT, "in time"}, {NATS_MAX_PAYLOAD, RP_LIMIT, "publish"},
        {NATS_CONNECTION_CLOSED, RP_CLOSED, "publish"}};
    rp_endpoint e = {.server = "nats://somewhere:4222"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rp_error error = {0};
        cr_expect_eq(
            rp_endpoint_error(&e, cases[i].nats, "publish", &error), cases[i].status, "%zu", i);
        cr_expect_eq(error.status, cases[i].status);
        cr_expect_not_null(strstr(error.message, cases[i].cure), "%s", error.message);
        cr_expect_not_null(strstr(error.message, "nats://somewhere:4222"), "%s", error.message);
    }
    cr_assert_eq(rp_endpoint_error(&e, NATS_OK, "publish", NULL), RP_OK);
    cr_assert_eq(rp_endpoint_error(&e, NATS_NO_SERVER, "publish", NULL), RP_UNAVAILABLE);
}
