/* account_page.h: a person's own page (keys, apps, sessions, password) and that of an account's
 * people. */
#ifndef SITE_ACCOUNT_PAGE_H
#define SITE_ACCOUNT_PAGE_H

#include "site/page.h"

struct key_line {
    struct str hash, name, label, app; /* app: its host, of a key that an app has asked for */
    struct str limit, used, state, created;
    bool disabled, is_management;
};
struct session_line {
    struct str id, agent, address, seen;
    bool is_this;
};

struct account_view {
    struct page page;
    struct str new_key; /* shown this once, or empty */
    const struct key_line *keys;
    size_t keys_n;
    const struct session_line *sessions;
    size_t sessions_n;
    bool sees_all_keys; /* not only their own */
    bool has_password;
};
void account_page(struct buf *out, const struct account_view *v);

struct user_line {
    struct str id, email, role, since;
    bool disabled, is_self, is_fixed; /* fixed: not this person's to change */
};
struct invitation_line {
    struct str id, email, role, until;
};
struct people_view {
    struct page page;
    struct str new_link; /* shown this once, or empty */
    struct str invited;  /* to whom it is */
    bool was_mailed, may_invite, makes_owners;
    const struct user_line *users;
    size_t users_n;
    const struct invitation_line *invitations;
    size_t invitations_n;
};
void people_page(struct buf *out, const struct people_view *v);

/* Fields of a new key's bounds: limit, reset, expires; also on the consent page. */
struct bounds_view {
    struct str limit, reset, expires; /* as typed; expires in days, empty: never */
};
void bounds_fields(struct buf *out, const struct bounds_view *v);

#endif
