/* The conformance cases on the JetStream bus, with a real nats-server: bus_conformance_server URL.
 */
#include "runtime/actor/process/host_uv.h"
#include "runtime/bus/jetstream/jetstream.h"
#include "tests/conformance/bus/conform.h"

#include <unistd.h>

typedef struct server_driver {
    conform conform; /* first */
    uv_loop_t loop;
    uv_timer_t alarm;
    rp_endpoint endpoint;
    rp_log *log;
    rp_metrics *metrics[2]; /* a bus registers its own */
    bool connected[2];
} server_driver;

static void on_alarm(uv_timer_t *alarm)
{
    (void)alarm; /* it has ended the loop's sleep */
}

static bool turn(conform *c, uint64_t until_ns)
{
    server_driver *driver = (server_driver *)c;
    uint64_t now_ns = rp_clock_monotonic_ns(c->host->clock);
    if (now_ns >= until_ns)
        return false;
    uv_update_time(&driver->loop);
    uv_timer_start(&driver->alarm, on_alarm, (until_ns - now_ns) / RP_NS_PER_MS + 1, 0);
    uv_run(&driver->loop, UV_RUN_ONCE);
    return true;
}

static void on_state(void *arg, bool connected)
{
    *(bool *)arg = connected;
}

static rp_status open_bus(
    server_driver *driver, size_t index, const char *name, rp_bus **ret_bus, rp_error *reterr)
{
    rp_status status = rp_metrics_new(NULL, 0, &driver->metrics[index], reterr);
    rp_jetstream_spec spec = {.loop = &driver->loop,
        .endpoint = &driver->endpoint,
        .clock = rp_clock_system(),
        .log = driver->log,
        .metrics = driver->metrics[index],
        .name = name,
        .seed = index,
        .limits = RP_JETSTREAM_LIMITS};
    if (status == RP_OK)
        status = rp_jetstream_new(&spec, ret_bus, reterr);
    if (status == RP_OK)
        rp_bus_watch_state(*ret_bus, on_state, &driver->connected[index]);
    return status;
}

static rp_status start(server_driver *driver, const char *url, rp_error *reterr)
{
    conform *c = &driver->conform;
    rp_log_options log = {
        .clock = rp_clock_system(), .fd = STDERR_FILENO, .format = RP_LOG_FORMAT_TEXT};
    rp_host_uv_spec host = {
        .loop = &driver->loop, .clock = rp_clock_system(), .threads = 1, .jobs_max = 1};
    driver->endpoint = (rp_endpoint){.server = url, .connect_timeout_ns = 5 * RP_NS_PER_S};
    RP_ASSERT(uv_loop_init(&driver->loop) == 0);
    uv_timer_init(&driver->loop, &driver->alarm);
    c->out = stdout;
    c->turn = turn;
    rp_status status = rp_log_new(&log, &driver->log, reterr);
    if (status == RP_OK)
        status = rp_host_uv_new(&host, &c->host);
    if (status == RP_OK)
        status = open_bus(driver, 0, "one", &c->bus, reterr);
    if (status == RP_OK)
        status = open_bus(driver, 1, "two", &c->other, reterr);
    if (status == RP_OK)
        UNTIL(c, driver->connected[0] && driver->connected[1]);
    if (status == RP_OK && !(driver->connected[0] && driver->connected[1]))
        status = rp_error_set(reterr, RP_UNAVAILABLE, "url", "no server at %s", url);
    return status;
}

static void end(server_driver *driver)
{
    rp_host_free(driver->conform.host);
    rp_bus_free(driver->conform.bus);
    rp_bus_free(driver->conform.other);
    uv_close((uv_handle_t *)&driver->alarm, NULL);
    uv_run(&driver->loop, UV_RUN_DEFAULT);
    uv_loop_close(&driver->loop);
    rp_metrics_free(driver->metrics[0]);
    rp_metrics_free(driver->metrics[1]);
    rp_log_free(driver->log);
}

int main(int argc, char **argv)
{
    static server_driver driver;
    rp_error error = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: bus_conformance_server URL\n");
        return 2;
    }
    rp_status status = start(&driver, argv[1], &error);
    if (status == RP_OK)
        conform_run(&driver.conform);
    else
        fprintf(stderr, "%s\n", error.message);
    end(&driver);
    return status != RP_OK;
}
