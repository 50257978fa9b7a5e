#include "actors/cli/ask/order.h"

rp_order_verdict rp_order_heard(
    const rp_order *order, uint64_t sequence, uint64_t last_sequence, uint64_t index)
{
    if (order->finished || sequence <= order->last_sequence)
        return RP_ORDER_OLD;
    if (last_sequence != order->last_sequence || index != order->next_index)
        return RP_ORDER_GAP;
    return RP_ORDER_TAKE;
}

rp_order_verdict rp_order_read(const rp_order *order, uint64_t sequence, uint64_t index)
{
    if (order->finished || sequence <= order->last_sequence)
        return RP_ORDER_OLD;
    return index == order->next_index ? RP_ORDER_TAKE : RP_ORDER_BROKEN;
}

void rp_order_taken(rp_order *order, uint64_t sequence, bool final)
{
    order->next_index++;
    order->last_sequence = sequence;
    order->finished = final;
}
