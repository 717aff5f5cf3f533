#include "unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/builtin.h"
#include "app/config.h"

static char folder[64];

static void unset(const char *variable)
{
    if (variable)
        unsetenv(variable);
}

/* Each test runs in an empty folder and knows its whole environment. */
static int enter(void **state)
{
    const struct kind *k;
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/turnpike-config-XXXXXX");
    for (unsigned i = 0; (k = kind_at(i)); i++) {
        unset(k->key_variable);
        unset(k->address_variable);
        unset(k->version_variable);
        unset(k->region_variable);
    }
    unsetenv("TURNPIKE_CONFIG");
    unsetenv("TURNPIKE_DATA");
    unsetenv("TURNPIKE_LISTEN");
    unsetenv("NOT_SET");
    setenv("CANARY", "canary-3f9a", 1);
    return !mkdtemp(folder) || chdir(folder);
}

static int leave(void **state)
{
    (void)state;
    unlink("turnpike.yaml");
    unlink("other.yaml");
    return chdir("/") || rmdir(folder);
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void load(struct config *c, const struct config_flags *flags)
{
    struct fault f;
    static const struct config_flags none;
    if (config_load(c, flags ? flags : &none, &f) != ERR_OK)
        fail_msg("%s", f.message);
}

static void load_text(struct config *c, const char *text)
{
    write_file("turnpike.yaml", text);
    load(c, NULL);
}

static void without_a_file_the_defaults_stand(void **state)
{
    (void)state;
    struct config c;
    load(&c, NULL);
    assert_int_equal(c.file.n, 0);
    assert_str(c.listen_host, "127.0.0.1");
    assert_int_equal(c.listen_port, 8080);
    assert_str(c.data, "./data");
    assert_in_range(c.workers, 1, 64);
    assert_int_equal(c.public_url.n, 0);
    assert_str(c.key_prefix, "sk-tp-v1-");
    assert_int_equal(c.tls_cert.n + c.tls_key.n + c.upstream_ca.n, 0);
    assert_int_equal(c.body_max, 32 << 20);
    assert_int_equal(c.connections_max, 20000);
    assert_int_equal(c.keepalive_ms, 2000);
    assert_int_equal(c.shutdown_ms, 30000);
    assert_int_equal(c.journal_sync, JOURNAL_SYNC_INTERVAL);
    assert_int_equal(c.log_level, LOG_INFO);
    assert_int_equal(c.catalog->providers_n + c.catalog->models_n, 0);
    config_release(&c);
}

static void an_empty_file_says_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "# only a comment\n", "---\n", "{}\n",
                                        "providers:\nmodels:\n"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct config c;
        load_text(&c, texts[i]);
        assert_int_equal(c.listen_port, 8080);
        assert_str(c.file, "turnpike.yaml");
        config_release(&c);
    }
}

static const char whole[] =
    "listen: 0.0.0.0:9000\n"
    "data: postgresql://user:${CANARY}@db/turnpike?password=${CANARY}\n"
    "workers: 3\n"
    "public_url: https://gateway.example\n"
    "key_prefix: sk-acme-v2-\n"
    "tls: { cert: /etc/c.pem, key: /etc/k.pem }\n"
    "upstream_ca: /etc/ca.pem\n"
    "log_level: debug\n"
    "keepalive: 500ms\n"
    "shutdown: 2m\n"
    "limits: { body: 64KiB, connections: 7 }\n"
    "journal: { sync: always }\n"
    "providers:\n"
    "  openai:\n"
    "    title: OpenAI\n"
    "    dialect: openai\n"
    "    base_url: https://api.openai.com/v1//\n"
    "    api_key: pre-${CANARY}-post\n"
    "    connections: 5\n"
    "    max_tokens_field: max_completion_tokens\n"
    "    deadlines: { connect: 1s, first: 90s, idle: 30s, total: 10m }\n"
    "    data_policy: { training: false, retention_days: 30 }\n"
    "  local:\n"
    "    base_url: http://127.0.0.1:1234\n"
    "models:\n"
    "  - id: openai/gpt-4o-mini\n"
    "    name: GPT-4o mini\n"
    "    description: small\n"
    "    created: 1721260800\n"
    "    endpoints:\n"
    "      - provider: openai\n"
    "        model: gpt-4o-mini\n"
    "        price: { prompt: 0.15, completion: 0.60, cache_read: 0.075, request: 0.001 }\n"
    "        context: 128000\n"
    "        max_output: 16384\n"
    "      - { provider: local, model: x, price: { prompt: 1, completion: 2, cache_write: 1.25, "
    "reasoning: 3 } }\n"
    "  - id: acme/plain:free\n"
    "    endpoints: [{ provider: local, model: y, price: { prompt: 0, completion: 0 } }]\n";

