/* config_yaml.h: the configuration file as values that know their line (libyaml). "Nothing there"
 * is a value too, so that code reads as the question asked. Names that stand twice in a table are
 * refused when the file is read. */
#ifndef APP_CONFIG_YAML_H
#define APP_CONFIG_YAML_H

#include "base/arena.h"
#include "base/err.h"

struct config_file;

struct config_node {
    struct config_file *file;
    int id; /* 0: nothing there */
};

enum config_kind { CONFIG_NOTHING, CONFIG_SCALAR, CONFIG_LIST, CONFIG_TABLE };

/* NULL and a sentence. The nodes live as long as the file. */
struct config_file *config_file_read(struct str path, struct fault *f);
void config_file_free(struct config_file *file); /* NULL is fine */
const char *config_file_path(const struct config_file *file);
struct config_node config_file_root(struct config_file *file); /* of NULL: nothing */

/* A scalar that says nothing (empty, null, ~) is CONFIG_NOTHING. */
enum config_kind config_kind(struct config_node n);
unsigned config_line(struct config_node n);
/* Of a scalar: its text as it stands, lent. Else empty. */
struct str config_text(struct config_node n);
/* The scalar with each ${NAME} replaced from the environment, in the arena. */
enum err config_expand(struct config_node n, struct arena *a, struct str *out,
                       struct fault *f) MUST_USE;

/* Member of a table. A dotted name goes down: "limits.body". */
struct config_node config_get(struct config_node table, struct str path);
size_t config_count(struct config_node list_or_table);
struct config_node config_item(struct config_node list_or_table,
                               size_t i);                           /* a table's: the value */
struct config_node config_name(struct config_node table, size_t i); /* a scalar */

/* The sentence behind "FILE:LINE: ". ERR_INVALID. */
void config_fault_write(struct fault *f, struct config_node at, const char *fmt, ...) PRINTF(3, 4);
#define config_fault_set(f, at, ...) (config_fault_write(f, at, __VA_ARGS__), ERR_INVALID)

/* The candidate nearest to a misspelt name; NULL only without candidates. */
const char *config_nearest(struct str name, const char *const *candidates, size_t n);

#endif
