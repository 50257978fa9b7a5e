/* What is promised of durable timers, looked at with each message that is stored.
 *
 * Every ask on example.remind.<key> is carried out once: it sets the key's timer or takes it back. A
 * timer that was neither replaced nor taken back comes, once, not before its time, with what was
 * asked for; one that was, does not. What came is reminded of once.
 *
 *     sim_reminders_stored(&reminders, stream, stored)      from the server's on_stored
 *     sim_reminders_done(&reminders)                        nothing is left to come
 *
 * In which order the asks of one key are carried out nobody promises: they are handled side by side.
 * So what must come follows from what TIMER was given. An ask that is delivered again is carried out
 * again where the server does not know its message id any more: behind the duplicate window, and
 * where the message was gone already when the server was started (runtime/actor/timer.h).
 */
#ifndef SIM_CHECK_REMINDERS_H
#define SIM_CHECK_REMINDERS_H

#include "sim/check/verdict.h"
#include "sim/server/server.h"

enum { SIM_REMINDERS_MAX = 256, SIM_REMINDER_KEYS = 8 };

/* One ask of EXAMPLE's, and what became of it. */
typedef struct sim_reminder {
    uint64_t sequence; /* of the ask */
    uint64_t at_ns;    /* Unix time; 0 = it takes a timer back */
    rp_bytes text;
    size_t done;      /* how often it was carried out */
    uint64_t done_ns; /* Unix time of the last */
    uint64_t gone_ns; /* world time, since when its message stands there no more; 0 = it does */
    size_t due;       /* how often it came */
} sim_reminder;

/* One that came, and how often that was told. */
typedef struct sim_reminded {
    uint64_t sequence; /* of TIMER */
    rp_bytes text;
    size_t told;
} sim_reminded;

typedef struct sim_reminders {
    const sim_server *server;
    sim_verdict *verdict;
    sim_reminder asks[SIM_REMINDERS_MAX];
    size_t ask_count;
    sim_reminded reminded[SIM_REMINDERS_MAX];
    size_t reminded_count;
    sim_reminder *standing[SIM_REMINDER_KEYS]; /* of each key; NULL = none, or it has come */
} sim_reminders;

void sim_reminders_stored(
    sim_reminders *reminders, const sim_stream *stream, const sim_stored *stored);

/* Every ask is carried out, no timer waits, and all that came is told. */
bool sim_reminders_done(const sim_reminders *reminders);

/* What is left undone, as a broken invariant. */
void sim_reminders_tell_undone(const sim_reminders *reminders);

#endif
