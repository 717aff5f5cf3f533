#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codec.h"

enum { VALUE_MAX = 200, MESSAGE_MAX = 400, DEFERRED_MAX = 4 * 1024 * 1024 };

static const char *const names[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};

static _Atomic int least_shown = LOG_INFO;

void log_set_level(enum log_level least)
{
    atomic_store(&least_shown, (int)least);
}

bool log_parse_level(struct str s, enum log_level *out)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_eq(s, str_c(names[i]))) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* At most `max` bytes of s, not ending inside a character. */
static struct str cut(struct str s, size_t max)
{
    if (s.n <= max)
        return s;
    while (max && ((unsigned char)s.p[max] & 0xc0) == 0x80)
        max--;
    return str_head(s, max);
}

/* Eight bytes a step: each is above a space, below DEL, and neither '"' nor '=' nor a backslash. */
static bool needs_quotes(struct str s)
{
    const uint64_t every = UINT64_C(0x0101010101010101), tops = every * 0x80;
    uint64_t bad = s.n == 0;
    size_t i = 0;
    for (; i + 8 <= s.n; i += 8) {
        uint64_t x;
        memcpy(&x, s.p + i, sizeof x);
        uint64_t quote = x ^ every * '"', equals = x ^ every * '=', backslash = x ^ every * '\\';
        bad |= (x | (x - every * '!') | (x + every) | (quote - every) | (equals - every) |
                (backslash - every)) &
               tops;
    }
    for (; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bad |= c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\';
    }
    return bad != 0;
}

/* ASCII controls, and both bytes of U+0080..U+009F (0xc2 and 0x80..0x9f), which some terminals obey
 * too. */
static bool is_control(struct str s, size_t at)
{
    unsigned char c = (unsigned char)s.p[at];
    if (c == 0xc2)
        return at + 1 < s.n && (unsigned char)s.p[at + 1] < 0xa0;
    if (c >= 0x80 && c < 0xa0)
        return at == 0 || (unsigned char)s.p[at - 1] == 0xc2;
    return c < ' ' || c == 0x7f;
}

static void add_quoted(struct buf *b, struct str s)
{
    size_t plain = 0; /* what stands from here to i needs no escape */
    if (s.n == 0) {
        buf_add(b, STR("\"\""));
        return;
    }
    buf_add(b, STR("\""));
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i], escape[4] = {'\\', c};
        size_t n = 2;
        if (c == '\n') {
            escape[1] = 'n';
        } else if (is_control(s, i)) {
            static const char digits[] = "0123456789abcdef";
            escape[1] = 'x';
            escape[2] = digits[(unsigned char)c >> 4];
            escape[3] = digits[c & 15];
            n = 4;
        } else if (c != '"' && c != '\\') {
            continue;
        }
        buf_add(b, str_of(s.p + plain, i - plain));
        buf_add(b, str_of(escape, n));
        plain = i + 1;
    }
    buf_add(b, str_of(s.p + plain, s.n - plain));
    buf_add(b, STR("\""));
}

/* Nearly all values are short and plain: one check of the room, two copies. */
static bool add_plain_pair(struct log_line *l, struct str key, struct str value)
{
    struct buf *b = &l->text;
    if (key.n + value.n + 2 > b->cap - b->n)
        return false;
    char *p = b->p + b->n;
    if (b->n)
        *p++ = ' ';
    memcpy(p, key.p, key.n);
    p += key.n;
    *p++ = '=';
    memcpy(p, value.p, value.n);
    b->n = (size_t)(p + value.n - b->p);
    return true;
}

/* The pair goes in whole or not at all. */
static bool add_pair(struct log_line *l, struct str key, struct str value)
{
    if (!needs_quotes(value))
        return add_plain_pair(l, key, value);
    size_t before = l->text.n;
    if (before)
        buf_add(&l->text, STR(" "));
    buf_add(&l->text, key);
    buf_add(&l->text, STR("="));
    add_quoted(&l->text, value);
    if (l->text.failed == ERR_OK)
        return true;
    l->text.n = before;
    l->text.failed = ERR_OK;
    return false;
}

/* Lines come by the thousand in a second: only its milliseconds are new. */
static struct str time_text(int64_t ms, char out[CLOCK_ISO_MAX])
{
    static _Thread_local struct {
        int64_t second;
        char text[CLOCK_ISO_MAX];
    } last = {.second = INT64_MIN};
    int64_t fraction = ms % 1000;
    if (fraction <= 0 || ms / 1000 != last.second) {
        struct str s = clock_iso(ms, out);
        if (fraction > 0) {
            last.second = ms / 1000;
            memcpy(last.text, s.p, s.n);
        }
        return s;
    }
    memcpy(out, last.text, sizeof last.text);
    char *end = out + sizeof "2025-01-01T00:00:00.000" - 1;
    decimal_before(end, (uint64_t)(1000 + fraction));
    end[-4] = '.';
    return str_of(out, sizeof "2025-01-01T00:00:00.000Z" - 1);
}

