#include "runtime/observe/admin.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* A clock that the test moves while another thread reads it. */
typedef struct hand_clock {
    rp_clock clock;
    atomic_uint_fast64_t ns;
} hand_clock;

static uint64_t hand_ns(const rp_clock *clock)
{
    return atomic_load(&((const hand_clock *)(const void *)clock)->ns);
}

typedef struct bench {
    hand_clock time;
    rp_metrics *metrics;
    rp_admin *admin;
    char reply[1 << 20];
} bench;

static bench *bench_open(void)
{
    bench *b = calloc(1, sizeof *b);
    rp_error error = {0};
    cr_assert(b != NULL);
    b->time.clock = (rp_clock){hand_ns, hand_ns};
    atomic_init(&b->time.ns, 1000 * RP_NS_PER_S);
    cr_assert(rp_metrics_new(NULL, 0, &b->metrics, NULL) == RP_OK);
    rp_admin_options options = {.clock = &b->time.clock,
        .metrics = b->metrics,
        .name = "executor 7f3a",
        .stale_ns = 5 * RP_NS_PER_S};
    cr_assert(rp_admin_new(&options, &b->admin, &error) == RP_OK, "%s", error.message);
    return b;
}

static void bench_close(bench *b)
{
    rp_admin_free(b->admin);
    rp_metrics_free(b->metrics);
    free(b);
}

