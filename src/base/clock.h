/* clock.h: what time it is: the seam through which tests own the clock. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include "base/str.h"

/* Nanoseconds that never go back; their origin means nothing. */
uint64_t clock_mono_ns(void);
/* Milliseconds since 1970-01-01T00:00:00Z. */
int64_t clock_wall_ms(void);

/* Tests: the wall clock stands still at `ms` until clock_wall_release(). */
void clock_wall_set(int64_t ms);
void clock_wall_release(void);

/* The beginning of the UTC day, week (Monday) or month in which `ms` lies, in milliseconds since
 * 1970. */
int64_t clock_day_start(int64_t ms);
int64_t clock_week_start(int64_t ms);
int64_t clock_month_start(int64_t ms);

enum { CLOCK_ISO_MAX = 25 }; /* "2026-01-31T23:59:59.999Z" and a NUL */
/* RFC 3339 in UTC, with milliseconds where they are not zero. */
struct str clock_iso(int64_t ms, char out[CLOCK_ISO_MAX]);
/* RFC 3339 in UTC with seconds, fractions allowed: "2026-01-31T23:59:59Z". False: not such a time.
 */
bool clock_parse_iso(struct str s, int64_t *ms);

#endif
