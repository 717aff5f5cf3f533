#include "app/mail_text.h"

#include <stdio.h>
#include <time.h>

#include "base/base64.h"

enum {
    LINE_MAX_CHARS = 76,
    WORD_BYTES = 45, /* an encoded word may have 75 characters (RFC 2047) */
};

/* --- header --- */

static bool is_ascii(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < ' ' || s.p[i] > '~')
            return false;
    }
    return true;
}

/* At most `max` bytes, whole characters of UTF-8. */
static struct str characters(struct str s, size_t max)
{
    struct str head = str_head(s, max);
    while (head.n && head.n < s.n && ((unsigned char)s.p[head.n] & 0xc0) == 0x80)
        head.n--;
    return head.n ? head : str_head(s, max); /* no UTF-8 at all */
}

static void add_subject(struct buf *out, struct str subject)
{
    buf_add_c(out, "Subject:");
    if (is_ascii(subject) && subject.n <= LINE_MAX_CHARS - 9 &&
        str_find(subject, STR("=?")) == subject.n) {
        buf_add_c(out, " ");
        buf_add(out, subject);
    } else {
        while (subject.n) {
            struct str word = characters(subject, WORD_BYTES);
            buf_add_c(out, " =?utf-8?B?");
            base64_add(out, BASE64_PLAIN, word.p, word.n);
            subject = str_skip(subject, word.n);
            buf_add_c(out, subject.n ? "?=\r\n" : "?=");
        }
    }
    buf_add_c(out, "\r\n");
}

static void add_date(struct buf *out, int64_t ms)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm t;
    time_t seconds = (time_t)(ms / 1000);
    gmtime_r(&seconds, &t);
    buf_printf(out, "Date: %s, %02d %s %d %02d:%02d:%02d +0000\r\n", days[t.tm_wday], t.tm_mday,
               months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

static void add_header(struct buf *out, const struct mail_text *m)
{
    struct str domain = m->from;
    str_cut(&domain, '@');
    add_date(out, m->created_ms);
    buf_printf(out, "From: Turnpike <%.*s>\r\n", STR_ARG(m->from));
    buf_printf(out, "To: <%.*s>\r\n", STR_ARG(m->to));
    add_subject(out, m->subject);
    buf_printf(out, "Message-ID: <%lld.%lld@%.*s>\r\n", (long long)m->id, (long long)m->created_ms,
               STR_ARG(domain));
    buf_add_c(out, "Auto-Submitted: auto-generated\r\n"
                   "MIME-Version: 1.0\r\n"
                   "Content-Type: text/plain; charset=utf-8\r\n"
                   "Content-Transfer-Encoding: quoted-printable\r\n"
                   "\r\n");
}

/* --- body: quoted-printable (RFC 2045, 6.7) --- */

static bool is_quoted(char c, bool ends_line)
{
    if ((c == ' ' || c == '\t') && ends_line)
        return true;
    return (c < ' ' && c != '\t') || c > '~' || c == '=';
}

static void add_line(struct buf *out, struct str line)
{
    size_t column = 0;
    for (size_t i = 0; i < line.n; i++) {
        char room[4];
        size_t n = is_quoted(line.p[i], i + 1 == line.n)
                       ? (size_t)snprintf(room, sizeof room, "=%02X", (unsigned char)line.p[i])
                       : 1;
        if (column + n > LINE_MAX_CHARS - 1) {
            buf_add_c(out, "=\r\n");
            column = 0;
        }
        buf_add(out, str_of(n == 1 ? &line.p[i] : room, n));
        column += n;
    }
    buf_add_c(out, "\r\n");
}

enum err mail_text_add(struct buf *out, const struct mail_text *m)
{
    struct str rest = m->text;
    add_header(out, m);
    while (rest.n)
        add_line(out, str_cut(&rest, '\n'));
    return out->failed;
}
