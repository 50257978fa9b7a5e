#include "actors/cli/up/process/broker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static rp_status join(
    char path[RP_BROKER_PATH_BYTES], const char *folder, const char *name, rp_error *reterr)
{
    int n = snprintf(path, RP_BROKER_PATH_BYTES, "%s/%s", folder, name);
    if (n < 0 || n >= RP_BROKER_PATH_BYTES)
        return rp_error_limit(
            reterr, "data", "4095 bytes", "the path %.60s... is too long", folder);
    return RP_OK;
}

/* -- the data folder --------------------------------------------------------------------------- */

/* The folder and all above it. */
static rp_status make_folder(const char *path, rp_error *reterr)
{
    char part[RP_BROKER_PATH_BYTES];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part)
        return rp_error_limit(reterr, "data", "4095 bytes", "the data folder's path is too long");
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return rp_error_set(reterr, RP_IO, "data",
                "cannot make the folder %.200s: %s; choose another with --data", part,
                strerror(errno));
    }
    return RP_OK;
}

static rp_status lock_file(const char *data, int *ret_lock, rp_error *reterr)
{
    char path[RP_BROKER_PATH_BYTES], owner[32] = "";
    rp_status status = join(path, data, "up.lock", reterr);
    if (status != RP_OK)
        return status;
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0)
        return rp_error_set(reterr, RP_IO, "data", "cannot open %.200s: %s", path, strerror(errno));
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        ssize_t n = read(lock, owner, sizeof owner - 1);
        owner[n > 0 ? n : 0] = '\0';
        owner[strcspn(owner, "\n")] = '\0';
        close(lock);
        return rp_error_set(reterr, RP_BUSY, "data",
            "another reprise up (process %s) uses %.160s: stop it, or choose another folder and "
            "port with --data and --port",
            *owner ? owner : "unknown", data);
    }
    int n = snprintf(owner, sizeof owner, "%ld\n", (long)getpid());
    if (ftruncate(lock, 0) != 0 || pwrite(lock, owner, (size_t)n, 0) != n) {
        close(lock);
        return rp_error_set(
            reterr, RP_IO, "data", "cannot write %.200s: %s", path, strerror(errno));
    }
    *ret_lock = lock;
    return RP_OK;
}

rp_status rp_data_lock(const char *data, int *ret_lock, rp_error *reterr)
{
    static const char *const folders[] = {"jetstream", "logs"};
    char path[RP_BROKER_PATH_BYTES];
    rp_status status = make_folder(data, reterr);
    for (size_t i = 0; i < 2 && status == RP_OK; i++) {
        status = join(path, data, folders[i], reterr);
        if (status == RP_OK)
            status = make_folder(path, reterr);
    }
    return status == RP_OK ? lock_file(data, ret_lock, reterr) : status;
}

void rp_data_unlock(int lock)
{
    if (lock >= 0)
        close(lock);
}

rp_status rp_data_default(char path[RP_BROKER_PATH_BYTES], rp_error *reterr)
{
    const char *base = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (base && *base == '/')
        return join(path, base, "reprise", reterr);
    if (home && *home == '/')
        return join(path, home, ".local/share/reprise", reterr);
    return rp_error_set(reterr, RP_NOT_FOUND, "data",
        "neither XDG_DATA_HOME nor HOME is set; say where to keep the streams with --data");
}

/* -- the binary -------------------------------------------------------------------------------- */

rp_status rp_own_folder(char path[RP_BROKER_PATH_BYTES], rp_error *reterr)
{
    ssize_t n = readlink("/proc/self/exe", path, RP_BROKER_PATH_BYTES - 1);
    if (n <= 0)
        return rp_error_set(
            reterr, RP_IO, NULL, "cannot tell where this binary is: %s", strerror(errno));
    path[n] = '\0';
    *strrchr(path, '/') = '\0';
    return RP_OK;
}

static bool found(char path[RP_BROKER_PATH_BYTES], const char *folder, size_t folder_len)
{
    int n = snprintf(path, RP_BROKER_PATH_BYTES, "%.*s/nats-server", (int)folder_len, folder);
    return n > 0 && n < RP_BROKER_PATH_BYTES && access(path, X_OK) == 0;
}

