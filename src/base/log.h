/* log.h: logfmt lines on standard error, one write each. Secrets have no formatter: see secret.h.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/buf.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_set_level(enum log_level least);
bool log_parse_level(struct str s, enum log_level *out);

/* One line: time=... level=... msg="..." */
void log_line(enum log_level v, const char *fmt, ...) PRINTF(2, 3);

/* Piece by piece: log_begin(), any number of log_str()/log_i64(), log_end(). Values are quoted
 * where logfmt needs it and cut at 200 bytes. A line that is below the level costs nothing. */
struct log_line {
    struct buf text;
    char room[1024];
    bool on;
};
void log_begin(struct log_line *l, enum log_level v, const char *msg);
void log_begin_at(struct log_line *l, enum log_level v, const char *msg, int64_t wall_ms);
/* `key`: a literal. */
#define log_str(l, key, value) log_add_str(l, STR(key), value)
#define log_i64(l, key, value) log_add_i64(l, STR(key), value)
void log_add_str(struct log_line *l, struct str key, struct str value);
void log_add_i64(struct log_line *l, struct str key, int64_t value);
void log_end(struct log_line *l);

/* Deferred: lines gather in memory (at most 4 MiB; more are dropped and counted) until log_flush(), so
 * that a thread that must not block never writes. log_flush() writes what the reader takes now and keeps
 * the rest for the next time: whose log nobody reads can still be stopped. One thread flushes. Turning it
 * off flushes, with patience for a second. */
void log_set_deferred(bool on);
void log_flush(void);

#endif
