#include "runtime/bus/endpoint.h"

#include "runtime/bus/nkey.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>

#include "runtime/base/name.h"

/* The comma list, cut into URLs. */
typedef struct servers {
    char text[RP_ENDPOINT_SERVERS_BYTES];
    const char *url[RP_ENDPOINT_SERVERS_MAX];
    int count;
    bool tls; /* one says tls:// */
} servers;

/* The host part of a URL: behind the scheme and the credentials. */
static const char *host_of(const char *url)
{
    const char *scheme = strstr(url, "://");
    const char *start = scheme ? scheme + 3 : url;
    const char *at = strrchr(start, '@');
    return at ? at + 1 : start;
}

static bool host_is_valid(const char *host)
{
    const char *end = host[0] == '[' ? strchr(host, ']') : host;
    if (!end)
        return false;
    const char *colon = strchr(end, ':');
    size_t len = colon ? (size_t)(colon - host) : strlen(host);
    if (len == 0 || (len == 2 && host[0] == '['))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (host[i] <= ' ' || host[i] >= 0x7F || host[i] == '/')
            return false;
    }
    if (!colon)
        return true;
    uint64_t port = 0;
    return rp_parse_count(colon + 1, &port) == RP_OK && port >= 1 && port <= UINT16_MAX;
}

static rp_status server_check(const char *url, servers *list, rp_error *reterr)
{
    const char *scheme_end = strstr(url, "://");
    size_t scheme_len = scheme_end ? (size_t)(scheme_end - url) : 0;
    bool tls = scheme_len == 3 && memcmp(url, "tls", 3) == 0;
    bool plain = !scheme_end || (scheme_len == 4 && memcmp(url, "nats", 4) == 0);
    if ((!tls && !plain) || !host_is_valid(host_of(url)))
        return rp_error_set(reterr, RP_INVALID, "server",
            "\"%.100s\" is no server; --server and NATS_URL take nats://HOST:PORT or "
            "tls://HOST:PORT",
            host_of(url));
    list->tls = list->tls || tls;
    return RP_OK;
}

static rp_status servers_split(const rp_endpoint *endpoint, servers *list, rp_error *reterr)
{
    const char *text = endpoint->server ? endpoint->server : RP_ENDPOINT_SERVER_DEFAULT;
    size_t len = strlen(text);
    list->count = 0;
    list->tls = false;
    if (len >= sizeof list->text)
        return rp_error_limit(reterr, "server", "1023 bytes", "the list of servers is too long");
    memcpy(list->text, text, len + 1);
    char *rest = list->text;
    for (char *url = strsep(&rest, ","); url; url = strsep(&rest, ",")) {
        url += strspn(url, " \t");
        url[strcspn(url, " \t")] = '\0';
        if (*url == '\0')
            continue;
        if (list->count == RP_ENDPOINT_SERVERS_MAX)
            return rp_error_limit(reterr, "server", "16 servers", "too many servers in the list");
        rp_status status = server_check(url, list, reterr);
        if (status != RP_OK)
            return status;
        list->url[list->count++] = url;
    }
    if (list->count == 0)
        return rp_error_set(reterr, RP_INVALID, "server",
            "no server is named; --server or NATS_URL takes nats://HOST:PORT");
    return RP_OK;
}

void rp_endpoint_servers(const rp_endpoint *endpoint, char text[RP_ENDPOINT_NAME_BYTES])
{
    servers list;
    size_t n = 0;
    text[0] = '\0';
    if (servers_split(endpoint, &list, NULL) != RP_OK)
        return;
    for (int i = 0; i < list.count && n < RP_ENDPOINT_NAME_BYTES; i++) {
        int wrote = snprintf(text + n, RP_ENDPOINT_NAME_BYTES - n, "%s%s%s", i ? ", " : "",
            strncmp(list.url[i], "tls://", 6) == 0 ? "tls://" : "nats://", host_of(list.url[i]));
        n += wrote > 0 ? (size_t)wrote : 0;
    }
}

static rp_status file_check(const char *option, const char *path, rp_error *reterr)
{
    FILE *file = path ? fopen(path, "re") : NULL;
    if (path && !file)
        return rp_error_set(
            reterr, RP_IO, option, "cannot read --%s %s: %s", option, path, strerror(errno));
    if (file)
        fclose(file);
    return RP_OK;
}

static rp_status files_check(const rp_endpoint *endpoint, rp_error *reterr)
{
    const struct {
        const char *option, *path;
    } files[] = {{"creds", endpoint->creds}, {"nkey", endpoint->nkey}, {"tls-ca", endpoint->tls_ca},
        {"tls-cert", endpoint->tls_cert}, {"tls-key", endpoint->tls_key}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        rp_status status = file_check(files[i].option, files[i].path, reterr);
        if (status != RP_OK)
            return status;
    }
    return RP_OK;
}

