#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    int http;
    const char *type, *name;
} rows[ERR__COUNT] = {
#define X(code, http, type) [ERR_##code] = {http, type, #code},
    ERR_LIST(X)
#undef X
};

int err_status(enum err e)
{
    BUG_ON(e >= ERR__COUNT);
    return rows[e].http;
}

const char *err_type(enum err e)
{
    BUG_ON(e >= ERR__COUNT);
    return rows[e].type;
}

const char *err_name(enum err e)
{
    BUG_ON(e >= ERR__COUNT);
    return rows[e].name;
}

void fault_write(struct fault *f, enum err e, const char *fmt, ...)
{
    if (!f)
        return;
    va_list ap;
    va_start(ap, fmt);
    f->err = e;
    vsnprintf(f->message, sizeof f->message, fmt, ap);
    va_end(ap);
}
