#include "catalog/health.h"

#include <string.h>

/* The buckets of the times after `from`, up to `to`, begin anew. */
static void begin_anew(struct health_count *buckets, int64_t n, int64_t from, int64_t to)
{
    if (to - from >= n) {
        memset(buckets, 0, (size_t)n * sizeof *buckets);
        return;
    }
    while (from < to)
        buckets[++from % n] = (struct health_count){0};
}

void health_note(struct health *h, int64_t minute, bool has_answered)
{
    if (minute > h->minute) {
        begin_anew(h->minutes, HEALTH_MINUTES, h->minute, minute);
        begin_anew(h->hours, HEALTH_HOURS, h->minute / 60, minute / 60);
        h->minute = minute;
    }
    struct health_count *m = &h->minutes[h->minute % HEALTH_MINUTES];
    struct health_count *hour = &h->hours[h->minute / 60 % HEALTH_HOURS];
    *(has_answered ? &m->answered : &m->failed) += 1;
    *(has_answered ? &hour->answered : &hour->failed) += 1;
}

/* Of the times after `from`, up to `latest`, of which buckets are kept. */
static struct health_count sum(const struct health_count *buckets, int64_t n, int64_t from,
                               int64_t latest)
{
    struct health_count all = {0};
    int64_t kept = latest - n < -1 ? -1 : latest - n;
    for (int64_t at = (from > kept ? from : kept) + 1; at <= latest; at++) {
        all.answered += buckets[at % n].answered;
        all.failed += buckets[at % n].failed;
    }
    return all;
}

struct health_count health_last(const struct health *h, int64_t minute, uint32_t minutes)
{
    if (minutes <= HEALTH_MINUTES)
        return sum(h->minutes, HEALTH_MINUTES, minute - minutes, h->minute);
    return sum(h->hours, HEALTH_HOURS, minute / 60 - minutes / 60, h->minute / 60);
}
