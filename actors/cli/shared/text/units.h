/* Numbers with units, for people: "1.2 GiB", "3m12s", "0.4s". */
#ifndef ACTORS_CLI_SHARED_TEXT_UNITS_H
#define ACTORS_CLI_SHARED_TEXT_UNITS_H

#include <stdint.h>

enum { RP_UNITS_TEXT_BYTES = 24 };

void rp_units_bytes(uint64_t bytes, char text[RP_UNITS_TEXT_BYTES]);
void rp_units_duration(uint64_t ns, char text[RP_UNITS_TEXT_BYTES]);

#endif