static void every_setting_is_taken_over(void **state)
{
    (void)state;
    struct config c;
    load_text(&c, whole);
    assert_str(c.listen_host, "0.0.0.0");
    assert_int_equal(c.listen_port, 9000);
    assert_str(c.data, "postgresql://user:canary-3f9a@db/turnpike?password=canary-3f9a");
    assert_int_equal(c.workers, 3);
    assert_str(c.public_url, "https://gateway.example");
    assert_str(c.key_prefix, "sk-acme-v2-");
    assert_string_equal(c.tls_cert.p, "/etc/c.pem");
    assert_string_equal(c.tls_key.p, "/etc/k.pem");
    assert_string_equal(c.upstream_ca.p, "/etc/ca.pem");
    assert_int_equal(c.log_level, LOG_DEBUG);
    assert_int_equal(c.keepalive_ms, 500);
    assert_int_equal(c.shutdown_ms, 120000);
    assert_int_equal(c.body_max, 65536);
    assert_int_equal(c.connections_max, 7);
    assert_int_equal(c.journal_sync, JOURNAL_SYNC_ALWAYS);

    const struct provider *p = c.catalog->providers[0];
    assert_int_equal(c.catalog->providers_n, 2);
    assert_str(p->name, "openai");
    assert_str(p->title, "OpenAI");
    assert_str(p->base_url, "https://api.openai.com/v1");
    assert_str(secret_reveal(p->api_key), "pre-canary-3f9a-post");
    assert_int_equal(p->connections_max, 5);
    assert_str(p->max_tokens_field, "max_completion_tokens");
    assert_int_equal(p->deadlines.connect_ms, 1000);
    assert_int_equal(p->deadlines.first_ms, 90000);
    assert_int_equal(p->deadlines.idle_ms, 30000);
    assert_int_equal(p->deadlines.total_ms, 600000);
    assert_false(p->may_train);
    assert_int_equal(p->retention_days, 30);
    config_release(&c);
}

static void models_that_make_vectors_have_no_completions_to_pay_for(void **state)
{
    (void)state;
    struct config c;
    load_text(&c, "providers: { c: { dialect: cohere, base_url: 'http://h' } }\n"
                  "models: [{ id: a/b, output: embeddings, endpoints: [{ provider: c, model: x,"
                  " price: { prompt: 0.02 } }] }]");
    const struct model *m = catalog_model(c.catalog, STR("a/b"));
    assert_non_null(m);
    assert_int_equal(m->output, OUTPUT_EMBEDDINGS);
    assert_int_equal(m->endpoints[0]->price.prompt, 20000);
    assert_int_equal(m->endpoints[0]->price.completion, 0);
    assert_int_equal(m->endpoints[0]->price.reasoning, 0);
    config_release(&c);
}

static void models_bear_their_endpoints_in_order(void **state)
{
    (void)state;
    struct config c;
    load_text(&c, whole);
    const struct model *m = catalog_model(c.catalog, STR("openai/gpt-4o-mini"));
    assert_non_null(m);
    assert_str(m->name, "GPT-4o mini");
    assert_str(m->description, "small");
    assert_int_equal(m->created, 1721260800);
    assert_int_equal(m->endpoints_n, 2);
    const struct endpoint *a = m->endpoints[0], *b = m->endpoints[1];
    assert_str(a->provider->name, "openai");
    assert_str(a->model, "gpt-4o-mini");
    assert_int_equal(a->context, 128000);
    assert_int_equal(a->max_output, 16384);
    assert_int_equal(a->price.prompt, 150000);
    assert_int_equal(a->price.completion, 600000);
    assert_int_equal(a->price.cache_read, 75000);
    assert_int_equal(a->price.cache_write, 150000); /* as the prompt's */
    assert_int_equal(a->price.reasoning, 600000);   /* as the completion's */
    assert_int_equal(a->price.request, 1000000);
    assert_int_equal(b->price.cache_read, 1000000);
    assert_int_equal(b->price.cache_write, 1250000);
    assert_int_equal(b->price.reasoning, 3000000);
    assert_int_equal(b->context + b->max_output, 0);

    m = catalog_model(c.catalog, STR("acme/plain:free"));
    assert_non_null(m);
    assert_str(m->name, "acme/plain:free");
    const struct provider *p = m->endpoints[0]->provider;
    assert_str(p->title, "local");
    assert_true(secret_is_empty(p->api_key));
    assert_int_equal(p->connections_max, 8192);
    assert_str(p->max_tokens_field, "max_tokens");
    assert_int_equal(p->deadlines.first_ms, 120000);
    assert_true(p->may_train); /* nobody said that it may not */
    assert_int_equal(p->retention_days, -1);
    config_release(&c);
}

static void anchors_are_followed(void **state)
{
    (void)state;
    struct config c;
    load_text(&c, "providers: { a: &one { base_url: http://h }, b: *one }\n"
                  "models: [{ id: x/y, endpoints: [{ provider: b, model: &m z, price: &p { prompt: "
                  "1, completion: 1 } },\n"
                  "                                 { provider: a, model: *m, price: *p }] }]\n");
    assert_str(c.catalog->models[0]->endpoints[1]->model, "z");
    config_release(&c);
}

static void a_flag_beats_the_environment_which_beats_the_file(void **state)
{
    (void)state;
    struct config c;
    struct config_flags flags = {
        .listen = STR("127.0.0.1:1"), .data = STR("flag"), .workers = STR("9")};
    load_text(&c, "{ listen: '127.0.0.1:3', data: file, workers: 5 }");
    assert_int_equal(c.listen_port, 3);
    assert_str(c.data, "file");
    config_release(&c);
    setenv("TURNPIKE_LISTEN", "127.0.0.1:2", 1);
    setenv("TURNPIKE_DATA", "environment", 1);
    load(&c, NULL);
    assert_int_equal(c.listen_port, 2);
    assert_str(c.data, "environment");
    assert_int_equal(c.workers, 5);
    config_release(&c);
    load(&c, &flags);
    assert_int_equal(c.listen_port, 1);
    assert_str(c.data, "flag");
    assert_int_equal(c.workers, 9);
    config_release(&c);
    setenv("TURNPIKE_DATA", "", 1); /* as if not set */
    load(&c, NULL);
    assert_str(c.data, "file");
    config_release(&c);
}

