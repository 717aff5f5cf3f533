#include "ledger/price.h"

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static picos most(picos a, picos b)
{
    return a > b ? a : b;
}

struct price price_of_requests(const struct price *p, uint64_t n)
{
    struct price all = *p;
    if (n > 1 && __builtin_mul_overflow(p->request, n, &all.request))
        all.request = INT64_MAX;
    return all;
}

static void add_request(struct money_sum *sum, const struct price *p)
{
    money_sum_add(sum, 1000, p->request); /* a nano-dollar is a thousand pico-dollars */
}

/* Cuts the part off what is left. */
static uint64_t take(uint64_t *left, uint64_t part)
{
    uint64_t taken = least(part, *left);
    *left -= taken;
    return taken;
}

static void add_prompt(struct money_sum *sum, const struct price *p, const struct tokens *t)
{
    uint64_t left = t->prompt, cached = take(&left, t->cached);
    uint64_t written = take(&left, t->cache_write);
    uint64_t audio_cached = take(&cached, least(t->audio_cached, t->audio));
    uint64_t audio = take(&left, t->audio - audio_cached);
    uint64_t image = take(&left, t->image);
    money_sum_add(sum, cached, p->cache_read);
    money_sum_add(sum, audio_cached, p->audio_cache_read);
    money_sum_add(sum, take(&written, t->cache_write_1h), p->cache_write_1h);
    money_sum_add(sum, written, p->cache_write);
    money_sum_add(sum, audio, p->audio);
    money_sum_add(sum, image, p->image);
    money_sum_add(sum, left, p->prompt);
}

static void add_completion(struct money_sum *sum, const struct price *p, const struct tokens *t)
{
    uint64_t left = t->completion;
    money_sum_add(sum, take(&left, t->reasoning), p->reasoning);
    money_sum_add(sum, take(&left, t->audio_output), p->audio_output);
    money_sum_add(sum, take(&left, t->image_output), p->image_output);
    money_sum_add(sum, left, p->completion);
}

nanos price_cost(const struct price *p, const struct tokens *t)
{
    struct money_sum sum = {0};
    add_prompt(&sum, p, t);
    add_completion(&sum, p, t);
    add_request(&sum, p);
    return money_sum_total(&sum);
}

struct price price_without_media(const struct price *p, bool is_text, bool is_silent)
{
    struct price kept = *p;
    if (is_text) {
        kept.audio = kept.image = p->prompt;
        kept.audio_cache_read = p->cache_read;
    }
    if (is_silent)
        kept.audio_output = p->completion;
    return kept;
}

/* The dearest that a token of either side can be. */
static picos prompt_most(const struct price *p)
{
    picos cache = most(p->cache_read, most(p->cache_write, p->cache_write_1h));
    picos media = most(p->audio_cache_read, most(p->audio, p->image));
    return most(p->prompt, most(cache, media));
}

static picos completion_most(const struct price *p)
{
    picos media = most(p->audio_output, p->image_output);
    return most(media, most(p->completion, p->reasoning));
}

nanos price_bound(const struct price *p, uint64_t prompt, uint64_t completion)
{
    struct money_sum sum = {0};
    money_sum_add(&sum, prompt, prompt_most(p));
    money_sum_add(&sum, completion, completion_most(p));
    add_request(&sum, p);
    return money_sum_total_up(&sum);
}

uint64_t price_affordable(const struct price *p, uint64_t prompt, nanos amount)
{
    struct money_sum spent = {0}, all = {0};
    BUG_ON(amount < 0);
    money_sum_add(&spent, prompt, prompt_most(p));
    add_request(&spent, p);
    money_sum_add(&all, (uint64_t)amount, 1000);
    if (spent.picos > all.picos)
        return 0;
    picos each = completion_most(p);
    if (each == 0)
        return UINT64_MAX;
    all.picos = (all.picos - spent.picos) / (uint64_t)each;
    return all.picos < UINT64_MAX ? (uint64_t)all.picos : UINT64_MAX - 1;
}
