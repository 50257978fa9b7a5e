/* Where the NATS server is, and who we are to it.
 *
 * Every program of ours finds and authenticates to the server in the same way, and as the nats
 * tools do: the rows of RP_ENDPOINT_OPTIONS go into the program's option table, rp_endpoint_options
 * turns what they gathered into nats.c's options. The blocking client (client.h) and the connection
 * on the event loop both stand on it, and both report what nats.c answers through
 * rp_endpoint_error, so that a user reads the same sentence everywhere, with the server's name and
 * the cure.
 *
 *     typedef struct settings { rp_endpoint endpoint; uint64_t slots; } settings;
 *     static const rp_option options[] = {
 *         RP_ENDPOINT_OPTIONS(settings, endpoint),
 *         {"slots", ...},
 *         {0}};
 *
 *     natsOptions *options;
 *     if (natsOptions_Create(&options) != NATS_OK) ...
 *     if (rp_endpoint_options(&settings.endpoint, options, reterr) != RP_OK) ...
 *     natsStatus s = natsConnection_Connect(&connection, options);
 *     if (s != NATS_OK)
 *         return rp_endpoint_error(&settings.endpoint, s, "connect", reterr);
 *
 * Credentials may stand in a URL (nats://user:password@host, nats://token@host). They never appear
 * in an error: rp_endpoint_servers gives the servers without them.
 *
 * The functions keep no state; an endpoint that nobody changes may be used from any thread.
 */
#ifndef RUNTIME_BUS_ENDPOINT_H
#define RUNTIME_BUS_ENDPOINT_H

#include "runtime/base/options.h"

#include <nats/nats.h>

enum {
    RP_ENDPOINT_SERVERS_MAX = 16,     /* in one comma list */
    RP_ENDPOINT_SERVERS_BYTES = 1024, /* of the list, with its NUL */
    RP_ENDPOINT_NAME_BYTES = 160,     /* what rp_endpoint_servers writes at most */
    RP_ENDPOINT_INBOX_PREFIX_MAX = 40 /* characters */
};

/* What the options gather. All texts are borrowed (argv, environment, table), NULL where unset. */
typedef struct rp_endpoint {
    const char *server; /* a comma list of URLs */
    const char *creds;  /* file: JWT and nkey seed */
    const char *nkey;   /* file: nkey seed alone */
    const char *user;
    const char *password;
    const char *token;
    const char *tls_ca; /* files, PEM */
    const char *tls_cert;
    const char *tls_key;
    const char *tls_server_name;
    const char *inbox_prefix;
    bool tls_first;
    uint64_t connect_timeout_ns;
} rp_endpoint;

#define RP_ENDPOINT_SERVER_DEFAULT "nats://127.0.0.1:4222"

/* clang-format off */
/* The rows for a settings struct `type` that holds an rp_endpoint named `member`. */
#define RP_ENDPOINT_OPTIONS(type, member)                                                          \
    {"server", 's', RP_OPTION_TEXT, "URL", "NATS_URL", RP_ENDPOINT_SERVER_DEFAULT,                 \
        "NATS servers, separated by commas", offsetof(type, member.server), 0, 0},                 \
    {"creds", 0, RP_OPTION_TEXT, "FILE", "NATS_CREDS", NULL,                                       \
        "credentials: a user's JWT and nkey seed", offsetof(type, member.creds), 0, 0},            \
    {"nkey", 0, RP_OPTION_TEXT, "FILE", "NATS_NKEY", NULL,                                         \
        "an nkey seed", offsetof(type, member.nkey), 0, 0},                                        \
    {"user", 0, RP_OPTION_TEXT, "NAME", "NATS_USER", NULL,                                         \
        "user name", offsetof(type, member.user), 0, 0},                                           \
    {"password", 0, RP_OPTION_TEXT, "TEXT", "NATS_PASSWORD", NULL,                                 \
        "its password; safer in the environment", offsetof(type, member.password), 0, 0},          \
    {"token", 0, RP_OPTION_TEXT, "TEXT", "NATS_TOKEN", NULL,                                       \
        "token; safer in the environment", offsetof(type, member.token), 0, 0},                    \
    {"tls-ca", 0, RP_OPTION_TEXT, "FILE", "NATS_CA", NULL,                                         \
        "authorities that may sign the server", offsetof(type, member.tls_ca), 0, 0},              \
    {"tls-cert", 0, RP_OPTION_TEXT, "FILE", "NATS_CERT", NULL,                                     \
        "our certificate", offsetof(type, member.tls_cert), 0, 0},                                 \
    {"tls-key", 0, RP_OPTION_TEXT, "FILE", "NATS_KEY", NULL,                                       \
        "its private key", offsetof(type, member.tls_key), 0, 0},                                  \
    {"tls-server-name", 0, RP_OPTION_TEXT, "NAME", "REPRISE_TLS_SERVER_NAME", NULL,                \
        "name that the server's certificate must hold", offsetof(type, member.tls_server_name),    \
        0, 0},                                                                                     \
    {"tls-first", 0, RP_OPTION_FLAG, NULL, "REPRISE_TLS_FIRST", NULL,                              \
        "handshake before the server speaks", offsetof(type, member.tls_first), 0, 0},             \
    {"connect-timeout", 0, RP_OPTION_DURATION, "TIME", "REPRISE_CONNECT_TIMEOUT", "2s",            \
        "for each server, 10ms to 60s", offsetof(type, member.connect_timeout_ns),                 \
        UINT64_C(10000000), UINT64_C(60000000000)},                                                \
    {"inbox-prefix", 0, RP_OPTION_TEXT, "SUBJECT", "REPRISE_INBOX_PREFIX", NULL,                   \
        "of our reply subjects, instead of _INBOX", offsetof(type, member.inbox_prefix), 0, 0}
/* clang-format on */

/* Puts the servers, the identity, TLS, the connect time-out and the inbox prefix into `options`,
 * which stays the caller's; nothing else in it is touched. Reads the files that are named.
 * RP_INVALID or RP_LIMIT with the option's name in reterr->field: a URL that is none, two
 * identities at once, a key without its certificate, an inbox prefix that is no subject; RP_IO where a file cannot be read;
 * RP_UNSUPPORTED where this nats.c lacks what is asked for. */
RP_MUST_USE rp_status rp_endpoint_options(
    const rp_endpoint *endpoint, natsOptions *options, rp_error *reterr);

/* Writes the servers as a list for people, without credentials, cut to fit. */
void rp_endpoint_servers(const rp_endpoint *endpoint, char text[RP_ENDPOINT_NAME_BYTES]);

/* The rp_status of a nats.c status, with a sentence that names the server and the cure. `doing`
 * says what was tried ("connect", "publish"); nats.c's own text of this thread is added where it
 * has one. NATS_OK gives RP_OK and leaves reterr alone. */
rp_status rp_endpoint_error(
    const rp_endpoint *endpoint, natsStatus nats, const char *doing, rp_error *reterr);

#endif
