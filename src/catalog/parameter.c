#include "catalog/parameter.h"

#include "base/bug.h"

static const struct str names[PARAMETER__COUNT] = {
#define X(code, name) [PARAMETER_##code] = STR_INIT(name),
    PARAMETER_TOLD_LIST(X) PARAMETER_OTHER_LIST(X)
#undef X
};

struct str parameter_name(unsigned p)
{
    BUG_ON(p >= PARAMETER__COUNT);
    return names[p];
}

uint64_t parameter_bit(struct str name)
{
    for (unsigned p = 0; p < PARAMETER__COUNT; p++) {
        if (str_eq(names[p], name))
            return UINT64_C(1) << p;
    }
    return 0;
}

bool parameter_set_parse(struct str list, uint64_t *out)
{
    *out = 0;
    while (list.p) {
        uint64_t bit = parameter_bit(str_trim(str_cut(&list, ',')));
        if (!bit)
            return false;
        *out |= bit;
    }
    return true;
}