static void the_file_is_chosen_by_flag_then_environment_then_place(void **state)
{
    (void)state;
    struct config c;
    struct fault f;
    struct config_flags flags = {.config = STR("other.yaml")};
    assert_int_equal(config_load(&c, &flags, &f), ERR_INVALID);
    assert_string_equal(f.message, "cannot open other.yaml: No such file or directory");
    write_file("turnpike.yaml", "workers: 2");
    write_file("other.yaml", "workers: 3");
    load(&c, NULL);
    assert_int_equal(c.workers, 2);
    config_release(&c);
    setenv("TURNPIKE_CONFIG", "other.yaml", 1);
    load(&c, NULL);
    assert_int_equal(c.workers, 3);
    config_release(&c);
    flags.config = STR("turnpike.yaml");
    load(&c, &flags);
    assert_int_equal(c.workers, 2);
    assert_str(c.file, "turnpike.yaml");
    config_release(&c);
}

static void settings_alone_do_not_need_the_providers_credentials(void **state)
{
    (void)state;
    struct config c;
    struct config_flags flags = {.settings_only = true};
    write_file("turnpike.yaml",
               "workers: 4\nproviders: { a: { base_url: http://h, api_key: '${NOT_SET}' } }\n");
    load(&c, &flags);
    assert_int_equal(c.workers, 4);
    assert_int_equal(c.catalog->providers_n, 0);
    config_release(&c);
}

#define P     "providers: { a: { base_url: 'http://h' } }\n"
#define PRICE ", price: { prompt: 1, completion: 1 }"

