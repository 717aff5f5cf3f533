/* What reads is what writing gives, and nothing is written past its room. The first byte: which
 * alphabet. */
#include <stdint.h>
#include <stdlib.h>

#include "base/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    enum base64 kind = data[0] & 1 ? BASE64_URL : BASE64_PLAIN;
    struct str text = str_of((const char *)data + 1, size - 1);
    size_t n, max = text.n / 4 * 3 + 2;
    uint8_t *out = malloc(max ? max : 1);
    char *again = malloc(BASE64_SIZE(max) + 1), *coded = malloc(BASE64_SIZE(text.n) + 1);
    BUG_ON(!out || !again || !coded);
    if (base64_decode(kind, text, out, max, &n))
        BUG_ON(!str_eq(str_of(again, base64_encode(kind, again, out, n)), text));
    size_t coded_n = base64_encode(kind, coded, text.p, text.n);
    uint8_t *back = malloc(text.n ? text.n : 1);
    BUG_ON(!back || !base64_decode(kind, str_of(coded, coded_n), back, text.n, &n));
    BUG_ON(!str_eq(str_of((const char *)back, n), text));
    free(out);
    free(again);
    free(coded);
    free(back);
    return 0;
}