static int connect_to(const bench *b)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
        .sin_port = htons(rp_admin_port(b->admin)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(fd >= 0);
    cr_assert(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    cr_assert(connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
    return fd;
}

/* Sends a request as it stands and reads until the server closes. */
static const char *exchange(bench *b, const char *request)
{
    int fd = connect_to(b);
    size_t len = 0;
    ssize_t n;
    cr_assert(send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request));
    while ((n = recv(fd, b->reply + len, sizeof b->reply - 1 - len, 0)) > 0)
        len += (size_t)n;
    b->reply[len] = '\0';
    close(fd);
    return b->reply;
}

static const char *ask(bench *b, const char *method, const char *path)
{
    char request[256];
    snprintf(request, sizeof request,
        "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", method, path);
    return exchange(b, request);
}

static const char *body_of(const char *reply)
{
    const char *end = strstr(reply, "\r\n\r\n");
    cr_assert(end != NULL, "no head in: %s", reply);
    return end + 4;
}

static void assert_reply(bench *b, const char *path, int code, const char *body)
{
    char head[32];
    const char *reply = ask(b, "GET", path);
    snprintf(head, sizeof head, "HTTP/1.1 %d ", code);
    cr_assert(strncmp(reply, head, strlen(head)) == 0, "%s: %s", path, reply);
    cr_assert_str_eq(body_of(reply), body);
}

Test(admin, metrics_are_served)
{
    bench *b = bench_open();
    rp_counter *counter;
    cr_assert(rp_metrics_counter(b->metrics, "seen_total", "Seen.", &counter, NULL) == RP_OK);
    rp_counter_add(counter, 7);
    assert_reply(
        b, "/metrics", 200, "# HELP seen_total Seen.\n# TYPE seen_total counter\nseen_total 7\n");
    cr_assert(strstr(b->reply, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    rp_counter_add(counter, 1);
    assert_reply(b, "/metrics?x=1", 200,
        "# HELP seen_total Seen.\n# TYPE seen_total counter\nseen_total 8\n");
    bench_close(b);
}

Test(admin, health_follows_the_heartbeat)
{
    bench *b = bench_open();
    assert_reply(b, "/healthz", 200, "ok\n");
    atomic_fetch_add(&b->time.ns, 5 * RP_NS_PER_S);
    assert_reply(b, "/healthz", 200, "ok\n");
    atomic_fetch_add(&b->time.ns, RP_NS_PER_S / 2);
    assert_reply(b, "/healthz", 503, "the loop hangs: last seen 5.5 s ago, the limit is 5.0 s\n");
    rp_admin_set_ready(b->admin);
    assert_reply(b, "/readyz", 503, "the loop hangs: last seen 5.5 s ago, the limit is 5.0 s\n");
    rp_admin_beat(b->admin);
    assert_reply(b, "/healthz", 200, "ok\n");
    assert_reply(b, "/readyz", 200, "ready\n");
    bench_close(b);
}

Test(admin, readiness_is_the_owners_word)
{
    bench *b = bench_open();
    char wide[2000];
    memset(wide, 'w', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    assert_reply(b, "/readyz", 503, "not ready: it is starting\n");
    rp_admin_set_unready(b->admin, "the model is loading");
    assert_reply(b, "/readyz", 503, "not ready: the model is loading\n");
    assert_reply(b, "/healthz", 200, "ok\n");
    rp_admin_set_ready(b->admin);
    assert_reply(b, "/readyz", 200, "ready\n");
    rp_admin_set_unready(b->admin, wide);
    const char *reply = ask(b, "GET", "/readyz");
    cr_assert(strlen(body_of(reply)) == strlen("not ready: \n") + RP_ADMIN_REASON_MAX);
    bench_close(b);
}

Test(admin, the_page_names_the_others)
{
    bench *b = bench_open();
    const char *body = body_of(ask(b, "GET", "/"));
    cr_assert(strstr(body, "executor 7f3a") && strstr(body, "/metrics") &&
              strstr(body, "/healthz") && strstr(body, "/readyz"));
    cr_assert(strncmp(ask(b, "GET", "/metrics/"), "HTTP/1.1 404 ", 13) == 0);
    cr_assert(strncmp(ask(b, "GET", "/../etc/passwd"), "HTTP/1.1 404 ", 13) == 0);
    bench_close(b);
}

Test(admin, only_get_and_head)
{
    bench *b = bench_open();
    const char *reply = ask(b, "HEAD", "/healthz");
    cr_assert(strncmp(reply, "HTTP/1.1 200 ", 13) == 0 && strstr(reply, "Content-Length: 3\r\n"));
    cr_assert_str_eq(body_of(reply), "");
    static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "X"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        reply = ask(b, methods[i], "/metrics");
        cr_assert(strncmp(reply, "HTTP/1.1 405 ", 13) == 0, "%s: %s", methods[i], reply);
        cr_assert(strstr(reply, "Allow: GET, HEAD\r\n"));
    }
    reply = exchange(b, "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                        "Content-Length: 5\r\n\r\nhello");
    cr_assert(strncmp(reply, "HTTP/1.1 405 ", 13) == 0, "%s", reply);
    bench_close(b);
}

Test(admin, only_for_its_own_host)
{
    static const struct {
        const char *host;
        int code;
    } cases[] = {{"localhost", 200}, {"LocalHost:9464", 200}, {"127.0.0.1:9464", 200},
        {"127.9.9.9", 200}, {"[::1]:9464", 200}, {"evil.example", 403},
        {"localhost.evil.example", 403}, {"10.0.0.1", 403}, {"[::2]", 403},
        {"127.0.0.1.evil.example", 403}, {"", 403}};
    bench *b = bench_open();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char request[256], head[32];
        snprintf(request, sizeof request,
            "GET /healthz HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", cases[i].host);
        snprintf(head, sizeof head, "HTTP/1.1 %d ", cases[i].code);
        const char *reply = exchange(b, request);
        cr_assert(strncmp(reply, head, strlen(head)) == 0, "%s: %s", cases[i].host, reply);
    }
    bench_close(b);
}

Test(admin, nonsense_does_no_harm)
{
    static const char *const nonsense[] = {"\r\n\r\n\r\n", "GET\r\n\r\n", "\x16\x03\x01\x02",
        "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"};
    bench *b = bench_open();
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        int fd = connect_to(b);
        cr_assert(send(fd, nonsense[i], strlen(nonsense[i]), MSG_NOSIGNAL) > 0);
        close(fd);
    }
    char *huge = malloc(1 << 20);
    cr_assert(huge != NULL);
    memset(huge, 'h', 1 << 20);
    memcpy(huge, "GET /", 5);
    int fd = connect_to(b);
    send(fd, huge, 1 << 20, MSG_NOSIGNAL); /* it may close before it has read all */
    close(fd);
    free(huge);
    assert_reply(b, "/healthz", 200, "ok\n");
    bench_close(b);
}

/* Connections beyond the bound wait; they are served once others end. */
Test(admin, connections_are_bounded, .timeout = 60)
{
    bench *b = bench_open();
    int idle[RP_ADMIN_CONNECTIONS_MAX];
    for (size_t i = 0; i < RP_ADMIN_CONNECTIONS_MAX; i++) {
        idle[i] = connect_to(b);
        cr_assert(send(idle[i], "GET /he", 7, MSG_NOSIGNAL) == 7);
    }
    int late = connect_to(b);
    static const char request[] = "GET /healthz HTTP/1.0\r\n\r\n";
    struct timeval soon = {.tv_usec = 200000};
    char reply[64];
    cr_assert(setsockopt(late, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon) == 0);
    cr_assert(send(late, request, sizeof request - 1, MSG_NOSIGNAL) > 0);
    cr_assert(recv(late, reply, sizeof reply, 0) < 0, "one more than allowed was served");
    for (size_t i = 0; i < RP_ADMIN_CONNECTIONS_MAX; i++)
        close(idle[i]);
    assert_reply(b, "/healthz", 200, "ok\n");
    close(late);
    bench_close(b);
}

Test(admin, it_listens_on_loopback_only)
{
    bench *b = bench_open();
    rp_admin *admin = NULL;
    rp_error error = {0};
    rp_admin_options options = {.clock = &b->time.clock, .metrics = b->metrics};
    options.address = "0.0.0.0";
    cr_assert(rp_admin_new(&options, &admin, &error) == RP_DENIED && !admin);
    cr_assert(strstr(error.message, "loopback only"), "%s", error.message);
    options.address = "::";
    cr_assert(rp_admin_new(&options, &admin, NULL) == RP_DENIED);
    options.address = "localhost";
    cr_assert(rp_admin_new(&options, &admin, NULL) == RP_INVALID);
    options.address = "127.0.0.1";
    options.port = rp_admin_port(b->admin);
    cr_assert(rp_admin_new(&options, &admin, &error) == RP_EXISTS && !admin);
    cr_assert(strstr(error.message, "cannot listen on 127.0.0.1 port"), "%s", error.message);
    options.address = "127.0.0.2";
    cr_assert(rp_admin_new(&options, &admin, &error) == RP_OK, "%s", error.message);
    rp_admin_free(admin);
    bench_close(b);
}

/* The ids of this process's threads, the test framework's among them; returns how many. */
enum { THREADS_MAX = 64 };

static size_t list_threads(int ids[THREADS_MAX])
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/task");
    cr_assert(folder != NULL);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] != '.' && count < THREADS_MAX)
            ids[count++] = atoi(entry->d_name);
    }
    closedir(folder);
    return count;
}