/* Every kind of mistake with its whole sentence. */
static void mistakes_are_told_with_file_line_and_remedy(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        {"\nlisen: x\n", "2: unknown setting 'lisen' in the top level; did you mean 'listen'?"},
        {"limits:\n  bdy: 1\n", "2: unknown setting 'bdy' in limits; did you mean 'body'?"},
        {"provider: x\n",
         "1: unknown setting 'provider' in the top level; did you mean 'providers'?"},
        {"tls: x", "1: tls must be a table of settings, not text"},
        {"tls: { cert: a }", "1: tls needs both cert and key"},
        {"- a\n", "1: the top level must be a table of settings, not a list"},
        {"just text\n", "1: the top level must be a table of settings, not text"},
        {"workers: many", "1: workers must be a whole number from 1 to 64, not text"},
        {"workers: 0", "1: workers must be a whole number from 1 to 64, not this number"},
        {"workers: 1.5", "1: workers must be a whole number from 1 to 64, not this number"},
        {"workers: 99999999999999999999",
         "1: workers must be a whole number from 1 to 64, not this number"},
        {"workers: [1]", "1: workers must be a whole number from 1 to 64, not a list"},
        {"workers: {a: 1}", "1: workers must be a whole number from 1 to 64, not a table"},
        {"workers:", "1: workers must be a whole number from 1 to 64, not nothing"},
        {"listen: 8080", "1: listen must be HOST:PORT such as 127.0.0.1:8080, not a number"},
        {"listen: here", "1: listen must be HOST:PORT such as 127.0.0.1:8080, not this text"},
        {"data: mysql://x", "1: data must be a directory or postgresql://..., not this text"},
        {"public_url: ftp://x",
         "1: public_url must be a URL such as https://gateway.example, not this text"},
        {"key_prefix: KEY",
         "1: key_prefix must be lowercase letters, digits and '-', ending in a version such as "
         "'-v1-', at most 32 characters, not this text"},
        {"limits: { body: 1TB }",
         "1: limits.body must be a size such as 32MiB, from 1KiB to 1GiB, not this text"},
        {"limits: { body: 2GiB }",
         "1: limits.body must be a size such as 32MiB, from 1KiB to 1GiB, not this text"},
        {"limits: { body: 5 }",
         "1: limits.body must be a size such as 32MiB, from 1KiB to 1GiB, not this number"},
        {"keepalive: 5",
         "1: keepalive must be a duration such as 75s or 500ms, from 10ms to 1h, not a number"},
        {"keepalive: 2h",
         "1: keepalive must be a duration such as 75s or 500ms, from 10ms to 1h, not this text"},
        {"journal: { sync: sometimes }",
         "1: journal.sync must be interval, always or never, not this text"},
        {"log_level: 3", "1: log_level must be debug, info, warn or error, not a number"},
        {"workers: 1\nlisten: :1\nworkers: 2\n", "3: 'workers' is there twice: first in line 1"},
        {P "models: [{ id: a/b, endpoints: [{ model: x, model: y }] }]",
         "2: 'model' is there twice: first in line 2"},
        {"? [a]\n: b\n", "1: a setting's name must be text"},
        {"a: b\n---\nc: d\n", "3: a second document begins here; one is all there may be"},
        {"listen: [1,\nworkers: 2\n",
         "3: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence"},
        {"workers: 1\n\xff\n", "2: not valid YAML: invalid leading UTF-8 octet"},
        {"a: *b\n", "1: not valid YAML: found undefined alias"},
        {"data: ${NOT_SET}", "1: the environment variable NOT_SET is not set"},
        {"data: ${CANARY", "1: a '${' has no '}'"},
        {"data: ${}", "1: a '${...}' names no environment variable"},
        {"data: \"a\\0b\"", "1: the value holds a NUL character"},
        {"workers: ${CANARY}", "1: workers must be a whole number from 1 to 64, not text"},

        {"providers: [a]", "1: providers must be a table of providers by name"},
        {"providers:\n  a:\n    title: x\n", "3: provider 'a' lacks base_url"},
        {"providers:\n  a:\n    kind: mistrl\n    base_url: http://h\n",
         "3: provider 'a': there is no kind 'mistrl'; did you mean 'mistral'?"},
        {"providers: { a: { base_url: 'http://h', supported_parameters: [tools, sed] } }",
         "1: supported_parameters of provider 'a' must be a list of parameters such as "
         "[temperature, tools, seed], not this text"},
        {"providers: { a: { kind: azure, base_url: 'http://h', api_version: 'a b' } }",
         "1: api_version of provider 'a' must be a version such as 2024-10-21, not this text"},
        {P "models: [{ id: a/b, endpoints: [{ provider: a, model: x, quantization: int5" PRICE
           " }] }]",
         "2: quantization of endpoint 1 of model 'a/b' must be unknown, int4, int8, fp4, mxfp4, "
         "nvfp4, fp6, fp8, mxfp8, fp16, bf16 or fp32, not this text"},
        {"providers: { a: }", "1: provider 'a' must be a table of settings, not nothing"},
        {"providers: { 'a b': {} }",
         "1: a provider's name must be letters, digits, '-', '_' and '.', at most 60"},
        {"providers: { a: { base_url: http://h?x=1 } }",
         "1: base_url of provider 'a' must be a URL such as https://api.openai.com/v1, not this "
         "text"},
        {"providers: { a: { base_url: 'http://h', apikey: x } }",
         "1: unknown setting 'apikey' in provider 'a'; did you mean 'api_key'?"},
        {"providers: { a: { base_url: 'http://h', deadlines: { frst: 1s } } }",
         "1: unknown setting 'frst' in deadlines of provider 'a'; did you mean 'first'?"},
        {"providers: { a: { base_url: 'http://h', deadlines: { first: 1 } } }",
         "1: deadlines.first of provider 'a' must be a duration such as 75s or 500ms, from 1ms to "
         "1d, not a number"},
        {"providers: { a: { base_url: 'http://h', data_policy: { training: no } } }",
         "1: data_policy.training of provider 'a' must be true or false, not text"},
        {"providers: { a: { base_url: 'http://h', dialect: cobol } }",
         "1: dialect of provider 'a' must be openai, responses, anthropic, gemini, bedrock, "
         "azure or cohere, not this text"},
        {"providers: { a: { dialect: bedrock, api_key: k } }", "1: provider 'a' lacks aws.region"},
        {"providers: { a: { dialect: bedrock, aws: { region: 'us east' } } }",
         "1: aws.region of provider 'a' must be a region such as us-east-1, not this text"},
        {"providers: { a: { dialect: bedrock, aws: { region: r, access_key_id: K } } }",
         "1: aws of provider 'a' lacks secret_access_key"},
        {"providers: { a: { dialect: bedrock, aws: { region: r, secret_access_key: s } } }",
         "1: aws of provider 'a' lacks access_key_id"},
        {"providers: { a: { dialect: bedrock, aws: { region: r, session_token: s } } }",
         "1: aws of provider 'a' lacks access_key_id"},
        {"providers: { a: { dialect: bedrock, base_url: 'http://h', aws: { access_key_id: K, "
         "secret_access_key: s } } }",
         "1: provider 'a' lacks aws.region"},
        {"providers: { a: { dialect: bedrock, api_key: k, aws: { region: r, access_key_id: K, "
         "secret_access_key: s } } }",
         "1: provider 'a' must have api_key or aws.access_key_id, not both"},
        {"providers: { a: { base_url: 'http://h', aws: { region: r } } }",
         "1: provider 'a': aws is for providers of the dialect bedrock"},
        {"providers: { a: { dialect: bedrock, aws: { regoin: r } } }",
         "1: unknown setting 'regoin' in aws of provider 'a'; did you mean 'region'?"},
        {"providers: { a: { base_url: 'http://h', api_key: \"${CANARY}\\r\\nx: y\" } }",
         "1: api_key of provider 'a' must be printable characters without spaces, not this text"},
        {"providers: { a: { base_url: 'http://h', api_key: [x] } }",
         "1: api_key of provider 'a' must be printable characters without spaces, not a list"},

        {"models: {}", "1: models must be a list of models"},
        {"models: [{ name: x }]", "1: model 1 lacks id"},
        {"models: [{ id: x }]",
         "1: id of model 'x' must be author/slug such as openai/gpt-4o-mini, not this text"},
        {"models: [{ id: a/b }]", "1: model 'a/b' must have a list of endpoints, at least one"},
        {"models: [{ id: a/b, endpoints: [] }]",
         "1: model 'a/b' must have a list of endpoints, at least one"},
        {"models: [{ id: a/b, endpoint: [] }]",
         "1: unknown setting 'endpoint' in model 'a/b'; did you mean 'endpoints'?"},
        {P "models: [{ id: a/b, endpoints: [{ provider: a, model: x }] }]",
         "2: endpoint 1 of model 'a/b' lacks price.prompt"},
        {P "models: [{ id: a/b, endpoints: [{ provider: a, model: x, price: { prompt: 1 } }] }]",
         "2: endpoint 1 of model 'a/b' lacks price.completion"},
        {P "models: [{ id: a/b, output: vectors, endpoints: [{ provider: a, model: x" PRICE
           " }] }]",
         "2: output of model 'a/b' must be text, embeddings or rerank, not this text"},
        {"providers: { c: { dialect: cohere, base_url: 'http://h' } }\n"
         "models: [{ id: a/b, endpoints: [{ provider: c, model: x" PRICE " }] }]",
         "2: endpoint 1 of model 'a/b': provider 'c' speaks cohere, which has no models whose "
         "output "
         "is text"},
        {"providers: { c: { dialect: anthropic, base_url: 'http://h' } }\n"
         "models: [{ id: a/b, output: embeddings, endpoints: [{ provider: c, model: x" PRICE
         " }] }]",
         "2: endpoint 1 of model 'a/b': provider 'c' speaks anthropic, which has no models whose "
         "output is embeddings"},
        {P "models: [{ id: a/b, endpoints: [{ provider: a, model: x, price: 3 }] }]",
         "2: price of endpoint 1 of model 'a/b' must be a table of settings, not a number"},
        {P "models: [{ id: a/b, endpoints: [{ provider: a, model: x, price: { prompt: 1e-3, "
           "completion: 1 } }] }]",
         "2: price.prompt of endpoint 1 of model 'a/b' must be dollars per million tokens such as "
         "0.15, at most six digits "
         "after the point, not text"},
        {P "models: [{ id: a/b, endpoints: [{ provider: a, model: x, price: { prompt: -1, "
           "completion: 1 } }] }]",
         "2: price.prompt of endpoint 1 of model 'a/b' must be dollars per million tokens such as "
         "0.15, at most six digits "
         "after the point, not this number"},
        {P "models:\n- id: a/b\n  endpoints:\n  - model: x\n    provider: b\n    price: { prompt: "
           "1, completion: 1 }",
         "6: endpoint 1 of model 'a/b' names the provider 'b', which there is not; did you mean "
         "'a'?"},
        {"models: [{ id: a/b, endpoints: [{ provider: b, model: x" PRICE " }] }]",
         "1: endpoint 1 of model 'a/b' names the provider 'b', which there is not"},
        {P "models:\n- { id: a/b, endpoints: [{ provider: a, model: x" PRICE " }] }\n"
           "- { id: a/b, endpoints: [{ provider: a, model: x" PRICE " }] }",
         "4: model 'a/b' is there twice"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char expected[400];
        struct config c;
        struct fault f = {.err = ERR_OK};
        static const struct config_flags none;
        write_file("turnpike.yaml", rows[i].text);
        snprintf(expected, sizeof expected, "turnpike.yaml:%s", rows[i].sentence);
        if (config_load(&c, &none, &f) == ERR_OK)
            fail_msg("accepted: %s", rows[i].text);
        assert_int_equal(f.err, ERR_INVALID);
        assert_string_equal(f.message, expected);
        assert_null(strstr(f.message, "canary"));
    }
}

