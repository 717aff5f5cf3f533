#include "app/config_yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <yaml.h>

#include "base/buf.h"
#include "base/map.h"

enum { FILE_MAX = 4 * 1024 * 1024, VALUE_MAX = 64 * 1024 };

struct config_file {
    char *path;
    struct buf text; /* lent to the parser while it reads */
    yaml_document_t document;
};

static yaml_node_t *node_of(struct config_node n)
{
    return n.id ? yaml_document_get_node(&n.file->document, n.id) : NULL;
}

/* --- asking --- */

const char *config_file_path(const struct config_file *file)
{
    return file->path;
}

static struct str scalar_of(const yaml_node_t *node)
{
    return str_of((const char *)node->data.scalar.value, node->data.scalar.length);
}

static bool says_nothing(const yaml_node_t *node)
{
    struct str s = scalar_of(node);
    bool is_plain = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return s.n == 0 || (is_plain && (str_eq(s, STR("~")) || str_eq(s, STR("null"))));
}

enum config_kind config_kind(struct config_node n)
{
    const yaml_node_t *node = node_of(n);
    if (!node)
        return CONFIG_NOTHING;
    switch (node->type) {
    case YAML_SCALAR_NODE:
        return says_nothing(node) ? CONFIG_NOTHING : CONFIG_SCALAR;
    case YAML_SEQUENCE_NODE:
        return CONFIG_LIST;
    case YAML_MAPPING_NODE:
        return CONFIG_TABLE;
    case YAML_NO_NODE:
        break;
    }
    return CONFIG_NOTHING;
}

struct config_node config_file_root(struct config_file *file)
{
    struct config_node root = {
        file, file && yaml_document_get_root_node(&file->document)}; /* the first node is 1 */
    return config_kind(root) == CONFIG_NOTHING ? (struct config_node){0} : root;
}

unsigned config_line(struct config_node n)
{
    const yaml_node_t *node = node_of(n);
    return node ? (unsigned)node->start_mark.line + 1 : 1;
}

struct str config_text(struct config_node n)
{
    return config_kind(n) == CONFIG_SCALAR ? scalar_of(node_of(n)) : STR_NONE;
}

