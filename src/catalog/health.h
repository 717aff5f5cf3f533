/* health.h: how often an endpoint answered lately, counted in minutes for half an hour and in hours for a day. */
#ifndef CATALOG_HEALTH_H
#define CATALOG_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

enum { HEALTH_MINUTES = 30, HEALTH_HOURS = 24 };

struct health_count {
    uint32_t answered, failed;
};

/* Zeroed before use. A bucket is that of its time modulo their number. */
struct health {
    int64_t minute; /* the latest that was noted, since the epoch */
    struct health_count minutes[HEALTH_MINUTES], hours[HEALTH_HOURS];
};

/* minute: since the epoch. One that lies before the latest counts as the latest. */
void health_note(struct health *h, int64_t minute, bool has_answered);
/* Of the last so many minutes, this one among them; above HEALTH_MINUTES of whole hours, at most HEALTH_HOURS. */
struct health_count health_last(const struct health *h, int64_t minute, uint32_t minutes);

#endif
