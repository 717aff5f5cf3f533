/* The small readers of text that people and peers write: what one accepts it must accept again as it is written, and mean the
 * same by it. The first byte chooses the reader. */
#include <stdint.h>
#include <stdlib.h>

#include "auth/key.h"
#include "base/clock.h"
#include "base/money.h"
#include "http/url.h"
#include "store/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void url(struct str text)
{
    struct url u;
    struct fault f;
    if (url_parse(text, &u, &f) != ERR_OK)
        return;
    BUG_ON(u.host.n == 0 || u.port == 0 || u.authority.n < u.host.n);
    BUG_ON(str_ends(u.path, STR("/")) || (u.path.n && u.path.p[0] != '/'));
    for (size_t i = 0; i < text.n; i++)
        BUG_ON(text.p[i] <= ' ' || text.p[i] > '~');
}

static void listen_address(struct str text)
{
    struct str host;
    uint16_t port;
    if (url_parse_listen(text, &host, &port))
        BUG_ON(host.n >= text.n || memchr(text.p, '/', text.n));
}

/* The name is the text before the first NUL. */
static void query(struct str text)
{
    struct buf scratch;
    struct str name = str_cut(&text, '\0');
    buf_init(&scratch, 1 << 20);
    struct str value = url_query(text, name, &scratch);
    BUG_ON(value.n > text.n);
    buf_release(&scratch);
}

static void usd(struct str text)
{
    struct buf b;
    nanos v, again;
    if (!money_parse_usd(text, &v))
        return;
    BUG_ON(v < 0 || v > NANOS_MAX);
    buf_init(&b, 64);
    BUG_ON(money_add_usd(&b, v) != ERR_OK || !money_parse_usd(buf_view(&b), &again) || again != v);
    buf_release(&b);
}

static void price(struct str text)
{
    picos v;
    if (money_parse_per_million(text, &v))
        BUG_ON(v < 0);
}

static void iso(struct str text)
{
    char room[CLOCK_ISO_MAX];
    int64_t ms, again;
    if (clock_parse_iso(text, &ms))
        BUG_ON(!clock_parse_iso(clock_iso(ms, room), &again) || again != ms);
}

static void generation(struct str text)
{
    char room[GENERATION_ID_MAX];
    int64_t id;
    uint64_t tag;
    if (generation_id_parse(text, &id, &tag))
        BUG_ON(!str_eq(generation_id_text(id, tag, room), text));
}

static void key(struct str text)
{
    struct str prefix = STR("sk-tp-v1-");
    enum key_shape shape = key_shape(text, prefix);
    BUG_ON(shape == KEY_SHAPE_INFERENCE &&
           (text.n != prefix.n + KEY_DIGITS || !str_starts(text, prefix)));
    BUG_ON(shape == KEY_SHAPE_MANAGEMENT && text.n != prefix.n + 5 + KEY_DIGITS);
    char room[KEY_PREFIX_MAX + 5];
    if (key_prefix_is_valid(text))
        BUG_ON(key_management_prefix(text, room).n != text.n + 5);
}

static void (*const readers[])(struct str) = {url, listen_address, query, usd, price,
                                              iso, generation,     key};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    /* In memory of its own size, so that a read behind its end is seen. */
    char *exact = malloc(size - 1 ? size - 1 : 1);
    BUG_ON(!exact);
    memcpy(exact, data + 1, size - 1);
    readers[data[0] % COUNT_OF(readers)](str_of(exact, size - 1));
    free(exact);
    return 0;
}
