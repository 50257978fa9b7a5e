#include "actors/janitor/janitor_internal.h"

#include "runtime/base/decimal.h"
#include "runtime/base/name.h"

#include <stdio.h>

static const char bucket_stream[] = "OBJ_" RP_ARCHIVE_BUCKET;

/* -- which snapshots there are ----------------------------------------------------------------- */

/* Reads `<kind>.<partition>.<sequence>.<sha256>`. */
static bool parse_name(const char name[RP_OBJECT_NAME_MAX + 1], covered *ret_covered)
{
    rp_bytes text = rp_bytes_text(name);
    rp_bytes kind = rp_name_token(text, 0);
    uint64_t partition;
    *ret_covered = (covered){0};
    if (kind.len == 0 || kind.len > RP_SNAPSHOT_KIND_MAX ||
        rp_decimal_parse(rp_name_token(text, 1), &partition) != RP_OK || partition > UINT32_MAX)
        return false;
    snprintf(ret_covered->kind, sizeof ret_covered->kind, "%.*s", (int)kind.len,
        (const char *)kind.data);
    snprintf(ret_covered->object, sizeof ret_covered->object, "%s", name);
    ret_covered->partition = (uint32_t)partition;
    return rp_snapshot_name_parse(text, ret_covered->kind, ret_covered->partition,
        &ret_covered->sequence, ret_covered->sha256);
}

static covered *find(covered *all, size_t count, const covered *like)
{
    for (size_t i = 0; i < count; i++) {
        if (all[i].partition == like->partition && strcmp(all[i].kind, like->kind) == 0)
            return &all[i];
    }
    return NULL;
}

static void on_info(void *arg, const rp_object_info *info)
{
    janitor *self = arg;
    covered found;
    if (!parse_name(info->name, &found))
        return;
    covered *known = find(self->partitions, self->partition_count, &found);
    if (known && known->sequence <= found.sequence)
        *known = found;
    else if (!known && self->partition_count < JANITOR_PARTITIONS_MAX)
        self->partitions[self->partition_count++] = found;
    else if (!known)
        self->left_out = true;
}

/* -- which of them are whole ------------------------------------------------------------------- */

static void read_next(janitor *self);

/* An object's own digest is compared by the store; that it is the one of its name is ours to see. */
static void on_object(void *arg, const rp_object_info *info)
{
    janitor *self = arg;
    covered *c = &self->partitions[self->at];
    c->named_right = strcmp(info->digest, c->sha256) == 0;
}

static void on_chunk(void *arg, rp_bytes chunk)
{
    janitor *self = arg;
    size_t wanted = RP_SNAPSHOT_HEAD_BYTES + RP_SNAPSHOT_KIND_MAX + RP_SNAPSHOT_STREAM_MAX;
    size_t have = rp_buffer_bytes(&self->head).len;
    if (have < wanted) /* what is left out is hashed all the same, by the store */
        rp_buffer_append(
            &self->head, chunk.data, chunk.len < wanted - have ? chunk.len : wanted - have);
}

/* Whether the head says what the name says. */
static bool take_head(janitor *self, covered *c)
{
    rp_snapshot_head head;
    if (rp_snapshot_head_read(rp_buffer_bytes(&self->head), &head, NULL) != RP_OK ||
        !rp_bytes_is(head.kind, c->kind) || head.partition != c->partition ||
        head.sequence != c->sequence || head.stream.len > RP_SNAPSHOT_STREAM_MAX ||
        head.partition >= head.partitions)
        return false;
    snprintf(
        c->stream, sizeof c->stream, "%.*s", (int)head.stream.len, (const char *)head.stream.data);
    c->partitions = head.partitions;
    c->created_ns = head.created_ns;
    return true;
}