static void mistakes_outside_the_file_name_their_place(void **state)
{
    (void)state;
    struct config c;
    struct fault f;
    struct config_flags flags = {.workers = STR("none")};
    assert_int_equal(config_load(&c, &flags, &f), ERR_INVALID);
    assert_string_equal(f.message,
                        "--workers: workers must be a whole number from 1 to 64, not text");
    flags.workers = STR_NONE;
    setenv("TURNPIKE_LISTEN", "nowhere", 1);
    assert_int_equal(config_load(&c, &flags, &f), ERR_INVALID);
    assert_string_equal(
        f.message,
        "TURNPIKE_LISTEN: listen must be HOST:PORT such as 127.0.0.1:8080, not this text");
    unsetenv("TURNPIKE_LISTEN");
    setenv("OPENAI_API_KEY", "canary with space", 1);
    assert_int_equal(config_load(&c, &flags, &f), ERR_INVALID);
    assert_string_equal(f.message, "OPENAI_API_KEY must be printable characters without spaces");
}

static void a_circle_of_aliases_does_no_harm(void **state)
{
    (void)state;
    struct config c;
    struct fault f;
    static const struct config_flags none;
    write_file("turnpike.yaml", "models: &m\n  - *m\n");
    assert_int_equal(config_load(&c, &none, &f), ERR_INVALID);
    write_file("turnpike.yaml", "&a\ntls: *a\n");
    assert_int_equal(config_load(&c, &none, &f), ERR_INVALID);
    write_file("turnpike.yaml", "&a\nproviders: *a\n");
    assert_int_equal(config_load(&c, &none, &f), ERR_INVALID);
}

