#include "runtime/observe/admin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/utf8.h"

enum {
    CONNECTION_BYTES = 16 << 10, /* libmicrohttpd's pool: the request's head and the reply's */
    BACKLOG = 16,
    NAME_BYTES = 128
};

static const uint64_t stale_ns_default = 10 * RP_NS_PER_S;

struct rp_admin {
    struct MHD_Daemon *daemon;
    uint16_t port;
    const rp_clock *clock;
    rp_metrics *metrics;
    char name[NAME_BYTES];
    uint64_t stale_ns;
    atomic_uint_fast64_t beat_ns; /* monotonic */

    pthread_mutex_t mutex; /* guards the next two */
    bool ready;
    char reason[RP_ADMIN_REASON_MAX + 1]; /* why not */

    rp_buffer body; /* the serving thread's own */
};

/* ---- answers; all of them on libmicrohttpd's thread ---- */

static enum MHD_Result answer(
    struct MHD_Connection *connection, unsigned code, const char *type, const rp_buffer *body)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body->len, (void *)(uintptr_t)rp_buffer_string(body), MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO; /* closes the connection */
    enum MHD_Result result = MHD_add_response_header(response, "Content-Type", type);
    if (result == MHD_YES)
        result = MHD_add_response_header(response, "Cache-Control", "no-store");
    if (result == MHD_YES && code == MHD_HTTP_METHOD_NOT_ALLOWED)
        result = MHD_add_response_header(response, "Allow", "GET, HEAD");
    if (result == MHD_YES)
        result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_text(
    rp_admin *admin, struct MHD_Connection *connection, unsigned code)
{
    return answer(connection, code, "text/plain; charset=utf-8", &admin->body);
}

static uint64_t beat_age_ns(const rp_admin *admin)
{
    uint64_t now_ns = rp_clock_monotonic_ns(admin->clock);
    uint64_t beat_ns = atomic_load_explicit(&admin->beat_ns, memory_order_relaxed);
    return now_ns > beat_ns ? now_ns - beat_ns : 0;
}

/* Says so and returns true where the heartbeat is too old. */
static bool is_stale(rp_admin *admin)
{
    uint64_t age_ns = beat_age_ns(admin);
    if (age_ns <= admin->stale_ns)
        return false;
    rp_buffer_printf(&admin->body, "the loop hangs: last seen %.1f s ago, the limit is %.1f s\n",
        (double)age_ns / (double)RP_NS_PER_S, (double)admin->stale_ns / (double)RP_NS_PER_S);
    return true;
}

static enum MHD_Result answer_health(rp_admin *admin, struct MHD_Connection *connection)
{
    if (is_stale(admin))
        return answer_text(admin, connection, MHD_HTTP_SERVICE_UNAVAILABLE);
    rp_buffer_text(&admin->body, "ok\n");
    return answer_text(admin, connection, MHD_HTTP_OK);
}

/* A loop that hangs takes no work, whatever it said before. */
static enum MHD_Result answer_ready(rp_admin *admin, struct MHD_Connection *connection)
{
    if (is_stale(admin))
        return answer_text(admin, connection, MHD_HTTP_SERVICE_UNAVAILABLE);
    pthread_mutex_lock(&admin->mutex);
    bool ready = admin->ready;
    if (ready)
        rp_buffer_text(&admin->body, "ready\n");
    else
        rp_buffer_printf(&admin->body, "not ready: %s\n", admin->reason);
    pthread_mutex_unlock(&admin->mutex);
    return answer_text(admin, connection, ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE);
}

static enum MHD_Result answer_metrics(rp_admin *admin, struct MHD_Connection *connection)
{
    rp_metrics_expose(admin->metrics, &admin->body);
    if (!admin->body.truncated)
        return answer(
            connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", &admin->body);
    rp_buffer_clear(&admin->body);
    rp_buffer_printf(
        &admin->body, "the metrics take more than %d bytes\n", RP_ADMIN_METRICS_BYTES_MAX);
    return answer_text(admin, connection, MHD_HTTP_INTERNAL_SERVER_ERROR);
}

static enum MHD_Result answer_page(rp_admin *admin, struct MHD_Connection *connection)
{
    rp_buffer_printf(&admin->body,
        "%s\n\n"
        "/metrics  metrics, in Prometheus' text format\n"
        "/healthz  whether the process lives\n"
        "/readyz   whether it takes work, and why not\n",
        admin->name);
    return answer_text(admin, connection, MHD_HTTP_OK);
}

static const struct {
    const char *path;
    enum MHD_Result (*answer)(rp_admin *admin, struct MHD_Connection *connection);
} pages[] = {{"/metrics", answer_metrics}, {"/healthz", answer_health}, {"/readyz", answer_ready},
    {"/", answer_page}};

/* Whether an address is this machine's own: 127.0.0.0/8 or ::1. */
static bool is_loopback(const char *address)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, address, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
    return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* Whether a Host header names this machine; a page from elsewhere that resolves its own name to
 * loopback does not. */
static bool is_own_host(const char *host)
{
    char name[64];
    bool bracketed = host[0] == '[';
    const char *start = bracketed ? host + 1 : host;
    size_t len = strcspn(start, bracketed ? "]" : ":");
    if (len >= sizeof name)
        return false;
    memcpy(name, start, len);
    name[len] = '\0';
    return strcasecmp(name, "localhost") == 0 || is_loopback(name);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *upload, size_t *upload_len, void **request)
{
    rp_admin *admin = context;
    (void)version, (void)upload, (void)upload_len, (void)request;
    rp_buffer_clear(&admin->body);
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
    if (host && !is_own_host(host)) {
        rp_buffer_text(&admin->body, "only for Host localhost or a loopback address\n");
        return answer_text(admin, connection, MHD_HTTP_FORBIDDEN);
    }
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        rp_buffer_text(&admin->body, "only GET and HEAD\n");
        return answer_text(admin, connection, MHD_HTTP_METHOD_NOT_ALLOWED);
    }
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (strcmp(url, pages[i].path) == 0)
            return pages[i].answer(admin, connection);
    }
    rp_buffer_text(&admin->body, "there is no such page; see /\n");
    return answer_text(admin, connection, MHD_HTTP_NOT_FOUND);
}