size_t config_count(struct config_node n)
{
    const yaml_node_t *node = node_of(n);
    switch (config_kind(n)) {
    case CONFIG_LIST:
        return (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    case CONFIG_TABLE:
        return (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
    case CONFIG_SCALAR:
    case CONFIG_NOTHING:
        break;
    }
    return 0;
}

struct config_node config_item(struct config_node n, size_t i)
{
    BUG_ON(i >= config_count(n));
    const yaml_node_t *node = node_of(n);
    bool is_list = node->type == YAML_SEQUENCE_NODE;
    int id = is_list ? node->data.sequence.items.start[i] : node->data.mapping.pairs.start[i].value;
    return (struct config_node){n.file, id};
}

struct config_node config_name(struct config_node table, size_t i)
{
    BUG_ON(config_kind(table) != CONFIG_TABLE || i >= config_count(table));
    return (struct config_node){table.file, node_of(table)->data.mapping.pairs.start[i].key};
}

static struct config_node get_one(struct config_node table, struct str name)
{
    if (config_kind(table) != CONFIG_TABLE)
        return (struct config_node){0};
    for (size_t i = 0; i < config_count(table); i++) {
        if (str_eq(scalar_of(node_of(config_name(table, i))), name))
            return config_item(table, i);
    }
    return (struct config_node){0};
}

struct config_node config_get(struct config_node table, struct str path)
{
    while (path.p)
        table = get_one(table, str_cut(&path, '.'));
    return table;
}

/* --- sentences --- */

void config_fault_write(struct fault *f, struct config_node at, const char *fmt, ...)
{
    char sentence[sizeof f->message];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, ap);
    va_end(ap);
    fault_write(f, ERR_INVALID, "%s:%u: %s", at.file->path, config_line(at), sentence);
}

const char *config_nearest(struct str name, const char *const *candidates, size_t n)
{
    const char *nearest = n ? candidates[0] : NULL;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        size_t distance = str_distance(name, str_c(candidates[i]));
        if (distance < least) {
            least = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}

/* --- the environment --- */

/* *rest stands behind "${"; it moves behind the "}". */
static enum err add_variable(struct config_node n, struct str *rest, struct buf *out,
                             struct fault *f)
{
    char name[128];
    if (str_find(*rest, STR("}")) == rest->n)
        return config_fault_set(f, n, "a '${' has no '}'");
    struct str shown = str_cut(rest, '}');
    if (shown.n == 0 || shown.n >= sizeof name || memchr(shown.p, '\0', shown.n))
        return config_fault_set(f, n, "a '${...}' names no environment variable");
    memcpy(name, shown.p, shown.n);
    name[shown.n] = '\0';
    const char *value = getenv(name);
    if (!value)
        return config_fault_set(f, n, "the environment variable %s is not set", name);
    buf_add_c(out, value);
    return ERR_OK;
}

static enum err expand_to(struct config_node n, struct buf *out, struct fault *f)
{
    struct str rest = config_text(n);
    while (rest.n) {
        size_t at = str_find(rest, STR("${"));
        buf_add(out, str_head(rest, at));
        if (at == rest.n)
            break;
        rest = str_skip(rest, at + 2);
        enum err e = add_variable(n, &rest, out, f);
        if (e != ERR_OK)
            return e;
    }
    if (out->failed == ERR_TOO_BIG)
        return config_fault_set(f, n, "the value is longer than %d bytes", VALUE_MAX);
    if (out->n && memchr(out->p, '\0', out->n))
        return config_fault_set(f, n, "the value holds a NUL character");
    return out->failed == ERR_OK ? ERR_OK
                                 : fault_set(f, out->failed, "no memory for the configuration");
}

enum err config_expand(struct config_node n, struct arena *a, struct str *out, struct fault *f)
{
    struct buf text;
    buf_init(&text, VALUE_MAX);
    enum err e = expand_to(n, &text, f);
    if (e == ERR_OK) {
        *out = arena_str(a, buf_view(&text));
        if (!out->p)
            e = fault_set(f, ERR_NOMEM, "no memory for the configuration");
    }
    if (text.n)
        explicit_bzero(text.p, text.n);
    buf_release(&text);
    return e;
}

/* --- reading --- */

static enum err read_all(int fd, struct config_file *file, struct fault *f)
{
    for (;;) {
        if (buf_grow(&file->text, 4096) != ERR_OK)
            return fault_set(f, ERR_INVALID, "%s is larger than %d MiB", file->path,
                             FILE_MAX >> 20);
        ssize_t n = read(fd, file->text.p + file->text.n, 4096);
        if (n == 0)
            return ERR_OK;
        if (n < 0 && errno != EINTR)
            return fault_set(f, ERR_INVALID, "cannot read %s: %s", file->path, strerror(errno));
        file->text.n += n > 0 ? (size_t)n : 0;
    }
}

static enum err read_file(struct config_file *file, struct fault *f)
{
    int fd = open(file->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fault_set(f, ERR_INVALID, "cannot open %s: %s", file->path, strerror(errno));
    enum err e = read_all(fd, file, f);
    close(fd);
    return e;
}

/* A reader's error (bytes that are not UTF-8) knows only its offset. */
static size_t line_of_problem(const struct config_file *file, const yaml_parser_t *p)
{
    if (p->error != YAML_READER_ERROR)
        return p->problem_mark.line + 1;
    size_t line = 1;
    for (size_t i = 0; i < p->problem_offset && i < file->text.n; i++)
        line += file->text.p[i] == '\n';
    return line;
}

static enum err syntax_fault(const struct config_file *file, const yaml_parser_t *p,
                             struct fault *f)
{
    if (p->error == YAML_MEMORY_ERROR)
        return fault_set(f, ERR_NOMEM, "no memory to read %s", file->path);
    fault_write(f, ERR_INVALID, "%s:%zu: not valid YAML: %s%s%s", file->path,
                line_of_problem(file, p), p->problem ? p->problem : "it makes no sense",
                p->context ? " " : "", p->context ? p->context : "");
    return ERR_INVALID;
}

static enum err refuse_second_document(struct config_file *file, yaml_parser_t *p, struct fault *f)
{
    yaml_document_t next;
    if (!yaml_parser_load(p, &next))
        return syntax_fault(file, p, f);
    const yaml_node_t *root = yaml_document_get_root_node(&next);
    enum err e = ERR_OK;
    if (root)
        e = fault_set(f, ERR_INVALID,
                      "%s:%zu: a second document begins here; one is all there may be", file->path,
                      root->start_mark.line + 1);
    yaml_document_delete(&next);
    return e;
}

static enum err parse(struct config_file *file, struct fault *f)
{
    yaml_parser_t p;
    if (!yaml_parser_initialize(&p))
        return fault_set(f, ERR_NOMEM, "no memory to read %s", file->path);
    yaml_parser_set_input_string(&p, (const unsigned char *)file->text.p, file->text.n);
    enum err e = ERR_OK;
    if (!yaml_parser_load(&p, &file->document))
        e = syntax_fault(file, &p, f);
    else if (yaml_document_get_root_node(&file->document))
        e = refuse_second_document(file, &p, f);
    yaml_parser_delete(&p);
    return e;
}

static enum err check_name(struct config_node name, struct map *seen, struct fault *f)
{
    const yaml_node_t *node = node_of(name);
    if (node->type != YAML_SCALAR_NODE)
        return config_fault_set(f, name, "a setting's name must be text");
    struct str text = scalar_of(node);
    yaml_node_t *former = map_get(seen, text);
    if (former)
        return config_fault_set(f, name, "'%.*s' is there twice: first in line %zu",
                                (int)str_head(text, 60).n, text.p, former->start_mark.line + 1);
    if (map_put(seen, text, node_of(name)) != ERR_OK)
        return fault_set(f, ERR_NOMEM, "no memory for the configuration");
    return ERR_OK;
}

/* Over the document's nodes, not down its tree: an alias may lead round in a circle. */
static enum err check_names(struct config_file *file, struct fault *f)
{
    int n = (int)(file->document.nodes.top - file->document.nodes.start);
    enum err e = ERR_OK;
    for (int id = 1; id <= n && e == ERR_OK; id++) {
        struct config_node node = {file, id};
        struct map seen;
        if (config_kind(node) != CONFIG_TABLE)
            continue;
        map_init(&seen);
        for (size_t i = 0; i < config_count(node) && e == ERR_OK; i++)
            e = check_name(config_name(node, i), &seen, f);
        map_release(&seen);
    }
    return e;
}

struct config_file *config_file_read(struct str path, struct fault *f)
{
    struct config_file *file = calloc(1, sizeof *file);
    if (file)
        file->path = strndup(path.p, path.n);
    if (!file || !file->path) {
        fault_write(f, ERR_NOMEM, "no memory to read the configuration");
        free(file);
        return NULL;
    }
    buf_init(&file->text, FILE_MAX);
    enum err e = read_file(file, f);
    if (e == ERR_OK)
        e = parse(file, f);
    if (e == ERR_OK)
        e = check_names(file, f);
    if (e == ERR_OK)
        return file;
    config_file_free(file);
    return NULL;
}

void config_file_free(struct config_file *file)
{
    if (!file)
        return;
    yaml_document_delete(&file->document);
    if (file->text.n)
        explicit_bzero(file->text.p, file->text.n); /* it may hold credentials */
    buf_release(&file->text);
    free(file->path);
    free(file);
}
