/* cli_ledger.c: turnpike ledger ... */
#include <stdlib.h>

#include "app/commands.h"

int command_ledger_verify(const struct command_args *a)
{
    struct command_session s;
    struct store_verify v = {.n = 0};
    int status = command_session_open(&s, a);
    if (status != EXIT_DONE)
        return status;
    enum err e = command_call(&s, &v.call, STORE_VERIFY);
    jw_object(&s.json, NULL);
    jw_u64(&s.json, "generations", v.generations);
    jw_u64(&s.json, "accounts", v.accounts);
    jw_u64(&s.json, "keys", v.keys);
    jw_array(&s.json, "differences");
    for (size_t i = 0; e == ERR_OK && i < v.n; i++)
        jw_str_c(&s.json, NULL, v.differences[i].what);
    bool differs = e == ERR_OK && v.n > 0;
    free(v.differences);
    status = command_session_close(&s, e);
    return differs ? EXIT_FAILED : status;
}
