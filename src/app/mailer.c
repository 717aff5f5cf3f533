#include "app/mailer.h"

#include <stdlib.h>

#include "app/mail_text.h"
#include "store/calls_mail.h"

/*   RESTING --timer--> ASKING --one is due--> SENDING --> MARKING --> ASKING
 *      '<--------none is due, or stopped--------'                       */
enum {
    POLL_MS = 500,
    FIRST_RETRY_MS = 1000,
    LAST_RETRY_MS = 3600 * 1000,
    SEND_MS = 60 * 1000,
    MESSAGE_MAX = 4 * MAIL_TEXT_MAX,
};

struct mailer {
    struct io_loop *loop;
    struct store *store;
    struct courier *courier;
    const struct config *config;
    struct io_timer timer;
    struct store_mail_next next;
    struct courier_mail sending;
    struct store_mail_mark mark;
    struct buf message;
    char why[200];
    bool is_busy, is_sending, is_stopped, is_failing;
};

static void ask(struct mailer *m);

static void rest(struct mailer *m)
{
    m->is_busy = false;
    if (!m->is_stopped)
        io_timer_set(m->loop, &m->timer, io_now_ms(m->loop) + POLL_MS);
}

static void on_marked(struct store_call *c)
{
    struct mailer *m = container_of(c, struct mailer, mark.call);
    store_mail_next_release(&m->next);
    if (c->err != ERR_OK)
        log_line(LOG_ERROR, "a mail's state cannot be kept: %s", c->fault.message);
    if (c->err != ERR_OK || m->is_stopped)
        rest(m);
    else
        ask(m);
}

static void mark(struct mailer *m, enum mail_fate fate, const char *why)
{
    uint32_t tries = m->next.attempts < 12 ? m->next.attempts : 12;
    int64_t wait_ms = (int64_t)FIRST_RETRY_MS << tries;
    if (wait_ms > LAST_RETRY_MS)
        wait_ms = LAST_RETRY_MS;
    m->mark = (struct store_mail_mark){
        .id = m->next.id, .fate = fate, .due_ms = clock_wall_ms() + wait_ms, .why = str_c(why)};
    m->mark.call = (struct store_call){.need = STORE_MAIL_MARK, .loop = m->loop, .done = on_marked};
    store_submit(m->store, &m->mark.call);
}

/* --- sending --- */

static enum mail_fate fate_of(enum err e)
{
    if (e == ERR_OK)
        return MAIL_SENT;
    return e == ERR_UNPROCESSABLE || e == ERR_INVALID ? MAIL_FAILED : MAIL_LATER;
}

static void log_fate(struct mailer *m, enum mail_fate fate)
{
    struct log_line l;
    static const char *const said[] = {[MAIL_SENT] = "mail sent",
                                       [MAIL_LATER] = "mail cannot be sent now",
                                       [MAIL_FAILED] = "mail failed for good"};
    static const enum log_level level[] = {
        [MAIL_SENT] = LOG_INFO, [MAIL_LATER] = LOG_WARN, [MAIL_FAILED] = LOG_ERROR};
    log_begin(&l, level[fate], said[fate]);
    log_i64(&l, "mail", m->next.id);
    log_i64(&l, "attempt", m->next.attempts + 1);
    if (fate != MAIL_SENT)
        log_str(&l, "why", str_c(m->sending.job.fault.message));
    log_end(&l);
}

static void on_sent(struct courier_job *j)
{
    struct mailer *m = container_of(j, struct mailer, sending.job);
    enum mail_fate fate = fate_of(j->err);
    m->is_sending = false;
    if (m->message.p)
        explicit_bzero(m->message.p, m->message.cap);
    buf_release(&m->message);
    if (j->err == ERR_CANCELLED) { /* we are stopping: it stays as it is */
        store_mail_next_release(&m->next);
        rest(m);
        return;
    }
    log_fate(m, fate);
    mark(m, fate, j->fault.message);
}

