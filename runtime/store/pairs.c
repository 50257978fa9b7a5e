#include "runtime/store/pairs.h"

#include <stdio.h>
#include <stdlib.h>

/* The height of an AVL tree of n nodes is below 1.45 log2(n + 2): this holds 2^44 of them. */
enum { HEIGHT_MAX = 64 };

#define LENGTH_MAX ((size_t)1 << 31)

typedef struct pair {
    struct pair *left, *right;
    rp_hash128 hash;
    uint32_t height; /* of the tree that begins here; a leaf has 1 */
    uint8_t encoding[];
} pair;

/* What a write did. Nothing where it was is NULL, and so is nothing where it went. */
typedef struct change {
    pair *before, *after;
} change;

struct rp_pairs {
    rp_pairs_limits limits;
    pair *root;
    size_t count, bytes;
    rp_hash128 digest;
    change *changes; /* since begin; writes_max of them */
    size_t change_count;
    bool begun;
};

/* -- one pair ---------------------------------------------------------------------------------- */

static rp_bytes key_of(const pair *p)
{
    return rp_bytes_of(p->encoding + RP_PAIRS_HEAD_BYTES, rp_load_u32(p->encoding));
}

static rp_bytes value_of(const pair *p)
{
    rp_bytes key = key_of(p);
    return rp_bytes_of(key.data + key.len, rp_load_u32(p->encoding + sizeof(uint32_t)));
}

static rp_bytes encoding_of(const pair *p)
{
    return rp_bytes_of(p->encoding, RP_PAIRS_HEAD_BYTES + key_of(p).len + value_of(p).len);
}

static pair *pair_new(rp_bytes key, rp_bytes value)
{
    const uint32_t lengths[] = {(uint32_t)key.len, (uint32_t)value.len};
    pair *p = malloc(sizeof *p + sizeof lengths + key.len + value.len);
    if (!p)
        return NULL;
    memcpy(p->encoding, lengths, sizeof lengths);
    memcpy(p->encoding + sizeof lengths, key.data, key.len);
    if (value.len)
        memcpy(p->encoding + sizeof lengths + key.len, value.data, value.len);
    p->hash = rp_hash_xxh3_128(encoding_of(p), 0);
    return p;
}