static void a_well_known_variable_configures_its_provider(void **state)
{
    (void)state;
    struct config c;
    setenv("OPENAI_API_KEY", "sk-well-known", 1);
    setenv("OPENROUTER_API_KEY", "sk-or", 1);
    load(&c, NULL);
    assert_int_equal(c.catalog->providers_n, 2);
    const struct model *m = catalog_model(c.catalog, STR("openai/gpt-4o-mini"));
    assert_non_null(m);
    assert_int_equal(m->endpoints_n, 2);
    assert_str(m->endpoints[0]->provider->title, "OpenAI");
    assert_str(secret_reveal(m->endpoints[0]->provider->api_key), "sk-well-known");
    assert_int_equal(m->endpoints[0]->price.prompt, 150000);
    assert_int_equal(m->endpoints[0]->price.cache_write, 150000);
    assert_str(m->endpoints[1]->provider->name, "openrouter");
    assert_str(m->endpoints[1]->model, "openai/gpt-4o-mini");
    assert_null(catalog_model(c.catalog, STR("x-ai/grok-3")));
    config_release(&c);
}

static void the_file_overrides_the_built_in_catalogue(void **state)
{
    (void)state;
    struct config c;
    setenv("OPENAI_API_KEY", "sk-well-known", 1);
    load_text(&c,
              "models: [{ id: openai/gpt-4o-mini, endpoints: [{ provider: openai, model: mine" PRICE
              " }] }]\n");
    const struct model *m = catalog_model(c.catalog, STR("openai/gpt-4o-mini"));
    assert_int_equal(m->endpoints_n, 1);
    assert_str(m->endpoints[0]->model, "mine");
    assert_non_null(catalog_model(c.catalog, STR("openai/gpt-4o")));
    config_release(&c);
    load_text(&c, "providers: { openai: { base_url: 'http://proxy' } }\n");
    assert_int_equal(c.catalog->providers_n, 1);
    assert_str(c.catalog->providers[0]->base_url, "http://proxy");
    assert_int_equal(c.catalog->models_n, 0);
    config_release(&c);
}