static rp_status consistent(const rp_endpoint *endpoint, rp_error *reterr)
{
    int identities = (endpoint->creds != NULL) + (endpoint->nkey != NULL) +
                     (endpoint->user != NULL) + (endpoint->token != NULL);
    if (identities > 1)
        return rp_error_set(reterr, RP_INVALID, "creds",
            "give one of --creds, --nkey, --user and --token (or NATS_CREDS, NATS_NKEY, NATS_USER, "
            "NATS_TOKEN), not several");
    if (endpoint->password && !endpoint->user)
        return rp_error_set(
            reterr, RP_INVALID, "password", "--password goes with --user, which is missing");
    if (!endpoint->tls_cert != !endpoint->tls_key)
        return rp_error_set(reterr, RP_INVALID, endpoint->tls_cert ? "tls-key" : "tls-cert",
            "--tls-cert and --tls-key go together; --%s is missing",
            endpoint->tls_cert ? "tls-key" : "tls-cert");
    return RP_OK;
}

/* Reply subjects are this prefix and what we put behind it, in buffers of a fixed size. */
static rp_status inbox_check(const char *prefix, rp_error *reterr)
{
    char limit[32];
    if (!prefix)
        return RP_OK;
    snprintf(limit, sizeof limit, "%d characters", RP_ENDPOINT_INBOX_PREFIX_MAX);
    if (strlen(prefix) > RP_ENDPOINT_INBOX_PREFIX_MAX)
        return rp_error_limit(reterr, "inbox-prefix", limit,
            "--inbox-prefix \"%.80s\" is too long; %s are possible", prefix, limit);
    if (!rp_name_is_subject(rp_bytes_text(prefix)))
        return rp_error_set(reterr, RP_INVALID, "inbox-prefix",
            "--inbox-prefix \"%.80s\" is no subject; tokens of printable characters, with dots "
            "between them and no * or >",
            prefix);
    return RP_OK;
}

/* The seed stands on a line of its own, in a plain file or between the marks of a .creds file. */
static rp_status nkey_read(
    const char *path, char public_key[RP_NKEY_PUBLIC_BYTES], rp_error *reterr)
{
    char line[256];
    rp_status status = RP_INVALID;
    FILE *file = fopen(path, "re");
    if (!file)
        return rp_error_set(
            reterr, RP_IO, "nkey", "cannot read --nkey %s: %s", path, strerror(errno));
    while (status == RP_INVALID && fgets(line, sizeof line, file)) {
        size_t len = strcspn(line, " \t\r\n");
        status = rp_nkey_public(rp_bytes_of(line, len), public_key);
    }
    fclose(file);
    OPENSSL_cleanse(line, sizeof line);
    if (status != RP_OK)
        return rp_error_set(reterr, status, "nkey",
            "--nkey %s holds no valid seed: a line of 58 characters that begins with S", path);
    return RP_OK;
}

static natsStatus identify(
    const rp_endpoint *endpoint, const char *nkey_public, natsOptions *options)
{
    if (endpoint->creds)
        return natsOptions_SetUserCredentialsFromFiles(options, endpoint->creds, NULL);
    if (endpoint->nkey)
        return natsOptions_SetNKeyFromSeed(options, nkey_public, endpoint->nkey);
    if (endpoint->user)
        return natsOptions_SetUserInfo(
            options, endpoint->user, endpoint->password ? endpoint->password : "");
    if (endpoint->token)
        return natsOptions_SetToken(options, endpoint->token);
    return NATS_OK;
}

static natsStatus secure(const rp_endpoint *endpoint, bool url_says_tls, natsOptions *options)
{
    natsStatus s = NATS_OK;
    if (url_says_tls || endpoint->tls_ca || endpoint->tls_cert || endpoint->tls_server_name ||
        endpoint->tls_first)
        s = natsOptions_SetSecure(options, true);
    if (s == NATS_OK && endpoint->tls_ca)
        s = natsOptions_LoadCATrustedCertificates(options, endpoint->tls_ca);
    if (s == NATS_OK && endpoint->tls_cert)
        s = natsOptions_LoadCertificatesChain(options, endpoint->tls_cert, endpoint->tls_key);
    if (s == NATS_OK && endpoint->tls_server_name)
        s = natsOptions_SetExpectedHostname(options, endpoint->tls_server_name);
    if (s == NATS_OK && endpoint->tls_first)
        s = natsOptions_TLSHandshakeFirst(options);
    return s;
}

rp_status rp_endpoint_options(const rp_endpoint *endpoint, natsOptions *options, rp_error *reterr)
{
    servers list;
    char nkey_public[RP_NKEY_PUBLIC_BYTES] = "";
    rp_status status = servers_split(endpoint, &list, reterr);
    if (status == RP_OK)
        status = consistent(endpoint, reterr);
    if (status == RP_OK)
        status = inbox_check(endpoint->inbox_prefix, reterr);
    if (status == RP_OK)
        status = files_check(endpoint, reterr);
    if (status == RP_OK && endpoint->nkey)
        status = nkey_read(endpoint->nkey, nkey_public, reterr);
    if (status != RP_OK)
        return status;

    natsStatus s = natsOptions_SetServers(options, list.url, list.count);
    if (s == NATS_OK && endpoint->connect_timeout_ns)
        s = natsOptions_SetTimeout(options, (int64_t)(endpoint->connect_timeout_ns / 1000000));
    if (s == NATS_OK && endpoint->inbox_prefix)
        s = natsOptions_SetCustomInboxPrefix(options, endpoint->inbox_prefix);
    if (s == NATS_OK)
        s = identify(endpoint, nkey_public, options);
    if (s == NATS_OK)
        s = secure(endpoint, list.tls, options);
    return rp_endpoint_error(endpoint, s, "take the options", reterr);
}

