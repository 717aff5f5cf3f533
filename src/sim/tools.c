/* tools.c: which tools are called. Where a tool must be called, the named one or the first. Else those that
 * the user names: "call NAME", or several with words for each: "call NAME(WORDS), NAME". */
#include "sim/internal.h"

enum { TOOL_MAX = 256 };

static bool keep_tool(struct sim_call *c, struct json name, struct str words)
{
    struct buf decoded;
    buf_init(&decoded, SIM_BODY_MAX);
    struct str s = arena_str(&c->arena, str_head(json_str(name, &decoded), TOOL_MAX));
    buf_release(&decoded);
    if (!s.p || c->tools_n == SIM_TOOLS_MAX)
        return false;
    c->tools[c->tools_n++] = (struct sim_tool){s, words};
    c->tool = c->tools[0].name;
    return true;
}

/* Adds the tool of this name; false: there is none. */
static bool keep_named(struct sim_call *c, struct json list, struct json (*name_of)(struct json),
                       struct str wanted, struct str words)
{
    for (struct json tool = json_first(list); tool.type; tool = json_after(list, tool)) {
        struct json name = name_of(tool);
        if (json_is(name, JSON_STRING) && json_str_eq(name, wanted))
            return keep_tool(c, name, words);
    }
    return false;
}

/* Cuts "NAME" or "NAME(WORDS)" off, and the ", " behind it; false: something else is there. */
static bool cut_call(struct str *rest, struct str *name, struct str *words)
{
    *words = STR_NONE;
    size_t end = str_find(*rest, STR(", ")), open = str_find(*rest, STR("("));
    *name = str_head(*rest, end < open ? end : open);
    *rest = str_skip(*rest, name->n);
    if (open < end) {
        size_t close = str_find(*rest, STR(")"));
        if (close == rest->n)
            return false;
        *words = str_head(str_skip(*rest, 1), close - 1);
        *rest = str_skip(*rest, close + 1);
    }
    if (rest->n == 0)
        return true;
    bool has_more = str_starts(*rest, STR(", "));
    *rest = str_skip(*rest, 2);
    return has_more && rest->n > 0;
}

/* All of them, or none. */
static void pick_said(struct sim_call *c, struct json list, struct json (*name_of)(struct json))
{
    struct str rest = buf_view(&c->text);
    if (!c->ends_with_user || !str_starts(rest, STR("call ")))
        return;
    rest = str_skip(rest, STR("call ").n);
    bool ok = rest.n > 0;
    while (ok && rest.n > 0) {
        struct str name, words;
        ok = cut_call(&rest, &name, &words) && keep_named(c, list, name_of, name, words);
    }
    bool is_too_many = c->tools_n > 1 && !c->format->block;
    if (ok && !is_too_many)
        return;
    c->tools_n = 0;
    c->tool = STR_NONE;
}

void sim__pick_tool(struct sim_call *c, struct json list, struct json (*name_of)(struct json tool),
                    const struct sim_tool_choice *choice)
{
    if (choice->never || c->tools_n)
        return;
    if (json_is(choice->named, JSON_STRING)) {
        struct buf decoded;
        buf_init(&decoded, SIM_BODY_MAX);
        (void)keep_named(c, list, name_of, json_str(choice->named, &decoded), STR_NONE);
        buf_release(&decoded);
        return;
    }
    pick_said(c, list, name_of);
    for (struct json tool = json_first(list); choice->must && !c->tools_n && tool.type;
         tool = json_after(list, tool)) {
        if (json_is(name_of(tool), JSON_STRING))
            (void)keep_tool(c, name_of(tool), STR_NONE);
    }
}

enum err sim__check_tool(const struct sim_call *c, const struct sim_tool_choice *choice,
                         struct fault *f)
{
    bool is_demanded = choice->must || json_is(choice->named, JSON_STRING);
    if (is_demanded && c->tool.n == 0)
        return fault_set(f, ERR_INVALID, "tools: the tool that must be called is not among them");
    return ERR_OK;
}