static int compare(rp_bytes a, rp_bytes b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared ? memcmp(a.data, b.data, shared) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* -- the sum ----------------------------------------------------------------------------------- */

static rp_hash128 plus(rp_hash128 a, rp_hash128 b)
{
    rp_hash128 sum = {.low = a.low + b.low, .high = a.high + b.high};
    sum.high += sum.low < a.low;
    return sum;
}

static rp_hash128 minus(rp_hash128 a, rp_hash128 b)
{
    rp_hash128 difference = {.low = a.low - b.low, .high = a.high - b.high};
    difference.high -= a.low < b.low;
    return difference;
}

static void count_in(rp_pairs *pairs, const pair *p)
{
    pairs->count++;
    pairs->bytes += key_of(p).len + value_of(p).len;
    pairs->digest = plus(pairs->digest, p->hash);
}

static void count_out(rp_pairs *pairs, const pair *p)
{
    pairs->count--;
    pairs->bytes -= key_of(p).len + value_of(p).len;
    pairs->digest = minus(pairs->digest, p->hash);
}

/* -- the tree ---------------------------------------------------------------------------------- */

static uint32_t height_of(const pair *p)
{
    return p ? p->height : 0;
}

static void measure(pair *p)
{
    uint32_t left = height_of(p->left), right = height_of(p->right);
    p->height = 1 + (left > right ? left : right);
}

static pair *turn_right(pair *p)
{
    pair *top = p->left;
    p->left = top->right;
    top->right = p;
    measure(p);
    measure(top);
    return top;
}

static pair *turn_left(pair *p)
{
    pair *top = p->right;
    p->right = top->left;
    top->left = p;
    measure(p);
    measure(top);
    return top;
}

/* The tree at `p`, whose two sides may differ by two in height, balanced. */
static pair *balance(pair *p)
{
    uint32_t left = height_of(p->left), right = height_of(p->right);
    if (left > right + 1) {
        if (height_of(p->left->left) < height_of(p->left->right))
            p->left = turn_left(p->left);
        return turn_right(p);
    }
    if (right > left + 1) {
        if (height_of(p->right->right) < height_of(p->right->left))
            p->right = turn_right(p->right);
        return turn_left(p);
    }
    measure(p);
    return p;
}

/* Where a key's pair hangs, or would; with the way there, from the root on. */
typedef struct path {
    pair **links[HEIGHT_MAX];
    size_t count;
} path;

static pair **find(rp_pairs *pairs, rp_bytes key, path *way)
{
    pair **link = &pairs->root;
    way->count = 0;
    while (*link) {
        int order = compare(key, key_of(*link));
        if (order == 0)
            break;
        RP_ASSERT(way->count < HEIGHT_MAX);
        way->links[way->count++] = link;
        link = order < 0 ? &(*link)->left : &(*link)->right;
    }
    return link;
}

/* From below to the root. */
static void balance_up(path *way)
{
    while (way->count > 0) {
        pair **link = way->links[--way->count];
        *link = balance(*link);
    }
}

static void hang(pair **link, pair *p, path *way)
{
    p->left = p->right = NULL;
    p->height = 1;
    *link = p;
    balance_up(way);
}

static void exchange(pair **link, pair *p)
{
    const pair *old = *link;
    p->left = old->left;
    p->right = old->right;
    p->height = old->height;
    *link = p;
}

/* Takes the pair at `link` out of the tree. With two sides, the next in order takes its place. */
static void unhang(pair **link, path *way)
{
    pair *gone = *link;
    if (!gone->left || !gone->right) {
        *link = gone->left ? gone->left : gone->right;
        balance_up(way);
        return;
    }
    size_t place = way->count;
    way->links[way->count++] = link;
    pair **next = &gone->right;
    while ((*next)->left) {
        RP_ASSERT(way->count < HEIGHT_MAX);
        way->links[way->count++] = next;
        next = &(*next)->left;
    }
    pair *heir = *next;
    *next = heir->right;
    exchange(link, heir);
    /* The first link below was inside the pair that has gone. */
    if (place + 1 < way->count)
        way->links[place + 1] = &heir->right;
    balance_up(way);
}

static void free_tree(pair *p)
{
    if (!p)
        return;
    free_tree(p->left);
    free_tree(p->right);
    free(p);
}

/* -- the map ----------------------------------------------------------------------------------- */

rp_status rp_pairs_new(const rp_pairs_limits *limits, rp_pairs **ret_pairs)
{
    if (!limits->pairs_max || !limits->key_bytes_max || !limits->value_bytes_max ||
        !limits->bytes_max || !limits->writes_max || limits->key_bytes_max > LENGTH_MAX ||
        limits->value_bytes_max > LENGTH_MAX)
        return RP_INVALID;
    rp_pairs *pairs = calloc(1, sizeof *pairs);
    if (!pairs)
        return RP_NO_MEMORY;
    pairs->limits = *limits;
    pairs->changes = calloc(limits->writes_max, sizeof *pairs->changes);
    if (!pairs->changes) {
        free(pairs);
        return RP_NO_MEMORY;
    }
    *ret_pairs = pairs;
    return RP_OK;
}

void rp_pairs_clear(rp_pairs *pairs)
{
    RP_ASSERT(!pairs->begun);
    free_tree(pairs->root);
    pairs->root = NULL;
    pairs->count = pairs->bytes = 0;
    pairs->digest = (rp_hash128){0};
}

void rp_pairs_free(rp_pairs *pairs)
{
    if (!pairs)
        return;
    if (pairs->begun)
        rp_pairs_commit(pairs);
    rp_pairs_clear(pairs);
    free(pairs->changes);
    free(pairs);
}

rp_bytes rp_pairs_get(const rp_pairs *pairs, rp_bytes key)
{
    const pair *p = pairs->root;
    while (p) {
        int order = compare(key, key_of(p));
        if (order == 0)
            return value_of(p);
        p = order < 0 ? p->left : p->right;
    }
    return rp_bytes_of(NULL, 0);
}

size_t rp_pairs_count(const rp_pairs *pairs)
{
    return pairs->count;
}

size_t rp_pairs_bytes(const rp_pairs *pairs)
{
    return pairs->bytes;
}

rp_hash128 rp_pairs_digest(const rp_pairs *pairs)
{
    return pairs->digest;
}

/* -- walking ----------------------------------------------------------------------------------- */

/* The pairs from a key on, in order. What waits above the present one lies on a stack. */
typedef struct walk {
    const pair *waiting[HEIGHT_MAX];
    size_t count;
} walk;

static void walk_down(walk *w, const pair *p)
{
    for (; p; p = p->left) {
        RP_ASSERT(w->count < HEIGHT_MAX);
        w->waiting[w->count++] = p;
    }
}

static void walk_from(walk *w, const pair *p, rp_bytes key)
{
    w->count = 0;
    while (p) {
        bool at_or_behind = compare(key_of(p), key) >= 0;
        if (at_or_behind)
            w->waiting[w->count++] = p;
        p = at_or_behind ? p->left : p->right;
    }
}

static const pair *walk_next(walk *w)
{
    if (w->count == 0)
        return NULL;
    const pair *p = w->waiting[--w->count];
    walk_down(w, p->right);
    return p;
}

void rp_pairs_each(const rp_pairs *pairs, rp_bytes prefix,
    bool (*each)(void *arg, rp_bytes key, rp_bytes value), void *arg)
{
    walk w;
    const pair *p;
    walk_from(&w, pairs->root, prefix);
    while ((p = walk_next(&w)) != NULL) {
        rp_bytes key = key_of(p);
        if (key.len < prefix.len || (prefix.len && memcmp(key.data, prefix.data, prefix.len) != 0))
            break;
        if (!each(arg, key, value_of(p)))
            break;
    }
}

void rp_pairs_each_encoded(
    const rp_pairs *pairs, void (*each)(void *arg, rp_bytes encoding), void *arg)
{
    walk w;
    const pair *p;
    walk_from(&w, pairs->root, rp_bytes_of(NULL, 0));
    while ((p = walk_next(&w)) != NULL)
        each(arg, encoding_of(p));
}

rp_hash128 rp_pairs_recompute(const rp_pairs *pairs)
{
    walk w;
    const pair *p;
    rp_hash128 digest = {0};
    walk_from(&w, pairs->root, rp_bytes_of(NULL, 0));
    while ((p = walk_next(&w)) != NULL)
        digest = plus(digest, rp_hash_xxh3_128(encoding_of(p), 0));
    return digest;
}

/* -- writing ----------------------------------------------------------------------------------- */

void rp_pairs_begin(rp_pairs *pairs)
{
    RP_ASSERT(!pairs->begun);
    pairs->begun = true;
}

void rp_pairs_commit(rp_pairs *pairs)
{
    RP_ASSERT(pairs->begun);
    for (size_t i = 0; i < pairs->change_count; i++)
        free(pairs->changes[i].before);
    pairs->change_count = 0;
    pairs->begun = false;
}

void rp_pairs_revert(rp_pairs *pairs)
{
    RP_ASSERT(pairs->begun);
    while (pairs->change_count > 0) {
        path way;
        change c = pairs->changes[--pairs->change_count];
        pair **link = find(pairs, key_of(c.before ? c.before : c.after), &way);
        if (!c.before)
            unhang(link, &way);
        else if (!c.after)
            hang(link, c.before, &way);
        else
            exchange(link, c.before);
        if (c.after)
            count_out(pairs, c.after);
        if (c.before)
            count_in(pairs, c.before);
        free(c.after);
    }
    pairs->begun = false;
}

static void note(rp_pairs *pairs, pair *before, pair *after)
{
    if (before)
        count_out(pairs, before);
    if (after)
        count_in(pairs, after);
    if (pairs->begun)
        pairs->changes[pairs->change_count++] = (change){before, after};
    else
        free(before);
}

static rp_status refuse(rp_error *reterr, const char *field, size_t max, const char *unit)
{
    char limit[RP_ERROR_LIMIT_MAX];
    snprintf(limit, sizeof limit, "%zu %s", max, unit);
    return rp_error_limit(reterr, field, limit, "%s: at most %s", field, limit);
}

static rp_status full(rp_error *reterr)
{
    if (reterr)
        reterr->status = RP_FULL;
    return RP_FULL;
}

static rp_status check_writes(const rp_pairs *pairs, rp_error *reterr)
{
    if (pairs->begun && pairs->change_count == pairs->limits.writes_max)
        return refuse(reterr, "writes of a message", pairs->limits.writes_max, "writes");
    return RP_OK;
}

static rp_status check_put(
    const rp_pairs *pairs, rp_bytes key, rp_bytes value, const pair *before, rp_error *reterr)
{
    const rp_pairs_limits *limits = &pairs->limits;
    size_t others = pairs->bytes - (before ? key_of(before).len + value_of(before).len : 0);
    rp_status status = RP_OK;
    if (!before && pairs->count == limits->pairs_max)
        status = refuse(reterr, "pairs", limits->pairs_max, "pairs");
    else if (key.len + value.len > limits->bytes_max - others)
        status = refuse(reterr, "all pairs", limits->bytes_max, "bytes");
    return status == RP_OK ? RP_OK : full(reterr);
}

rp_status rp_pairs_put(rp_pairs *pairs, rp_bytes key, rp_bytes value, rp_error *reterr)
{
    path way;
    if (key.len == 0)
        return rp_error_set(reterr, RP_INVALID, "key", "a key has at least one byte");
    if (key.len > pairs->limits.key_bytes_max)
        return refuse(reterr, "key", pairs->limits.key_bytes_max, "bytes");
    if (value.len > pairs->limits.value_bytes_max)
        return refuse(reterr, "value", pairs->limits.value_bytes_max, "bytes");
    rp_status status = check_writes(pairs, reterr);
    if (status != RP_OK)
        return status;
    pair **link = find(pairs, key, &way);
    pair *before = *link;
    status = check_put(pairs, key, value, before, reterr);
    if (status != RP_OK)
        return status;
    pair *after = pair_new(key, value);
    if (!after)
        return rp_error_set(reterr, RP_NO_MEMORY, "pairs", "out of memory");
    if (before)
        exchange(link, after);
    else
        hang(link, after, &way);
    note(pairs, before, after);
    return RP_OK;
}

rp_status rp_pairs_remove(rp_pairs *pairs, rp_bytes key, rp_error *reterr)
{
    path way;
    rp_status status = check_writes(pairs, reterr);
    if (status != RP_OK)
        return status;
    pair **link = find(pairs, key, &way);
    pair *before = *link;
    if (!before)
        return RP_OK;
    unhang(link, &way);
    note(pairs, before, NULL);
    return RP_OK;
}