/* ---- life ---- */

/* A socket that listens on `address` and `port`, and the port it got. */
static rp_status listen_on(
    const char *address, uint16_t port, int *ret_fd, uint16_t *ret_port, rp_error *reterr)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    bool is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
    if (!is_v4 && inet_pton(AF_INET6, address, &v6.sin6_addr) != 1)
        return rp_error_set(reterr, RP_INVALID, "admin", "\"%s\" is no IP address", address);
    if (!is_loopback(address))
        return rp_error_set(reterr, RP_DENIED, "admin",
            "the admin endpoint listens on loopback only (127.0.0.1, ::1), not on %s", address);
    struct sockaddr *name = is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t len = is_v4 ? sizeof v4 : sizeof v6;
    int one = 1;
    int fd = socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        bind(fd, name, len) == 0 && listen(fd, BACKLOG) == 0 && getsockname(fd, name, &len) == 0) {
        *ret_fd = fd;
        *ret_port = ntohs(is_v4 ? v4.sin_port : v6.sin6_port);
        return RP_OK;
    }
    int error = errno;
    if (fd >= 0)
        close(fd);
    return rp_error_set(reterr, error == EADDRINUSE ? RP_EXISTS : RP_IO, "admin",
        "cannot listen on %s port %u: %s", address, port, strerror(error));
}

/* Starts the serving thread. Signals are for the process's own threads, so it gets none.
 * libmicrohttpd takes the socket, also where it fails. */
static struct MHD_Daemon *start(rp_admin *admin, int fd)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_AUTO_INTERNAL_THREAD, admin->port, NULL,
        NULL, handle, admin, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)RP_ADMIN_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)RP_ADMIN_IDLE_S_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return daemon;
}

rp_status rp_admin_new(const rp_admin_options *options, rp_admin **ret_admin, rp_error *reterr)
{
    int fd = -1;
    rp_admin *admin = calloc(1, sizeof *admin);
    if (!admin)
        return rp_error_set(reterr, RP_NO_MEMORY, "admin", "no memory for the admin endpoint");
    pthread_mutex_init(&admin->mutex, NULL);
    rp_buffer_init(&admin->body, RP_ADMIN_METRICS_BYTES_MAX);
    admin->clock = options->clock;
    admin->metrics = options->metrics;
    admin->stale_ns = options->stale_ns ? options->stale_ns : stale_ns_default;
    snprintf(admin->name, sizeof admin->name, "%s", options->name ? options->name : "reprise");
    rp_admin_set_unready(admin, "it is starting");
    rp_admin_beat(admin);
    rp_status status = listen_on(options->address ? options->address : "127.0.0.1", options->port,
        &fd, &admin->port, reterr);
    if (status == RP_OK) {
        admin->daemon = start(admin, fd);
        if (!admin->daemon)
            status = rp_error_set(reterr, RP_IO, "admin", "cannot start the admin endpoint");
    }
    if (status != RP_OK) {
        rp_admin_free(admin);
        return status;
    }
    *ret_admin = admin;
    return RP_OK;
}

void rp_admin_free(rp_admin *admin)
{
    if (!admin)
        return;
    if (admin->daemon)
        MHD_stop_daemon(admin->daemon);
    rp_buffer_done(&admin->body);
    pthread_mutex_destroy(&admin->mutex);
    free(admin);
}

uint16_t rp_admin_port(const rp_admin *admin)
{
    return admin->port;
}

void rp_admin_beat(rp_admin *admin)
{
    atomic_store_explicit(
        &admin->beat_ns, rp_clock_monotonic_ns(admin->clock), memory_order_relaxed);
}

void rp_admin_set_ready(rp_admin *admin)
{
    pthread_mutex_lock(&admin->mutex);
    admin->ready = true;
    pthread_mutex_unlock(&admin->mutex);
}

void rp_admin_set_unready(rp_admin *admin, const char *reason)
{
    rp_bytes kept = rp_utf8_cut(rp_bytes_text(reason), RP_ADMIN_REASON_MAX);
    pthread_mutex_lock(&admin->mutex);
    admin->ready = false;
    if (kept.len > 0)
        memcpy(admin->reason, kept.data, kept.len);
    admin->reason[kept.len] = '\0';
    pthread_mutex_unlock(&admin->mutex);
}