static uint64_t blocked_signals(int thread)
{
    char path[64], line[256];
    uint64_t blocked = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/status", thread);
    FILE *status = fopen(path, "r");
    cr_assert(status != NULL);
    while (fgets(line, sizeof line, status)) {
        if (strncmp(line, "SigBlk:", 7) == 0)
            blocked = strtoull(line + 7, NULL, 16);
    }
    fclose(status);
    return blocked;
}

Test(admin, it_has_one_thread_which_takes_no_signals)
{
    int before[THREADS_MAX], during[THREADS_MAX], after[THREADS_MAX];
    bench_close(bench_open()); /* a sanitizer starts its own thread with the first one */
    usleep(10000);
    size_t count = list_threads(before);
    bench *b = bench_open();
    assert_reply(b, "/healthz", 200, "ok\n"); /* it runs, so its mask is set */
    cr_assert(list_threads(during) == count + 1);
    for (size_t i = 0; i <= count; i++) {
        bool is_new = true;
        for (size_t j = 0; j < count; j++)
            is_new = is_new && during[i] != before[j];
        cr_assert(!is_new || blocked_signals(during[i]) >> (SIGTERM - 1) & 1);
    }
    sigset_t own;
    cr_assert(pthread_sigmask(SIG_SETMASK, NULL, &own) == 0 && !sigismember(&own, SIGTERM));
    bench_close(b);
    for (int i = 0; i < 1000 && list_threads(after) > count; i++)
        usleep(1000); /* the kernel drops an ended thread from the folder a little later */
    cr_assert(list_threads(after) == count);
}

Test(admin, it_starts_and_ends_at_once)
{
    const rp_clock *clock = rp_clock_system();
    uint64_t start_ns_min = UINT64_MAX, end_ns_min = UINT64_MAX;
    for (int i = 0; i < 20; i++) {
        uint64_t a = rp_clock_monotonic_ns(clock);
        bench *b = bench_open();
        uint64_t c = rp_clock_monotonic_ns(clock);
        assert_reply(b, "/healthz", 200, "ok\n");
        uint64_t d = rp_clock_monotonic_ns(clock);
        bench_close(b);
        uint64_t e = rp_clock_monotonic_ns(clock);
        start_ns_min = c - a < start_ns_min ? c - a : start_ns_min;
        end_ns_min = e - d < end_ns_min ? e - d : end_ns_min;
    }
    cr_log_info("starts in %lu us, ends in %lu us", (unsigned long)(start_ns_min / 1000),
        (unsigned long)(end_ns_min / 1000));
    cr_assert(start_ns_min < 5 * RP_NS_PER_MS && end_ns_min < 50 * RP_NS_PER_MS);
}
