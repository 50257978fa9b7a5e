/* Counts the allocations of a process, by call stack: for LD_PRELOAD.
 *
 *     LD_PRELOAD=build/release/lib/libbench_allocations.so RP_ALLOCATIONS=FILE reprise-example ...
 *     kill -RTMIN PID; ...; kill -RTMIN+1 PID      # count between the two, then write FILE
 *
 * FILE has a line a stack: how often, how many bytes in all, and the return addresses, innermost
 * first (this library's own among them), in hex. Whose an allocation is,
 * tests/bench/allocations/attribute.py tells from those. A last line says `dropped N` where the
 * table had no room.
 *
 * Counted are malloc, calloc, realloc and the aligned ones; realloc counts also where it stays in
 * place. It goes to glibc's own functions (__libc_malloc), so nothing is looked up and nothing can
 * recurse. Stacks are compared by a hash of their addresses. The table is fixed, and entries are
 * taken without a lock, so this is safe on every thread and in the signal handlers.
 */
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

enum { FRAMES_MAX = 32, STACKS = 4096, NUMBER_BYTES = 24, OUT_OF_MEMORY = 12 /* ENOMEM */ };

typedef struct stack {
    _Atomic uint64_t hash; /* 0 = unused */
    atomic_size_t count, bytes;
    int depth;
    void *frames[FRAMES_MAX];
} stack;

static stack stacks[STACKS];
static atomic_size_t dropped;
static atomic_bool counting;
static atomic_bool ready;
static _Thread_local bool inside; /* backtrace may allocate itself */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static uint64_t hash_of(void *const *frames, int depth)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (int i = 0; i < depth; i++)
        hash = (hash ^ (uint64_t)(uintptr_t)frames[i]) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ? hash : 1;
}

/* The stack's entry, new or old; NULL where the table is full. */
static stack *entry_of(void *const *frames, int depth)
{
    const uint64_t hash = hash_of(frames, depth);
    for (size_t i = 0; i < STACKS; i++) {
        stack *s = &stacks[(hash + i) % STACKS];
        uint64_t found = 0;
        if (atomic_compare_exchange_strong(&s->hash, &found, hash)) {
            for (int k = 0; k < depth; k++)
                s->frames[k] = frames[k];
            s->depth = depth;
            return s;
        }
        if (found == hash)
            return s;
    }
    return NULL;
}

static void on_start(int number);
static void on_stop(int number);

/* At the process's first allocation: the signals, and the unwinder, which the first backtrace
 * loads. */
static void begin(void)
{
    void *frames[FRAMES_MAX];
    struct sigaction start = {.sa_handler = on_start, .sa_flags = SA_RESTART},
                     stop = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
    inside = true;
    (void)backtrace(frames, FRAMES_MAX);
    if (sigaction(SIGRTMIN, &start, NULL) != 0 || sigaction(SIGRTMIN + 1, &stop, NULL) != 0)
        _exit(1);
    inside = false;
}

static void count(size_t bytes)
{
    void *frames[FRAMES_MAX];
    if (!inside && !atomic_exchange(&ready, true))
        begin();
    if (inside || !atomic_load(&counting))
        return;
    inside = true;
    int depth = backtrace(frames, FRAMES_MAX);
    stack *s = entry_of(frames, depth);
    if (s) {
        atomic_fetch_add(&s->count, 1);
        atomic_fetch_add(&s->bytes, bytes);
    } else {
        atomic_fetch_add(&dropped, 1);
    }
    inside = false;
}

/* ---- the functions that stand before glibc's ---- */

#pragma GCC diagnostic ignored "-Wmissing-prototypes" /* stdlib.h has some of them only */

void *malloc(size_t size)
{
    count(size);
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    count(n * size);
    return __libc_calloc(n, size);
}

void *realloc(void *memory, size_t size)
{
    count(size);
    return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size)
{
    count(size);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    count(size);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **ret_memory, size_t alignment, size_t size)
{
    count(size);
    void *memory = __libc_memalign(alignment, size);
    if (!memory)
        return OUT_OF_MEMORY;
    *ret_memory = memory;
    return 0;
}

/* ---- starting, stopping, writing: all of it safe in a signal handler ---- */

static void put(int file, const char *text, size_t len)
{
    if (write(file, text, len) < 0)
        _exit(1);
}

static void put_number(int file, uint64_t number, unsigned base)
{
    char text[NUMBER_BYTES];
    size_t at = sizeof text;
    text[--at] = ' ';
    do {
        text[--at] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number > 0);
    put(file, text + at, sizeof text - at);
}

static void on_start(int number)
{
    (void)number;
    for (size_t i = 0; i < STACKS; i++) {
        atomic_store(&stacks[i].count, 0);
        atomic_store(&stacks[i].bytes, 0);
    }
    atomic_store(&dropped, 0);
    atomic_store(&counting, true);
}

static void on_stop(int number)
{
    (void)number;
    const char *path = getenv("RP_ALLOCATIONS");
    atomic_store(&counting, false);
    int file = open(path ? path : "/dev/stderr", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0)
        _exit(1);
    for (size_t i = 0; i < STACKS; i++) {
        const stack *s = &stacks[i];
        if (atomic_load(&s->count) == 0)
            continue;
        put_number(file, atomic_load(&s->count), 10);
        put_number(file, atomic_load(&s->bytes), 10);
        for (int k = 0; k < s->depth; k++)
            put_number(file, (uint64_t)(uintptr_t)s->frames[k], 16);
        put(file, "\n", 1);
    }
    put(file, "dropped ", 8);
    put_number(file, atomic_load(&dropped), 10);
    put(file, "\n", 1);
    close(file);
}
