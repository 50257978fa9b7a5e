/* Decimal numbers without sign, as they stand in headers, subjects and files.
 *
 * Digits only: no sign, no space, no base. A number may have zeros in front. One above 64 bits is
 * told apart from what is none, and neither is ever cut to fit.
 *
 *     rp_bytes rest = rp_bytes_text("17.3");
 *     uint64_t sequence;
 *     if (rp_decimal_take(&rest, &sequence) != RP_OK) ...      takes 17, leaves ".3"
 */
#ifndef RUNTIME_BASE_DECIMAL_H
#define RUNTIME_BASE_DECIMAL_H

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

/* Reads the digits that `text` begins with, and moves it behind them. RP_INVALID where it begins
 * with none, RP_LIMIT where the number is above UINT64_MAX; `text` then stays as it is. */
RP_MUST_USE rp_status rp_decimal_take(rp_bytes *text, uint64_t *ret_number);

/* Reads a text that is one number and nothing else. RP_INVALID, RP_LIMIT. */
RP_MUST_USE rp_status rp_decimal_parse(rp_bytes text, uint64_t *ret_number);

#endif