void log_begin_at(struct log_line *l, enum log_level v, const char *msg, int64_t wall_ms)
{
    l->on = (int)v >= atomic_load_explicit(&least_shown, memory_order_relaxed);
    if (!l->on)
        return;
    /* Never grows: full means full. One byte is kept for the line's end. */
    size_t room = sizeof l->room - 1;
    l->text = (struct buf){.p = l->room, .cap = room, .max = room};
    char time[CLOCK_ISO_MAX];
    add_plain_pair(l, STR("time"), time_text(wall_ms, time));
    add_plain_pair(l, STR("level"), str_c(names[v]));
    if (!add_pair(l, STR("msg"), cut(str_c(msg), MESSAGE_MAX))) /* full of escapes */
        add_pair(l, STR("msg"), cut(str_c(msg), VALUE_MAX));
}

void log_begin(struct log_line *l, enum log_level v, const char *msg)
{
    log_begin_at(l, v, msg, clock_wall_ms());
}

void log_add_str(struct log_line *l, struct str key, struct str value)
{
    if (l->on)
        add_pair(l, key, cut(value, VALUE_MAX));
}

void log_add_i64(struct log_line *l, struct str key, int64_t value)
{
    char digits[1 + DECIMAL_MAX], *end = digits + sizeof digits;
    if (!l->on)
        return;
    char *p = decimal_before(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    if (value < 0)
        *--p = '-';
    add_plain_pair(l, key, str_of(p, (size_t)(end - p)));
}

static void write_out(struct str s)
{
    int saved = errno;
    while (s.n) {
        ssize_t n = write(STDERR_FILENO, s.p, s.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break; /* there is nowhere to tell of it */
        s = str_skip(s, (size_t)n);
    }
    errno = saved;
}

/* Lines that wait for log_flush(). Two buffers change places, so that nobody waits for a write. */
static struct {
    pthread_mutex_t lock;
    struct buf lines;
    uint64_t dropped;
    bool on;
} deferred = {.lock = PTHREAD_MUTEX_INITIALIZER, .lines = {.max = DEFERRED_MAX}};

/* Those that were taken from there and are being written. The flushing thread's own. */
static struct {
    struct buf lines;
    size_t written;
} leaving = {.lines = {.max = DEFERRED_MAX}};

static bool defer(struct str line)
{
    pthread_mutex_lock(&deferred.lock);
    bool taken = deferred.on;
    if (taken && buf_add(&deferred.lines, line) != ERR_OK) {
        deferred.lines.failed = ERR_OK;
        deferred.dropped++;
    }
    pthread_mutex_unlock(&deferred.lock);
    return taken;
}

void log_end(struct log_line *l)
{
    if (!l->on)
        return;
    l->room[l->text.n] = '\n';
    struct str line = str_of(l->room, l->text.n + 1);
    if (!defer(line))
        write_out(line);
    l->on = false;
}

static bool is_file(void)
{
    struct stat st;
    return fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode);
}

/* What the reader takes without keeping us waiting: a write of at most PIPE_BUF bytes does not where poll() says that
 * there is room (pipe(7)). Nobody there: all of it is gone. */
static struct str write_ready(struct str s, int wait_ms)
{
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    size_t most = is_file() ? SIZE_MAX : PIPE_BUF;
    while (s.n && poll(&p, 1, wait_ms) == 1) {
        ssize_t n = write(STDERR_FILENO, s.p, s.n < most ? s.n : most);
        if (n <= 0)
            return STR_NONE;
        s = str_skip(s, (size_t)n);
    }
    return s;
}

/* The lines of the last round first; true: no more of them are left. */
static bool write_leaving(int wait_ms)
{
    struct str all = buf_view(&leaving.lines);
    leaving.written = all.n - write_ready(str_skip(all, leaving.written), wait_ms).n;
    if (leaving.written < all.n)
        return false;
    buf_reset(&leaving.lines);
    leaving.written = 0;
    return true;
}

static void flush(int wait_ms)
{
    if (!write_leaving(wait_ms))
        return;
    pthread_mutex_lock(&deferred.lock);
    struct buf lines = deferred.lines;
    uint64_t dropped = deferred.dropped;
    deferred.lines = leaving.lines;
    deferred.dropped = 0;
    pthread_mutex_unlock(&deferred.lock);
    leaving.lines = lines;
    write_leaving(wait_ms);
    if (dropped)
        log_line(LOG_WARN, "%llu log lines were dropped: the log is not written fast enough",
                 (unsigned long long)dropped);
}

void log_flush(void)
{
    flush(0);
}

void log_set_deferred(bool on)
{
    enum { LAST_MS = 1000 }; /* of sleep of its reader before the rest is given up */
    if (!on)
        flush(LAST_MS);
    pthread_mutex_lock(&deferred.lock);
    deferred.on = on;
    pthread_mutex_unlock(&deferred.lock);
    if (on)
        return;
    flush(0);
    buf_release(&deferred.lines);
    buf_release(&leaving.lines);
    leaving.written = 0;
}

void log_line(enum log_level v, const char *fmt, ...)
{
    char msg[MESSAGE_MAX + 1];
    struct log_line l;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    log_begin(&l, v, msg);
    log_end(&l);
}
