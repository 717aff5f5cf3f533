#include "auth/rules.h"

static bool fits(struct str rule, struct str item)
{
    if (str_ends(rule, STR("/*")))
        return str_starts(item, str_head(rule, rule.n - 1));
    return str_eq(rule, item);
}

bool rules_allow(struct str list, struct str item)
{
    bool is_allowed = !list.p;
    while (list.n && !is_allowed)
        is_allowed = fits(str_cut(&list, '\n'), item);
    return is_allowed;
}

bool rules_within(struct str list, struct str bound, struct str *item)
{
    *item = STR("*");
    if (!list.p)
        return !bound.p;
    while (list.n) {
        *item = str_cut(&list, '\n');
        if (!rules_allow(bound, *item))
            return false;
    }
    return true;
}

bool rules_allow_model(const struct principal *p, struct str id)
{
    bool is_allowed = rules_allow(text_view(p->key.models), id);
    for (int i = 0; i < p->key.depth && is_allowed; i++)
        is_allowed = rules_allow(text_view(p->line[i].models), id);
    return is_allowed;
}

bool rules_allow_provider(const struct principal *p, struct str name)
{
    bool is_allowed = rules_allow(text_view(p->key.providers), name);
    for (int i = 0; i < p->key.depth && is_allowed; i++)
        is_allowed = rules_allow(text_view(p->line[i].providers), name);
    return is_allowed;
}
