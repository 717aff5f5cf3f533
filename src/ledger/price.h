/* price.h: tokens x price = cost, and the upper bound of a cost. Rounded once per request. */
#ifndef LEDGER_PRICE_H
#define LEDGER_PRICE_H

#include "base/money.h"

/* Pico-dollars per token; `request` in nano-dollars per request. */
struct price {
    picos prompt, completion;
    picos cache_read, cache_write; /* of prompt tokens that were read from / written to a cache */
    picos reasoning;               /* of completion tokens that were reasoning */
    nanos request;
    picos cache_write_1h;   /* of those written that are kept for an hour */
    picos audio, image;     /* of prompt tokens that were audio, images */
    picos audio_cache_read; /* of audio read from a cache */
    picos audio_output, image_output;
};

/* Tokens as providers count them: cached, cache_write, audio and image are parts of prompt; reasoning,
 * audio_output and image_output of completion; cache_write_1h of cache_write; audio_cached of cached
 * and of audio. Parts larger than the whole are cut to it. */
struct tokens {
    uint64_t prompt, completion;
    uint64_t cached, cache_write, reasoning;
    uint64_t cache_write_1h;
    uint64_t audio, image, audio_cached;
    uint64_t audio_output, image_output;
};

/* The same where so many requests are paid for at once; 0 counts as one. */
struct price price_of_requests(const struct price *p, uint64_t n);
/* Of a use that has no audio and no images in its prompt (`is_text`), and none of audio in its answer
 * (`is_silent`): so that what is set aside for it is no more than it can cost. */
struct price price_without_media(const struct price *p, bool is_text, bool is_silent);

nanos price_cost(const struct price *p, const struct tokens *t);
/* No use of at most this many tokens costs more. */
nanos price_bound(const struct price *p, uint64_t prompt, uint64_t completion);
/* The most completion tokens that `amount` can pay beside `prompt` tokens; 0: not even the prompt.
 * UINT64_MAX: output is free. */
uint64_t price_affordable(const struct price *p, uint64_t prompt, nanos amount);

#endif
