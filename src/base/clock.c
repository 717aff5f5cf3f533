#include "base/clock.h"

#include <limits.h>
#include <stdatomic.h>
#include <time.h>

#define DAY_MS        INT64_C(86400000)
#define YEAR_0_DAY    INT64_C(-719528) /* 0000-01-01 */
#define YEAR_9999_DAY INT64_C(2932896) /* 9999-12-31 */

#define RUNNING INT64_MIN
static _Atomic int64_t wall_stands_at = RUNNING;

uint64_t clock_mono_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int64_t clock_wall_ms(void)
{
    int64_t ms = atomic_load_explicit(&wall_stands_at, memory_order_relaxed);
    if (ms != RUNNING)
        return ms;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void clock_wall_set(int64_t ms)
{
    atomic_store(&wall_stands_at, ms);
}

void clock_wall_release(void)
{
    atomic_store(&wall_stands_at, RUNNING);
}

struct date {
    int64_t year;
    int64_t month, day; /* both from 1 */
};

/* Rounds towards the past, also before 1970. */
static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* The Gregorian calendar repeats after 400 years, 146097 days. Years here begin in March, so that
 * the leap day is a year's last and the lengths of the months before it follow one line: (153 m +
 * 2) / 5. */
static int64_t days_of_date(struct date d)
{
    int64_t year = d.month <= 2 ? d.year - 1 : d.year;
    int64_t month = d.month <= 2 ? d.month + 9 : d.month - 3;
    int64_t era = floor_div(year, 400), year_of_era = year - era * 400;
    int64_t day_of_year = (153 * month + 2) / 5 + d.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static struct date date_of_days(int64_t days)
{
    days += 719468; /* from 0000-03-01 */
    int64_t era = floor_div(days, 146097), day_of_era = days - era * 146097;
    int64_t leap_days = day_of_era / 1460 - day_of_era / 36524 + day_of_era / 146096;
    int64_t year_of_era = (day_of_era - leap_days) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* 0: March */
    int64_t year = year_of_era + era * 400 + (month >= 10);
    return (struct date){year, month < 10 ? month + 3 : month - 9,
                         day_of_year - (153 * month + 2) / 5 + 1};
}

int64_t clock_day_start(int64_t ms)
{
    return floor_div(ms, DAY_MS) * DAY_MS;
}

int64_t clock_week_start(int64_t ms)
{
    int64_t days_from_a_monday = floor_div(ms, DAY_MS) + 3; /* 1969-12-29 was one */
    return (floor_div(days_from_a_monday, 7) * 7 - 3) * DAY_MS;
}

int64_t clock_month_start(int64_t ms)
{
    int64_t days = floor_div(ms, DAY_MS);
    return (days - date_of_days(days).day + 1) * DAY_MS;
}

static void put_digits(char *out, int64_t v, int width)
{
    while (width-- > 0) {
        out[width] = (char)('0' + v % 10);
        v /= 10;
    }
}

struct str clock_iso(int64_t ms, char out[CLOCK_ISO_MAX])
{
    int64_t days = floor_div(ms, DAY_MS);
    if (days < YEAR_0_DAY) /* four digits of year are all there is room for */
        ms = YEAR_0_DAY * DAY_MS;
    else if (days > YEAR_9999_DAY)
        ms = (YEAR_9999_DAY + 1) * DAY_MS - 1;
    days = floor_div(ms, DAY_MS);
    struct date d = date_of_days(days);
    int64_t in_day = ms - days * DAY_MS, fraction = in_day % 1000;
    memcpy(out, "0000-00-00T00:00:00Z", 21);
    put_digits(out, d.year, 4);
    put_digits(out + 5, d.month, 2);
    put_digits(out + 8, d.day, 2);
    put_digits(out + 11, in_day / 3600000, 2);
    put_digits(out + 14, in_day / 60000 % 60, 2);
    put_digits(out + 17, in_day / 1000 % 60, 2);
    if (fraction == 0)
        return str_of(out, 20);
    memcpy(out + 19, ".000Z", 6);
    put_digits(out + 20, fraction, 3);
    return str_of(out, 24);
}

/* Takes `width` digits off *s, a number from least to most, then `then` unless that is NUL. */
static bool take_digits(struct str *s, size_t width, int64_t least, int64_t most, char then,
                        int64_t *out)
{
    uint64_t v;
    size_t all = width + (then != '\0');
    if (s->n < all || !str_u64(str_head(*s, width), INT_MAX, &v))
        return false;
    if (then && s->p[width] != then)
        return false;
    *out = (int64_t)v;
    *s = str_skip(*s, all);
    return *out >= least && *out <= most;
}

/* ".25" is 250; further digits than three are cut off. */
static bool take_fraction(struct str *s, int64_t *ms)
{
    int64_t unit = 100;
    size_t n = 1;
    *ms = 0;
    if (s->n == 0 || s->p[0] != '.')
        return true;
    for (; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++) {
        *ms += unit * (s->p[n] - '0');
        unit /= 10;
    }
    *s = str_skip(*s, n);
    return n > 1;
}

bool clock_parse_iso(struct str s, int64_t *ms)
{
    struct date d;
    int64_t hour, minute, second, fraction;
    bool fits =
        take_digits(&s, 4, 0, 9999, '-', &d.year) && take_digits(&s, 2, 1, 12, '-', &d.month) &&
        take_digits(&s, 2, 1, 31, 'T', &d.day) && take_digits(&s, 2, 0, 23, ':', &hour) &&
        take_digits(&s, 2, 0, 59, ':', &minute) && take_digits(&s, 2, 0, 59, '\0', &second) &&
        take_fraction(&s, &fraction) && (str_eq(s, STR("Z")) || str_eq(s, STR("+00:00")));
    if (!fits)
        return false;
    int64_t days = days_of_date(d);
    if (date_of_days(days).day != d.day) /* the 30th of February */
        return false;
    *ms = days * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
    return true;
}
