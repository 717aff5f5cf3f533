/* sqlite_mail.c: the queue of mail. A row that waits has due_ms; one that failed has not, and no text. */
#include "store/sqlite_trust.h"

#define KEEP_MS (INT64_C(4) * 24 * 3600 * 1000)

/* What would end a line of the mail's header, or an address. */
static bool is_plain(struct str s, bool is_address)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < ' ' || c == 0x7f || (is_address && (c == ' ' || c == '<' || c == '>' || c > 0x7f)))
            return false;
    }
    return true;
}

static enum err check(const struct mail *m, struct fault *f)
{
    if (m->to.n < 3 || m->to.n > MAIL_ADDRESS_MAX || !is_plain(m->to, true) ||
        str_find(m->to, STR("@")) == m->to.n)
        return fault_set(f, ERR_INVALID, "this is no address that mail can be sent to");
    if (m->subject.n > MAIL_SUBJECT_MAX || !is_plain(m->subject, false))
        return fault_set(f, ERR_INVALID, "a mail's subject must be one line of at most %d bytes",
                         MAIL_SUBJECT_MAX);
    if (m->text.n > MAIL_TEXT_MAX)
        return fault_set(f, ERR_INVALID, "a mail's text must have at most %d bytes", MAIL_TEXT_MAX);
    return ERR_OK;
}

/* --- what lies sealed --- */

enum { LABEL_MAX = 32 + MAIL_ADDRESS_MAX };

/* The recipient is part of it: whoever writes another one into the row gets nothing that opens. */
static struct str label_of(int64_t id, struct str to, char room[LABEL_MAX])
{
    struct buf b = {.p = room, .cap = LABEL_MAX, .max = LABEL_MAX};
    BUG_ON(buf_printf(&b, "mail:%lld:", (long long)id) != ERR_OK || buf_add(&b, to) != ERR_OK);
    return buf_view(&b);
}

static enum err need_vault(const struct store_conn *c, struct fault *f)
{
    return c->vault ? ERR_OK : fault_set(f, ERR_STORE, "mail needs the master key");
}

static enum err put_sealed(struct store_conn *c, int64_t id, struct str to, struct str text,
                           struct fault *f)
{
    char label[LABEL_MAX];
    struct buf sealed;
    buf_init(&sealed, 2 * MAIL_TEXT_MAX);
    enum err e = c->vault->seal(c->vault->key, &sealed, label_of(id, to, label), secret_of(text));
    if (e != ERR_OK) {
        buf_release(&sealed);
        return fault_set(f, e, "no memory for a mail");
    }
    struct query q = query_of(c, SQL_MAIL_SEAL);
    query_blob(&q, sealed.p, sealed.n);
    query_i64(&q, id);
    e = query_run(&q, f);
    buf_release(&sealed);
    return e;
}

/* One of those from before; ERR_NOT_FOUND: there is none. */
static enum err seal_one(struct store_conn *c, struct fault *f)
{
    struct query q = query_of(c, SQL_MAIL_UNSEALED);
    struct buf room;
    buf_init(&room, MAIL_ADDRESS_MAX + MAIL_TEXT_MAX);
    enum err e = query_next(&q, f);
    int64_t id = e == ERR_OK ? col_i64(&q) : 0;
    struct str to = e == ERR_OK ? col_text(&q) : STR_NONE, text = STR_NONE;
    size_t to_n = to.n;
    if (e == ERR_OK) {
        buf_add(&room, to);
        buf_add(&room, col_text(&q));
        to = str_head(buf_view(&room), to_n);
        text = str_skip(buf_view(&room), to_n);
    }
    query_end(&q);
    if (e == ERR_OK)
        e = room.failed != ERR_OK ? fault_set(f, room.failed, "no memory for a mail")
                                  : put_sealed(c, id, to, text, f);
    if (room.n)
        explicit_bzero(room.p, room.n);
    buf_release(&room);
    return e;
}