static void send_it(struct mailer *m)
{
    const struct config *c = m->config;
    struct mail_text text = {.from = c->mail_from,
                             .to = m->next.mail.to,
                             .subject = m->next.mail.subject,
                             .text = m->next.mail.text,
                             .id = m->next.id,
                             .created_ms = m->next.created_ms};
    buf_init(&m->message, MESSAGE_MAX);
    if (mail_text_add(&m->message, &text) != ERR_OK) {
        buf_release(&m->message);
        mark(m, MAIL_LATER, "no memory");
        return;
    }
    m->sending = (struct courier_mail){
        .job = {.kind = COURIER_MAIL, .loop = m->loop, .done = on_sent},
        .url = c->mail_smtp,
        .user = c->mail_user,
        .password = c->mail_password,
        .tls = c->mail_starttls,
        .from = c->mail_from,
        .to = m->next.mail.to,
        .message = buf_view(&m->message),
        .timeout_ms = SEND_MS,
    };
    m->is_sending = true;
    courier_submit(m->courier, &m->sending.job);
}

/* It does not open: with the master key that it was sealed with it will. */
static void put_off(struct mailer *m)
{
    struct log_line l;
    log_begin(&l, LOG_ERROR, "mail cannot be read now");
    log_i64(&l, "mail", m->next.id);
    log_str(&l, "why", str_c(m->next.call.fault.message));
    log_end(&l);
    mark(m, MAIL_LATER, m->next.call.fault.message);
}

static void on_next(struct store_call *c)
{
    struct mailer *m = container_of(c, struct mailer, next.call);
    if (c->err == ERR_OK && !m->is_stopped && m->next.mail.expires_ms > m->next.now_ms) {
        send_it(m);
        return;
    }
    if (c->err == ERR_OK && !m->is_stopped) {
        log_line(LOG_WARN, "mail %lld expired before it could be sent", (long long)m->next.id);
        mark(m, MAIL_FAILED, "expired");
        return;
    }
    if (c->err == ERR_INVALID && !m->is_stopped) {
        put_off(m);
        return;
    }
    bool is_failing = c->err != ERR_OK && c->err != ERR_NOT_FOUND;
    if (is_failing && !m->is_failing)
        log_line(LOG_ERROR, "the mail queue cannot be read: %s", c->fault.message);
    m->is_failing = is_failing;
    store_mail_next_release(&m->next);
    rest(m);
}

static void ask(struct mailer *m)
{
    m->is_busy = true;
    m->next = (struct store_mail_next){.now_ms = clock_wall_ms()};
    m->next.call = (struct store_call){.need = STORE_MAIL_NEXT, .loop = m->loop, .done = on_next};
    store_submit(m->store, &m->next.call);
}

static void on_timer(struct io_timer *t)
{
    ask(container_of(t, struct mailer, timer));
}

/* --- life --- */

struct mailer *mailer_new(struct io_loop *l, struct store *s, const struct config *c,
                          struct fault *f)
{
    struct mailer *m = calloc(1, sizeof *m);
    if (!m) {
        fault_write(f, ERR_NOMEM, "no memory to send mail");
        return NULL;
    }
    *m = (struct mailer){.loop = l, .store = s, .config = c};
    io_timer_init(&m->timer, on_timer);
    if (!c->mail_smtp.n)
        return m;
    m->courier = courier_new(c->upstream_ca.n ? c->upstream_ca.p : NULL, f);
    if (!m->courier) {
        free(m);
        return NULL;
    }
    ask(m);
    return m;
}

void mailer_stop(struct mailer *m)
{
    m->is_stopped = true;
    io_timer_clear(m->loop, &m->timer);
    if (m->is_sending)
        courier_cancel(m->courier, &m->sending.job);
}

bool mailer_is_idle(const struct mailer *m)
{
    return !m->is_busy;
}

void mailer_free(struct mailer *m)
{
    if (!m)
        return;
    courier_free(m->courier);
    free(m);
}