static rp_status code_of(natsStatus nats)
{
    switch (nats) {
    case NATS_OK:
        return RP_OK;
    case NATS_NO_SERVER:
    case NATS_IO_ERROR:
    case NATS_NO_RESPONDERS:
    case NATS_NOT_YET_CONNECTED:
    case NATS_CONNECTION_DISCONNECTED:
    case NATS_STALE_CONNECTION:
        return RP_UNAVAILABLE;
    case NATS_CONNECTION_CLOSED:
    case NATS_DRAINING:
    case NATS_INVALID_SUBSCRIPTION:
        return RP_CLOSED;
    case NATS_TIMEOUT:
        return RP_TIMEOUT;
    case NATS_CONNECTION_AUTH_FAILED:
    case NATS_NOT_PERMITTED:
    case NATS_SSL_ERROR:
    case NATS_SECURE_CONNECTION_WANTED:
    case NATS_SECURE_CONNECTION_REQUIRED:
        return RP_DENIED;
    case NATS_NOT_FOUND:
        return RP_NOT_FOUND;
    case NATS_MAX_PAYLOAD:
    case NATS_SLOW_CONSUMER:
    case NATS_LINE_TOO_LONG:
        return RP_LIMIT;
    case NATS_NO_MEMORY:
        return RP_NO_MEMORY;
    case NATS_INVALID_ARG:
    case NATS_INVALID_SUBJECT:
    case NATS_INVALID_TIMEOUT:
    case NATS_ADDRESS_MISSING:
        return RP_INVALID;
    case NATS_NO_SERVER_SUPPORT:
        return RP_UNSUPPORTED;
    default:
        return RP_IO;
    }
}

static rp_status unreachable(natsStatus nats, const char *name, rp_error *reterr)
{
    if (nats == NATS_NO_RESPONDERS)
        return rp_error_set(reterr, RP_UNAVAILABLE, "server",
            "nobody answers at %s: JetStream is off there; start nats-server with -js, or start "
            "one with deploy/up",
            name);
    if (nats == NATS_NO_SERVER)
        return rp_error_set(reterr, RP_UNAVAILABLE, "server",
            "nothing listens at %s; start one with deploy/up, or set NATS_URL or --server", name);
    return rp_error_set(
        reterr, RP_UNAVAILABLE, "server", "the connection to %s is lost; try again", name);
}

static rp_status refused(natsStatus nats, const char *name, const char *detail, rp_error *reterr)
{
    switch (nats) {
    case NATS_CONNECTION_AUTH_FAILED:
        return rp_error_set(reterr, RP_DENIED, "server",
            "%s does not know us; give --creds, --nkey, --user and --password, or --token", name);
    case NATS_NOT_PERMITTED:
        return rp_error_set(reterr, RP_DENIED, "server",
            "%s does not permit this to our user; ask whoever gave the credentials", name);
    case NATS_SECURE_CONNECTION_WANTED:
        return rp_error_set(reterr, RP_DENIED, "server",
            "%s speaks no TLS; leave out tls:// and the --tls options, or turn TLS on there", name);
    case NATS_SECURE_CONNECTION_REQUIRED:
        return rp_error_set(reterr, RP_DENIED, "server",
            "%s wants TLS; give tls:// in the URL and --tls-ca where the authority is your own",
            name);
    default:
        return rp_error_set(reterr, RP_DENIED, "server",
            "TLS with %s failed (%.120s); check --tls-ca, --tls-cert, --tls-key and "
            "--tls-server-name",
            name, detail);
    }
}

/* nats.c's text for this failure, without the place in its source. */
static const char *detail_of(natsStatus nats)
{
    natsStatus last = NATS_OK;
    const char *text = nats_GetLastError(&last);
    if (!text || !*text || last != nats)
        return natsStatus_GetText(nats);
    const char *behind = *text == '(' ? strstr(text, "): ") : NULL;
    return behind ? behind + 3 : text;
}

rp_status rp_endpoint_error(
    const rp_endpoint *endpoint, natsStatus nats, const char *doing, rp_error *reterr)
{
    char name[RP_ENDPOINT_NAME_BYTES];
    rp_status status = code_of(nats);
    if (status == RP_OK || !reterr)
        return status;
    rp_endpoint_servers(endpoint, name);
    const char *detail = detail_of(nats);
    switch (status) {
    case RP_UNAVAILABLE:
        return unreachable(nats, name, reterr);
    case RP_DENIED:
        return refused(nats, name, detail, reterr);
    case RP_TIMEOUT:
        return rp_error_set(reterr, RP_TIMEOUT, "server",
            "%s did not answer in time (%s); is it overloaded, or is something else there?", name,
            doing);
    default:
        return rp_error_set(reterr, status, "server", "%s: cannot %s: %.160s", name, doing, detail);
    }
}
