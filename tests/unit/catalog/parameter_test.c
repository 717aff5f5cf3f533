#include "unit/unit.h"

#include "base/bug.h"
#include "catalog/parameter.h"

static void every_parameter_is_found_by_its_name(void **state)
{
    (void)state;
    for (unsigned p = 0; p < PARAMETER__COUNT; p++)
        assert_int_equal(parameter_bit(parameter_name(p)), UINT64_C(1) << p);
    assert_int_equal(parameter_bit(STR("temperatur")), 0);
    assert_int_equal(parameter_bit(STR("Temperature")), 0);
    assert_int_equal(parameter_bit(STR_NONE), 0);
}

static void lists_are_sets(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        uint64_t set;
    } rows[] = {
        {"seed", PARAMETER_BIT(SEED)},
        {"seed,tools", PARAMETER_BIT(SEED) | PARAMETER_BIT(TOOLS)},
        {" tools , seed,tools", PARAMETER_BIT(SEED) | PARAMETER_BIT(TOOLS)},
        {"tool_choice:required", PARAMETER_BIT(TOOL_CHOICE_REQUIRED)},
    };
    static const char *const wrong[] = {"", "seeds", "seed,", ",seed", "seed tools"};
    uint64_t set;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_true(parameter_set_parse(str_c(rows[i].list), &set));
        assert_int_equal(set, rows[i].set);
    }
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(parameter_set_parse(str_c(wrong[i]), &set));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_parameter_is_found_by_its_name),
        cmocka_unit_test(lists_are_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
