/* Reports of exposed keys and lists of GitHub's keys are read or refused; no text that is kept holds
 * a key. 'K' outside of escapes stands for a right key. */
#include <stdint.h>
#include <stdlib.h>

#include "auth/exposure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char key[KEY_TEXT_MAX + 1];

static void no_key_in(const struct finder *f, struct str s)
{
    BUG_ON(finder_holds(f, s));
}

static void read_report(const struct finder *f, struct str body, bool is_any)
{
    struct exposure_report r;
    struct fault fault = {0};
    enum err e = exposure_report_read(&r, f, STR("sk-tp-v1-"), body, is_any, is_any, &fault);
    BUG_ON(e != ERR_OK && !fault.message[0]);
    for (size_t i = 0; e == ERR_OK && i < r.n; i++) {
        struct exposure x = {
            .url = r.items[i].url, .source = r.items[i].source, .type = r.items[i].type};
        struct buf subject, text;
        no_key_in(f, x.url);
        no_key_in(f, x.source);
        no_key_in(f, x.type);
        buf_init(&subject, 1000);
        buf_init(&text, 64 * 1024);
        exposure_write_mail(&x, &subject, &text);
        BUG_ON(subject.failed != ERR_OK || text.failed != ERR_OK);
        buf_reset(&text);
        exposure_write_detail(&x, &text);
        BUG_ON(text.failed != ERR_OK);
        buf_release(&subject);
        buf_release(&text);
    }
    exposure_report_release(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct finder f;
    struct key row = {0};
    struct buf text;
    struct github_keys keys = {.n = 0};
    struct fault fault;
    if (size == 0)
        return 0;
    if (!key[0])
        key_make(STR("sk-tp-v1-"), false, key, &row);
    finder_init(&f, STR("sk-tp-v1-"));
    buf_init(&text, 1 << 20);
    for (size_t i = 1; i < size; i++)
        buf_add(&text, data[i] == 'K' ? str_c(key) : str_of((const char *)data + i, 1));
    char *copy = malloc(text.n ? text.n : 1);
    BUG_ON(!copy);
    if (text.n)
        memcpy(copy, text.p, text.n);
    read_report(&f, str_of(copy, text.n), data[0] & 1);
    if (github_keys_read(&keys, str_of(copy, text.n), &fault) == ERR_OK)
        BUG_ON(keys.n == 0 || github_keys_find(&keys, str_c(keys.keys[0].id)) == NULL);
    github_keys_release(&keys);
    free(copy);
    buf_release(&text);
    return 0;
}
