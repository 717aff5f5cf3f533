/* Addresses, ranges, X-Forwarded-For and dollars as a JSON number: short texts that clients send. */
#include <stdlib.h>

#include "base/bug.h"
#include "base/cidr.h"
#include "base/money.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void fuzz_range(struct str text)
{
    struct cidr c, again;
    char room[CIDR_TEXT_MAX];
    if (!cidr_parse(text, &c))
        return;
    struct str written = cidr_text(&c, room);
    BUG_ON(!cidr_parse(written, &again)); /* what is written is read as the same */
    BUG_ON(c.bits != again.bits || memcmp(&c.first, &again.first, sizeof c.first) != 0);
    BUG_ON(!cidr_has(&c, &c.first));
}

static void fuzz_forwarded(struct str text)
{
    struct cidr all = {.bits = 0};
    struct address peer = {{0}};
    address_behind(peer, text, &all, 1);
}

static void fuzz_number(struct str text)
{
    nanos n = -1;
    if (money_parse_number(text, &n))
        BUG_ON(n < 0 || n > NANOS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *exact = malloc(n ? n : 1); /* so that one byte too far is seen */
    if (n)
        memcpy(exact, data, n);
    struct str text = str_of(exact, n);
    fuzz_range(text);
    fuzz_forwarded(text);
    fuzz_number(text);
    free(exact);
    return 0;
}
