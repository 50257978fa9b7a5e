/* A connection between a process and the server: two rows of frames, each in order.
 *
 * A frame takes its time (a base of the connection's, and a tail that is mostly short), and never
 * overtakes one that was sent before on the same connection; between connections anything may
 * overtake anything. A connection may be clogged for a while, which is how a network that does not
 * work looks until somebody gives up.
 *
 * When it breaks, it breaks in the middle: of what is on its way a part still arrives, the rest is
 * lost, and the two sides do not agree on where the cut was. What the server has to say to a
 * process goes out over whatever connection the process has then, as inboxes have one name for
 * life.
 */
#ifndef SIM_SERVER_CONNECTION_H
#define SIM_SERVER_CONNECTION_H

#include "sim/server/message.h"

typedef enum sim_frame_kind {
    /* from a process */
    SIM_FRAME_PUBLISH,   /* message, token: answered by PUT or NOBODY */
    SIM_FRAME_SEND,      /* message */
    SIM_FRAME_REQUEST,   /* message, token: answered by ANSWER or NOBODY */
    SIM_FRAME_LAST,      /* stream, name = subject, token: answered by FOUND or NOBODY */
    SIM_FRAME_STATE,     /* stream, token: answered by FOUND or NOBODY */
    SIM_FRAME_PURGE,     /* stream, name = filter, sequence, token: answered by FOUND or NOBODY */
    SIM_FRAME_PULL,      /* stream, name = durable, count, delay_ns = its time, token */
    SIM_FRAME_SETTLE,    /* stream, name = durable, sequence, deliveries, settlement, delay_ns */
    SIM_FRAME_MUTE,      /* what is pulled is not listened to any more; count = it is again */
    SIM_FRAME_FOLLOW,    /* stream, name = filter, from, sequence, token: FOLLOWING, FOLLOWED... */
    SIM_FRAME_UNFOLLOW,  /* token */
    SIM_FRAME_SUBSCRIBE, /* stream = the filter, name = queue, token */
    SIM_FRAME_UNSUBSCRIBE, /* token */
    /* from the server */
    SIM_FRAME_PUT,        /* token, status, sequence, why */
    SIM_FRAME_NOBODY,     /* token: no responders */
    SIM_FRAME_ANSWER,     /* token, message */
    SIM_FRAME_FOUND,      /* token, and what was asked for */
    SIM_FRAME_DELIVERY,   /* token, and of the message the fields below */
    SIM_FRAME_PULL_ENDED, /* token, status: RP_TIMEOUT, RP_NOT_FOUND, RP_BUSY */
    SIM_FRAME_FOLLOWING,  /* token, status, count = pending, sequence = what lies before */
    SIM_FRAME_FOLLOWED,   /* token, and of the message the fields below */
    SIM_FRAME_PLAIN       /* token, message */
} sim_frame_kind;

typedef struct sim_frame {
    sim_frame_kind kind;
    uint64_t token; /* the process's own number for whatever this is about */
    const sim_message *message;
    const char *stream, *name;
    uint64_t sequence, consumer_sequence, deliveries, stored_ns, pending, count, delay_ns;
    rp_status status;
    const char *why;
    rp_settlement settlement;
    rp_follow_from from;
    rp_stream_state state;
    /* the connection's own */
    struct sim_connection *connection;
    uint64_t serial;
    struct sim_frame *next;
} sim_frame;

/* What the plan says of the network. */
typedef struct sim_network {
    uint64_t base_ns, tail_ns; /* of a frame's way */
    uint32_t lost_per_mille;   /* of answers and settlements, which nothing waits for on the wire */
    uint32_t clog_per_mille;   /* of frames; then nothing moves for up to clog_ns */
    uint64_t clog_ns;
} sim_network;

typedef struct sim_lane {
    uint64_t free_ns; /* when the frame sent last arrives */
} sim_lane;

typedef struct sim_connection {
    sim_world *world;
    struct sim_server *server;
    sim_owner *owner; /* the process */
    const char *who;
    uint32_t number;                        /* unlike every other's of the run */
    uint64_t serial;                        /* how often it was opened */
    bool open;                              /* as the server sees it */
    bool heard;                             /* what is pulled has a listener */
    uint64_t heard_until_ns, read_until_ns; /* of what was on its way when it broke */
    sim_lane to_server, to_process;
    void (*on_frame)(void *arg, const sim_frame *frame);
    void (*on_open)(void *arg, bool open);
    void (*on_broken)(void *arg);
    void *arg;
} sim_connection;

/* Opens, unless the server is down, and says so a moment later. */
void sim_connection_open(sim_connection *connection);

/* It breaks now; the process hears of it a moment later. `server_died` where nobody is there to
 * read what was on its way. */
void sim_connection_break(sim_connection *connection, bool server_died);

/* Sends a copy of the frame. What is sent over a connection that is not open is lost. */
void sim_connection_to_server(sim_connection *connection, const sim_frame *frame);
void sim_connection_to_process(sim_connection *connection, const sim_frame *frame);

#endif
