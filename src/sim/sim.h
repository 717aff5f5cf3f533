/* sim.h: the simulated provider: OpenAI chat, completions, responses and embeddings, Anthropic
 * messages, Gemini generateContent and batchEmbedContents, Bedrock Converse, Cohere's embed and rerank,
 * Jina's rerank, whole and (chats) streamed, over real HTTP, with faults chosen by the model's name.
 * It never pretends to be a language model: "echo" answers with the last message, the user's or the
 * tools' results, "lorem" with max_tokens words of filler, both counted one token per four bytes,
 * rounded up.
 *
 * Some words of the user's last message choose what is answered:
 *   "call NAME"                 calls this tool, with {"text": what the user said}
 *   "call NAME(WORDS), NAME"    calls them all, with {"text": "WORDS"}
 *   "see"                       tells of each image or file in that message its type and the CRC-32 of its
 *                               base64, or its link
 *   "recall"                    tells the thoughts that earlier answers bore and that were given back
 * Who asks for reasoning, as the format asks for it, is shown a thought first. It is signed where the
 * format has signatures, and a signature that is not its own is refused. Who asks for JSON gets
 * {"text": the answer}.
 *
 * Models, with or without "sim/" and "anthropic." (as Bedrock names Claude's) before them: "echo",
 * "lorem", and "fault-NAME" and "only-NAME" for each fault. Behind any of them "@20ms" makes a pause of
 * 20 ms between the events of a stream, or before a whole answer. GET /health tells how many calls are
 * open, were answered, and were left by their clients. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "base/err.h"
#include "base/secret.h"
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

/* A key of AWS that requests of Bedrock's form must be signed with. Lent: as long as it lives. Without
 * one anybody may ask. */
struct sim_aws {
    struct str key_id;
    struct secret secret, session; /* session: may be empty */
};
void sim_set_aws(struct sim *s, const struct sim_aws *aws);

/* Names of all faults ("429", "cut", ...): NULL after the last. For catalogues and help texts. */
const char *sim_fault_name(unsigned i);

#endif
