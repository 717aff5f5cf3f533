/* shape.h: what kind of value each known member of a client's request or of a provider's answer must
 * be, as tables: one walk checks it against its format's table, and the sentence of what is wrong names
 * the member by its whole path. What is not in a table is not looked at: it is another's to judge. */
#ifndef DIALECT_SHAPE_H
#define DIALECT_SHAPE_H

#include "json/read.h"

enum shape_kind {
    SHAPE_STRING = 1,
    SHAPE_BOOLEAN = 2,
    SHAPE_NUMBER = 4, /* low..high */
    SHAPE_COUNT = 8,  /* a whole number, low..high */
    SHAPE_OBJECT = 16,
    SHAPE_ARRAY = 32,
    SHAPE_ANY = 63 - SHAPE_COUNT,
};

/* One member. null is fine in place of any, as what is not there. */
struct shape {
    struct str name;
    uint8_t kinds;    /* enum shape_kind, a bit each */
    double low, high; /* of numbers; both 0: any */
    uint8_t items;    /* what the elements of an array must be; 0: anything */
    /* Of the object, or of the objects in the array: up to a row without a name; NULL: not looked
     * into. */
    const struct shape *members;
};
/* Rows: of this kind; a number in this range; an object with these members; an array of these, which
 * have these members where they are objects. */
#define SHAPE_IS(text, kind)                                                                       \
    {                                                                                              \
        .name = STR_INIT(text), .kinds = (kind)                                                    \
    }
#define SHAPE_IN(text, kind, least, most)                                                          \
    {                                                                                              \
        .name = STR_INIT(text), .kinds = (kind), .low = (least), .high = (most)                    \
    }
#define SHAPE_OF(text, kind, rows)                                                                 \
    {                                                                                              \
        .name = STR_INIT(text), .kinds = (kind), .members = (rows)                                 \
    }
#define SHAPE_LIST(text, kind, each, rows)                                                         \
    {                                                                                              \
        .name = STR_INIT(text), .kinds = (kind), .items = (each), .members = (rows)                \
    }
/* What answers are made of: a text, a place in a list, an object, a list of objects. */
#define SHAPE_TEXT(text)        SHAPE_IS(text, SHAPE_STRING)
#define SHAPE_INDEX(text)       SHAPE_IN(text, SHAPE_COUNT, 0, UINT32_MAX)
#define SHAPE_PART(text, rows)  SHAPE_OF(text, SHAPE_OBJECT, rows)
#define SHAPE_PARTS(text, rows) SHAPE_LIST(text, SHAPE_ARRAY, SHAPE_OBJECT, rows)
#define SHAPE_END                                                                                  \
    {                                                                                              \
        .name = { NULL, 0 }                                                                        \
    }

/* Where a value stands: "messages[2].content". On the stack, from the inside out. */
struct shape_place {
    const struct shape_place *up; /* NULL: the body itself */
    struct str name;              /* of a member; p NULL: an element */
    size_t index;
};

/* ERR_INVALID: "WHERE: expected a string or an array, got a number". `up`: where the member's object
 * is. As deep as the tables, whatever the request. */
enum err shape_check(const struct shape *s, struct json v, const struct shape_place *up,
                     struct fault *f) MUST_USE;
/* All members of an object. */
enum err shape_check_members(const struct shape *rows, struct json object,
                             const struct shape_place *at, struct fault *f) MUST_USE;

/* Whether it is a number within. Only for range checks of sampling parameters: money never passes
 * here. */
bool shape_number_in(struct json v, double low, double high);

#endif
