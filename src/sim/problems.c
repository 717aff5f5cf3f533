/* problems.c: the errors a provider tells, in the words of each format. Where gateways look at the
 * sentence, because a format has no code for it (a prompt that is too long), the sentence is the
 * true provider's. */
#include "sim/internal.h"

static const struct sim_problem_words problems[SIM_PROBLEM__COUNT] = {
    [SIM_PROBLEM_REQUEST] = {400, "invalid_request_error", NULL, "invalid_request_error",
                             "INVALID_ARGUMENT", "validationException",
                             .openai = "The request is invalid."},
    [SIM_PROBLEM_KEY] = {401, "invalid_request_error", "invalid_api_key", "authentication_error",
                         "UNAUTHENTICATED", "accessDeniedException",
                         .bedrock = "The security token included in the request is invalid.",
                         .openai = "Incorrect API key provided. (The simulated provider refuses "
                                   "every key for this model.)",
                         .anthropic = "invalid x-api-key",
                         .gemini = "Request had invalid authentication credentials."},
    [SIM_PROBLEM_MODEL] = {404, "invalid_request_error", "model_not_found", "not_found_error",
                           "NOT_FOUND", "resourceNotFoundException",
                           .openai = "The model does not exist."},
    [SIM_PROBLEM_ROUTE] = {404, "invalid_request_error", "unknown_url", "not_found_error",
                           "NOT_FOUND", "resourceNotFoundException",
                           .openai = "The simulated provider has no such path."},
    [SIM_PROBLEM_METHOD] = {405, "invalid_request_error", "method_not_supported",
                            "invalid_request_error", "INVALID_ARGUMENT", "validationException",
                            .openai = "This path is asked with another method."},
    [SIM_PROBLEM_CONTEXT] = {400, "invalid_request_error", "context_length_exceeded",
                             "invalid_request_error", "INVALID_ARGUMENT", "validationException",
                             .bedrock = "Input is too long for requested model.",
                             .openai = "This model's maximum context length is 8 tokens. Please "
                                       "reduce the length of the messages.",
                             .anthropic = "prompt is too long: 9 tokens > 8 maximum",
                             .gemini = "The input token count (9) exceeds the maximum number of "
                                       "tokens allowed (8)."},
    [SIM_PROBLEM_RATE] = {429, "rate_limit_error", "rate_limit_exceeded", "rate_limit_error",
                          "RESOURCE_EXHAUSTED", "throttlingException",
                          .openai = "Rate limit reached for this model."},
    [SIM_PROBLEM_SERVER] = {500, "server_error", NULL, "api_error", "INTERNAL",
                            "internalServerException",
                            .openai = "The server had an error while processing your request."},
    [SIM_PROBLEM_OVERLOADED] = {503, "server_error", NULL, "overloaded_error", "UNAVAILABLE",
                                "serviceUnavailableException",
                                .openai = "The engine is currently overloaded, please try again "
                                          "later."},
};

const struct sim_problem_words *sim__problem(enum sim_problem p)
{
    BUG_ON(p >= SIM_PROBLEM__COUNT);
    return &problems[p];
}
