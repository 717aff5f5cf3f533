/* fuzz_callback.c: what an app says its callback is: whatever is taken leads to the origin that is
 * shown, and stays one line of a head with the code added. */
#include <stdlib.h>

#include "auth/callback.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_one_line(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7f)
            return false;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size ? size : 1); /* so that one byte too far is seen */
    char origin[ORIGIN_MAX + 1];
    struct fault f;
    struct buf out;
    if (!exact)
        return 0;
    if (size)
        memcpy(exact, data, size);
    struct str url = str_of(exact, size);
    buf_init(&out, 3 * CALLBACK_MAX);
    (void)return_path_is_right(url);
    if (callback_check(url, origin, &f) == ERR_OK) {
        struct str shown = str_c(origin);
        BUG_ON(!str_starts(shown, STR("https://")) && !str_starts(shown, STR("http://localhost")) &&
               !str_starts(shown, STR("http://127.0.0.1")));
        BUG_ON(!is_one_line(shown) || memchr(origin, '@', shown.n) || callback_title(shown).n == 0);
        BUG_ON(callback_add(&out, url, STR("code"), STR("x")) != ERR_OK);
        BUG_ON(!is_one_line(buf_view(&out)) || !str_starts(buf_view(&out), url));
        char again[ORIGIN_MAX + 1];
        BUG_ON(callback_check(buf_view(&out), again, &f) == ERR_OK && strcmp(origin, again) != 0);
    }
    buf_release(&out);
    free(exact);
    return 0;
}
