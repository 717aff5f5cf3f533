/* sim.h: the simulated provider: OpenAI chat, completions and embeddings, Anthropic messages,
 * Gemini generateContent and batchEmbedContents, Cohere's embed and rerank, Jina's rerank, whole and
 * (chats) streamed, over real HTTP, with faults chosen by the model's
 * name. It never pretends to be a language model: "echo" answers with the last user message,
 * "lorem" with max_tokens words of filler, both counted one token per four bytes, rounded up.
 *
 * Models, with or without "sim/" before them: "echo", "lorem", and "fault-NAME" and "only-NAME" for
 * each fault. Behind any of them "@20ms" makes a pause of 20 ms between the events of a stream, or
 * before a whole answer. GET /health tells how many calls are open, were answered, and were left by
 * their clients. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "base/err.h"
#include "io/loop.h"

struct sim;

/* On this loop. NULL and a sentence: could not listen. Port 0 takes a free one. */
struct sim *sim_new(struct io_loop *l, struct str host, uint16_t port, struct fault *f);
/* Before its loop. Calls under way are dropped. */
void sim_free(struct sim *s);
uint16_t sim_port(const struct sim *s);
/* A port of 127.0.0.1 that stays bound and on which nobody listens: connecting to it is refused. */
uint16_t sim_refused_port(const struct sim *s);

/* How long the faults take that take their time. Tests that cannot wait make it short. */
struct sim_timing {
    uint32_t slow_first_ms; /* before the first token of "slow-first" (8000) */
};
void sim_set_timing(struct sim *s, const struct sim_timing *t);

/* Names of all faults ("429", "cut", ...): NULL after the last. For catalogues and help texts. */
const char *sim_fault_name(unsigned i);

#endif