static void a_provider_is_of_the_kind_it_is_named_like_or_said_to_be_of(void **state)
{
    (void)state;
    static const struct {
        const char *text, *kind, *title, *base_url, *field;
    } rows[] = {
        {"mistral: { api_key: k }", "mistral", "Mistral", "https://api.mistral.ai/v1",
         "max_tokens"},
        {"mine: { kind: mistral }", "mistral", "mine", "https://api.mistral.ai/v1", "max_tokens"},
        {"mistral: { kind: generic, base_url: 'http://h' }", "generic", "mistral", "http://h",
         "max_tokens"},
        {"groq: { base_url: 'http://h', max_tokens_field: max_tokens }", "groq", "Groq", "http://h",
         "max_tokens"},
        {"mine: { dialect: azure, base_url: 'http://h' }", "azure", "mine", "http://h",
         "max_completion_tokens"},
        {"mine: { base_url: 'http://h' }", "generic", "mine", "http://h", "max_tokens"},
        {"ollama: { title: Here }", "ollama", "Here", "http://127.0.0.1:11434/v1", "max_tokens"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct config c;
        char text[300];
        snprintf(text, sizeof text, "providers: { %s }\n", rows[i].text);
        load_text(&c, text);
        const struct provider *p = c.catalog->providers[0];
        assert_str(p->kind->name, rows[i].kind);
        assert_str(p->title, rows[i].title);
        assert_str(p->base_url, rows[i].base_url);
        assert_str(p->max_tokens_field, rows[i].field);
        assert_str(p->dialect, "openai");
        config_release(&c);
    }
}

static void what_is_supported_can_be_said_of_a_provider_and_of_an_endpoint(void **state)
{
    (void)state;
    struct config c;
    load_text(&c, "providers: { groq: { supported_parameters: [tools, tool_choice, seed] } }\n"
                  "models:\n- id: a/b\n  endpoints:\n"
                  "  - { provider: groq, model: x" PRICE " }\n"
                  "  - { provider: groq, model: y, supported_parameters: [logprobs, n]" PRICE
                  ", tag: turbo, quantization: fp8 }\n");
    const struct model *m = c.catalog->models[0];
    const struct endpoint *x = m->endpoints[0], *y = m->endpoints[1];
    assert_true(catalog_endpoint_takes(x, STR("seed")));
    assert_false(catalog_endpoint_takes(x, STR("temperature")));
    assert_true(catalog_endpoint_takes(x, STR("stream_options"))); /* not told: as the kind does */
    assert_false(catalog_endpoint_takes(x, STR("n")));
    assert_true(catalog_endpoint_takes(y, STR("logprobs")));
    assert_true(catalog_endpoint_takes(y, STR("n")));
    assert_false(catalog_endpoint_takes(y, STR("seed")));
    assert_str(y->tag, "turbo");
    assert_int_equal(y->quantization, QUANTIZATION_FP8);
    config_release(&c);
}

static void azure_is_configured_by_key_and_address(void **state)
{
    (void)state;
    struct config c;
    setenv("AZURE_OPENAI_API_KEY", "sk-az", 1);
    load(&c, NULL);
    assert_int_equal(c.catalog->providers_n, 0);
    config_release(&c);
    setenv("AZURE_OPENAI_ENDPOINT", "https://mine.openai.azure.com/", 1);
    load(&c, NULL);
    const struct provider *p = c.catalog->providers[0];
    assert_str(p->kind->name, "azure");
    assert_str(p->base_url, "https://mine.openai.azure.com");
    assert_str(p->api_version, "2024-10-21");
    config_release(&c);
    setenv("AZURE_OPENAI_API_VERSION", "2025-01-01-preview", 1);
    load(&c, NULL);
    assert_str(c.catalog->providers[0]->api_version, "2025-01-01-preview");
    config_release(&c);
    struct fault f;
    static const struct config_flags none;
    setenv("AZURE_OPENAI_API_VERSION", "a&b", 1);
    assert_int_equal(config_load(&c, &none, &f), ERR_INVALID);
    assert_string_equal(f.message, "AZURE_OPENAI_API_VERSION must be a version such as 2024-10-21");
}

static void bedrock_is_configured_by_key_and_region(void **state)
{
    (void)state;
    struct config c;
    setenv("AWS_BEARER_TOKEN_BEDROCK", "key", 1);
    load(&c, NULL);
    assert_int_equal(c.catalog->providers_n, 0);
    config_release(&c);
    setenv("AWS_REGION", "eu-west-1", 1);
    load(&c, NULL);
    const struct provider *p = c.catalog->providers[0];
    assert_str(p->dialect, "bedrock");
    assert_str(p->base_url, "https://bedrock-runtime.eu-west-1.amazonaws.com");
    assert_str(secret_reveal(p->api_key), "key");
    config_release(&c);
    struct fault f;
    static const struct config_flags none;
    setenv("AWS_REGION", "a/b", 1);
    assert_int_equal(config_load(&c, &none, &f), ERR_INVALID);
    assert_string_equal(f.message, "AWS_REGION must be a region such as us-east-1");
}

static void a_key_of_aws_is_read_and_hidden(void **state)
{
    (void)state;
    struct config c;
    load_text(&c, "providers: { a: { dialect: bedrock, aws: { region: us-east-1, access_key_id: "
                  "AKID, secret_access_key: \"${CANARY}\", session_token: \"t${CANARY}\" } } }\n");
    const struct provider *p = c.catalog->providers[0];
    assert_str(p->kind->name, "bedrock");
    assert_str(p->base_url, "https://bedrock-runtime.us-east-1.amazonaws.com");
    assert_str(p->aws.key_id, "AKID");
    assert_str(secret_reveal(p->aws.secret), "canary-3f9a");
    assert_str(secret_reveal(p->aws.session), "tcanary-3f9a");
    config_release(&c);
}

static void every_built_in_model_can_be_had(void **state)
{
    (void)state;
    struct config c;
    const struct kind *k;
    const struct builtin_model *m;
    for (unsigned i = 0; (k = kind_at(i)); i++) {
        if (k->key_variable)
            setenv(k->key_variable, "x", 1);
        if (k->address_variable)
            setenv(k->address_variable, "x", 1);
        if (k->region_variable)
            setenv(k->region_variable, "x", 1);
    }
    load(&c, NULL);
    for (unsigned i = 0; (m = builtin_model(i)); i++)
        assert_non_null(catalog_model(c.catalog, str_c(m->id)));
    config_release(&c);
}

static void ollamas_address_is_read_as_its_clients_read_it(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"127.0.0.1", "http://127.0.0.1:11434/v1"},
        {"box:5000", "http://box:5000/v1"},
        {"0.0.0.0", "http://127.0.0.1:11434/v1"},
        {"0.0.0.0:5000", "http://127.0.0.1:5000/v1"},
        {"http://box:5000/", "http://box:5000/v1"},
        {"https://ollama.example", "https://ollama.example/v1"},
        {"[::1]", "http://[::1]:11434/v1"},
        {"[::1]:5000", "http://[::1]:5000/v1"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct config c;
        setenv("OLLAMA_HOST", rows[i][0], 1);
        load(&c, NULL);
        assert_str(c.catalog->providers[0]->base_url, rows[i][1]);
        config_release(&c);
    }
}

static char *shown(const struct config_flags *flags)
{
    static char text[65536];
    struct fault f;
    struct buf out;
    buf_init(&out, sizeof text - 1);
    if (config_show(flags, &out, &f) != ERR_OK)
        fail_msg("%s", f.message);
    memcpy(text, out.p, out.n);
    text[out.n] = '\0';
    buf_release(&out);
    return text;
}

#define assert_has(text, part)                                                                     \
    do {                                                                                           \
        if (!strstr(text, part))                                                                   \
            fail_msg("no '%s' in:\n%s", part, text);                                               \
    } while (0)