static bool found_in_path(char path[RP_BROKER_PATH_BYTES])
{
    const char *at = getenv("PATH");
    while (at && *at) {
        size_t len = strcspn(at, ":");
        if (len > 0 && found(path, at, len))
            return true;
        at += len + (at[len] == ':');
    }
    return false;
}

rp_status rp_broker_find(const char *given, char path[RP_BROKER_PATH_BYTES], rp_error *reterr)
{
    char own[RP_BROKER_PATH_BYTES], deps[RP_BROKER_PATH_BYTES];
    if (given) {
        if (access(given, X_OK) != 0 || !realpath(given, path))
            return rp_error_set(reterr, RP_NOT_FOUND, "nats-server",
                "--nats-server %.200s cannot be run: %s", given, strerror(errno));
        return RP_OK;
    }
    rp_status status = rp_own_folder(own, reterr);
    /* build/<preset>/bin lies in the project. */
    if (status == RP_OK)
        status = join(deps, own, "../../../.deps/bin", reterr);
    if (status != RP_OK)
        return status;
    if (found(path, own, strlen(own)) || found(path, deps, strlen(deps)) || found_in_path(path))
        return RP_OK;
    return rp_error_set(reterr, RP_NOT_FOUND, "nats-server",
        "there is no nats-server: not beside this binary, not in .deps/bin of the project, not in "
        "PATH. deploy/up fetches one; or say where it is with --nats-server, or use a running one "
        "with --server");
}

/* -- the port ---------------------------------------------------------------------------------- */

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* Whether what listens there greets as a NATS server does. */
static bool greets_as_nats(uint16_t port)
{
    char greeting[8] = "";
    struct sockaddr_in address = loopback(port);
    struct timeval wait = {.tv_sec = 1};
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0)
        return false;
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    bool greets = connect(s, (struct sockaddr *)&address, sizeof address) == 0 &&
                  recv(s, greeting, sizeof greeting - 1, MSG_WAITALL) > 0 &&
                  strncmp(greeting, "INFO", 4) == 0;
    close(s);
    return greets;
}

static rp_status port_taken(uint16_t port, rp_error *reterr)
{
    if (greets_as_nats(port))
        return rp_error_set(reterr, RP_BUSY, "port",
            "a NATS server listens on port %u already: use it with --server "
            "nats://127.0.0.1:%u, or choose another port with --port",
            port, port);
    return rp_error_set(reterr, RP_BUSY, "port",
        "something else listens on port %u: choose another with --port, or any free one with "
        "--port 0",
        port);
}

rp_status rp_broker_port(uint16_t port, uint16_t *ret_port, rp_error *reterr)
{
    int yes = 1;
    struct sockaddr_in address = loopback(port);
    socklen_t len = sizeof address;
    rp_status status = RP_OK;
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0)
        return rp_error_set(reterr, RP_IO, "port", "no socket: %s", strerror(errno));
    /* As nats-server does: connections that ended just now do not keep the port. */
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(s, (struct sockaddr *)&address, sizeof address) != 0 || listen(s, 1) != 0)
        status = errno == EADDRINUSE
                     ? port_taken(port, reterr)
                     : rp_error_set(reterr, RP_IO, "port", "port %u: %s", port, strerror(errno));
    else if (getsockname(s, (struct sockaddr *)&address, &len) != 0)
        status = rp_error_set(reterr, RP_IO, "port", "port %u: %s", port, strerror(errno));
    close(s);
    if (status == RP_OK)
        *ret_port = ntohs(address.sin_port);
    return status;
}

/* -- the configuration ------------------------------------------------------------------------- */

rp_status rp_broker_configure(const char *data, char path[RP_BROKER_PATH_BYTES], rp_error *reterr)
{
    rp_status status = join(path, data, "nats.conf", reterr);
    if (status != RP_OK)
        return status;
    FILE *file = fopen(path, "we");
    bool fine = file && fputs("# Written by reprise up at each start; it is deploy/nats.conf.\n\n",
                            file) >= 0;
    fine = fine && fputs(rp_broker_config, file) >= 0;
    fine = (!file || fclose(file) == 0) && fine;
    if (!fine)
        return rp_error_set(
            reterr, RP_IO, "data", "cannot write %.200s: %s", path, strerror(errno));
    return RP_OK;
}