enum err sqlite_mail_seal(struct store_conn *c, struct store_call *call)
{
    struct store_mail_seal *s = container_of(call, struct store_mail_seal, call);
    enum err e = need_vault(c, &call->fault);
    for (s->n = 0; e == ERR_OK; s->n += e == ERR_OK)
        e = seal_one(c, &call->fault);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* --- the queue --- */

/* So that the queue cannot grow for ever where no mail server is. */
static enum err drop_expired(struct store_conn *c, int64_t now_ms, struct fault *f)
{
    struct query q = query_of(c, SQL_MAIL_EXPIRE);
    query_i64(&q, now_ms);
    return query_run(&q, f);
}

enum err sqlite_mail_insert(struct store_conn *c, const struct mail *m, int64_t *id,
                            struct fault *f)
{
    int64_t now = clock_wall_ms(), made;
    enum err e = check(m, f);
    if (e == ERR_OK)
        e = need_vault(c, f);
    if (e == ERR_OK)
        e = drop_expired(c, now, f);
    if (e != ERR_OK)
        return e;
    struct query q = query_of(c, SQL_MAIL_INSERT);
    query_text(&q, m->to);
    query_text(&q, m->subject);
    query_i64(&q, now);
    query_i64(&q, now);
    query_i64(&q, m->expires_ms ? m->expires_ms : now + KEEP_MS);
    e = query_run(&q, f);
    made = sqlite3_last_insert_rowid(c->db);
    if (id)
        *id = made;
    return e == ERR_OK ? put_sealed(c, made, m->to, m->text, f) : e;
}

enum err sqlite_mail_add(struct store_conn *c, struct store_call *call)
{
    struct store_mail_add *a = container_of(call, struct store_mail_add, call);
    return sqlite_mail_insert(c, &a->mail, &a->id, &call->fault);
}

/* Their room is there already: views stay. */
static struct str keep(struct query *q, struct buf *room)
{
    struct str s = col_text(q);
    size_t at = room->n;
    buf_add(room, s);
    return str_skip(buf_view(room), at);
}

static enum err open_sealed(struct store_conn *c, struct store_mail_next *n, struct str sealed)
{
    char label[LABEL_MAX];
    size_t at = n->room.n;
    enum err e = c->vault->open(c->vault->key, &n->room, label_of(n->id, n->mail.to, label), sealed,
                                &n->call.fault);
    n->mail.text = str_skip(buf_view(&n->room), at);
    return e;
}

enum err sqlite_mail_next(struct store_conn *c, struct store_call *call)
{
    struct store_mail_next *n = container_of(call, struct store_mail_next, call);
    const size_t most = MAIL_ADDRESS_MAX + MAIL_SUBJECT_MAX + 2 * MAIL_TEXT_MAX;
    buf_init(&n->room, most);
    enum err e = need_vault(c, &call->fault);
    if (e != ERR_OK)
        return e;
    struct query q = query_of(c, SQL_MAIL_NEXT);
    query_i64(&q, n->now_ms);
    e = query_next(&q, &call->fault);
    if (e == ERR_OK && buf_grow(&n->room, most) != ERR_OK)
        e = fault_set(&call->fault, ERR_NOMEM, "no memory for a mail");
    if (e == ERR_OK) {
        n->id = col_i64(&q);
        n->created_ms = col_i64(&q);
        n->attempts = (uint32_t)col_i64(&q);
        n->mail.expires_ms = col_i64(&q);
        n->mail.to = keep(&q, &n->room);
        n->mail.subject = keep(&q, &n->room);
        e = open_sealed(c, n, col_blob(&q));
    }
    query_end(&q);
    return e;
}

void store_mail_next_release(struct store_mail_next *n)
{
    if (n->room.p)
        explicit_bzero(n->room.p, n->room.cap); /* links in it sign people in */
    buf_release(&n->room);
}

enum err sqlite_mail_mark(struct store_conn *c, struct store_call *call)
{
    static const enum sql statements[] = {[MAIL_SENT] = SQL_MAIL_DELETE,
                                          [MAIL_LATER] = SQL_MAIL_LATER,
                                          [MAIL_FAILED] = SQL_MAIL_FAIL};
    struct store_mail_mark *m = container_of(call, struct store_mail_mark, call);
    struct query q = query_of(c, statements[m->fate]);
    if (m->fate == MAIL_LATER)
        query_i64(&q, m->due_ms);
    if (m->fate == MAIL_FAILED)
        query_i64(&q, clock_wall_ms());
    if (m->fate != MAIL_SENT)
        query_text(&q, m->why);
    query_i64(&q, m->id);
    return query_run(&q, &call->fault);
}