static void on_read(void *arg, rp_status status, const char *why)
{
    janitor *self = arg;
    covered *c = &self->partitions[self->at];
    self->get = NULL;
    c->read = status == RP_OK || status == RP_CORRUPT;
    c->whole = status == RP_OK && c->named_right && take_head(self, c);
    if (!c->whole) {
        if (c->read)
            rp_counter_add(self->metrics.corrupt, 1);
        rp_log_warn(self->env->log, "snapshot_not_whole", rp_log_text("snapshot", c->object),
            rp_log_status("status", status), rp_log_text("why", why));
    }
    self->at++;
    read_next(self);
}

static void read_next(janitor *self)
{
    while (self->at < self->partition_count && self->partitions[self->at].read)
        self->at++;
    if (self->at == self->partition_count) {
        janitor_next(self);
        return;
    }
    rp_buffer_clear(&self->head);
    rp_object_get_spec spec = {.name = self->partitions[self->at].object,
        .on_info = on_object,
        .on_chunk = on_chunk,
        .on_end = on_read,
        .arg = self};
    if (rp_object_get_start(self->snapshots, &spec, &self->get) != RP_OK)
        janitor_next(self);
}

/* What was read once is not read again. */
static void remember(janitor *self)
{
    for (size_t i = 0; i < self->partition_count; i++) {
        covered *c = &self->partitions[i];
        const covered *b = find(self->before, self->before_count, c);
        if (b && strcmp(b->object, c->object) == 0)
            *c = *b;
    }
}

static void on_listed(void *arg, rp_status status)
{
    janitor *self = arg;
    self->at = 0;
    remember(self);
    if (self->left_out) {
        rp_counter_add(self->metrics.left_out, 1);
        rp_log_warn(self->env->log, "too_many_snapshots",
            rp_log_count("partitions_max", JANITOR_PARTITIONS_MAX),
            rp_log_text("so", "no log is purged"));
    }
    if (status == RP_OK) {
        read_next(self);
        return;
    }
    if (status != RP_NOT_FOUND)
        rp_log_warn(self->env->log, "snapshots_not_listed", rp_log_status("status", status));
    self->partition_count = 0;
    janitor_next(self);
}

/* A listing of a bucket that is missing would wait for its silence to end. */
static void on_bucket(void *arg, rp_status status, const rp_stream_state *state)
{
    janitor *self = arg;
    (void)state;
    if (status == RP_OK)
        status = rp_object_list(self->snapshots, on_info, on_listed, self);
    if (status != RP_OK)
        on_listed(self, status);
}

void janitor_read_snapshots(janitor *self)
{
    memcpy(self->before, self->partitions, self->partition_count * sizeof *self->before);
    self->before_count = self->partition_count;
    self->partition_count = 0;
    self->left_out = false;
    rp_status status = rp_bus_stream_state(self->env->bus, bucket_stream, on_bucket, self);
    if (status != RP_OK)
        on_listed(self, status);
}

/* -- up to where a log is covered -------------------------------------------------------------- */

/* All partitions of the fold that `first` is one of, if they are there and whole and of one log. */
static bool cover(janitor *self, const covered *first)
{
    uint32_t whole = 0;
    self->keep_from = first->sequence;
    for (size_t i = 0; i < self->partition_count; i++) {
        const covered *c = &self->partitions[i];
        if (strcmp(c->kind, first->kind) != 0)
            continue;
        if (!c->whole || c->partitions != first->partitions || c->created_ns != first->created_ns ||
            strcmp(c->stream, first->stream) != 0)
            return false;
        if (c->sequence < self->keep_from)
            self->keep_from = c->sequence;
        whole++;
    }
    return whole == first->partitions;
}

bool janitor_covered_next(janitor *self)
{
    while (!self->left_out && self->at < self->partition_count) {
        const covered *c = &self->partitions[self->at++];
        if (c->partition != 0 || !c->whole || !cover(self, c))
            continue;
        self->log = c->stream;
        self->log_created_ns = c->created_ns;
        return true;
    }
    return false;
}
