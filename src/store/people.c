#include "store/people.h"

#include "base/bug.h"

static const char *const roles[ROLE__COUNT] = {
    [ROLE_OWNER] = "owner", [ROLE_ADMIN] = "admin", [ROLE_MEMBER] = "member"};

const char *role_name(enum role r)
{
    BUG_ON(r >= ROLE__COUNT);
    return roles[r];
}

bool role_parse(struct str s, enum role *out)
{
    for (enum role r = 0; r < ROLE__COUNT; r++) {
        if (str_eq(s, str_c(roles[r]))) {
            *out = r;
            return true;
        }
    }
    return false;
}