static void the_shown_configuration_tells_where_each_value_comes_from(void **state)
{
    (void)state;
    struct config_flags flags = {.listen = STR("127.0.0.1:1")};
    setenv("TURNPIKE_DATA", "elsewhere", 1);
    setenv("XAI_API_KEY", "canary", 1);
    write_file("turnpike.yaml", whole);
    const char *text = shown(&flags);
    assert_has(text, "listen: \"127.0.0.1:1\"  # --listen\n");
    assert_has(text, "data: \"elsewhere\"  # TURNPIKE_DATA\n");
    assert_has(text, "workers: 3  # turnpike.yaml:3\n");
    assert_has(
        text,
        "limits:\n    body: 64KiB  # turnpike.yaml:11\n    connections: 7  # turnpike.yaml:11\n");
    assert_has(text, "        api_key: sk-...(hidden)  # turnpike.yaml:18\n");
    assert_has(text, "        connections: 8192  # default\n");
    assert_has(text, "    xai:\n        title: \"xAI\"  # built-in, by XAI_API_KEY\n");
    assert_has(text, "        - provider: \"openai\"  # turnpike.yaml:31\n          model: "
                     "\"gpt-4o-mini\"  # turnpike.yaml:32\n"
                     "          price:\n              prompt: 0.15  # turnpike.yaml:33\n");
    assert_has(text, "              cache_write: 0.15  # default\n");
    assert_null(strstr(text, "canary"));
}

static void passwords_of_databases_are_hidden(void **state)
{
    (void)state;
    static const struct config_flags none;
    write_file("turnpike.yaml", whole);
    const char *text = shown(&none);
    assert_has(text,
               "data: \"postgresql://user:(hidden)@db/turnpike?(hidden)\"  # turnpike.yaml:2\n");
    assert_null(strstr(text, "canary"));
}

/* What is shown is a configuration that says the same. */
static void the_shown_configuration_reads_back(void **state)
{
    (void)state;
    static char first[65536];
    static const struct config_flags none;
    struct config_flags again = {.config = STR("other.yaml")};
    char *comment;
    setenv("GROQ_API_KEY", "x", 1);
    write_file("turnpike.yaml", whole);
    snprintf(first, sizeof first, "%s", shown(&none));
    unsetenv("GROQ_API_KEY");
    write_file("other.yaml", first);
    char *second = shown(&again);
    for (char *a = first, *b = second; *a;
         a += *a == '\n', b += *b == '\n') { /* but for the origins */
        size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");
        comment = strstr(a, "  # ");
        assert_memory_equal(a, b, comment && comment < a + n ? (size_t)(comment - a) : n);
        a += n;
        b += m;
    }
}

/* Bytes changed, dropped and doubled anywhere: it is read or refused with a sentence, never told
 * whole. */
static void a_damaged_file_is_read_or_refused(void **state)
{
    (void)state;
    static const struct config_flags none;
    static const char odd[] = "\n:-[]{}&*!|>'\"%@`#,?$ \t0a\x01\xff";
    uint64_t seed = 2026;
    unsigned refused = 0;
    for (int round = 0; round < 1500; round++) {
        char text[sizeof whole + 8];
        struct config c;
        struct fault f = {.err = ERR_OK};
        memcpy(text, whole, sizeof whole);
        for (int change = 0; change < 1 + round % 4; change++) {
            size_t n = strlen(text), at = next_random(&seed) % n;
            if (next_random(&seed) % 3)
                text[at] = odd[next_random(&seed) % (sizeof odd - 1)];
            else
                memmove(text + at, text + at + 1, n - at);
        }
        write_file("turnpike.yaml", text);
        if (config_load(&c, &none, &f) == ERR_OK) {
            config_release(&c);
            continue;
        }
        refused++;
        assert_true(str_starts(str_c(f.message), STR("turnpike.yaml:")));
        assert_null(strstr(f.message, "canary"));
    }
    assert_in_range(refused, 300, 1499);
}

#define CONFIG_TEST(f) cmocka_unit_test_setup_teardown(f, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(without_a_file_the_defaults_stand),
        CONFIG_TEST(an_empty_file_says_nothing),
        CONFIG_TEST(every_setting_is_taken_over),
        CONFIG_TEST(models_bear_their_endpoints_in_order),
        CONFIG_TEST(models_that_make_vectors_have_no_completions_to_pay_for),
        CONFIG_TEST(anchors_are_followed),
        CONFIG_TEST(a_flag_beats_the_environment_which_beats_the_file),
        CONFIG_TEST(the_file_is_chosen_by_flag_then_environment_then_place),
        CONFIG_TEST(settings_alone_do_not_need_the_providers_credentials),
        CONFIG_TEST(mistakes_are_told_with_file_line_and_remedy),
        CONFIG_TEST(mistakes_outside_the_file_name_their_place),
        CONFIG_TEST(a_circle_of_aliases_does_no_harm),
        CONFIG_TEST(a_damaged_file_is_read_or_refused),
        CONFIG_TEST(a_well_known_variable_configures_its_provider),
        CONFIG_TEST(the_file_overrides_the_built_in_catalogue),
        CONFIG_TEST(a_provider_is_of_the_kind_it_is_named_like_or_said_to_be_of),
        CONFIG_TEST(what_is_supported_can_be_said_of_a_provider_and_of_an_endpoint),
        CONFIG_TEST(azure_is_configured_by_key_and_address),
        CONFIG_TEST(bedrock_is_configured_by_key_and_region),
        CONFIG_TEST(a_key_of_aws_is_read_and_hidden),
        CONFIG_TEST(every_built_in_model_can_be_had),
        CONFIG_TEST(ollamas_address_is_read_as_its_clients_read_it),
        CONFIG_TEST(the_shown_configuration_tells_where_each_value_comes_from),
        CONFIG_TEST(passwords_of_databases_are_hidden),
        CONFIG_TEST(the_shown_configuration_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
