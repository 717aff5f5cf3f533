#include "unit/unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"

static void every_error_has_a_row(void **state)
{
    (void)state;
    for (int e = 0; e < ERR__COUNT; e++) {
        assert_in_range(err_status((enum err)e), 200, 505);
        assert_true(strlen(err_type((enum err)e)) > 0);
        assert_true(strlen(err_name((enum err)e)) > 0);
    }
    assert_int_equal(err_status(ERR_NO_CREDIT), 402);
    assert_string_equal(err_type(ERR_CONTEXT), "context_length_exceeded");
    assert_string_equal(err_name(ERR_TOO_BIG), "TOO_BIG");
}

static void a_fault_bears_its_code_and_sentence(void **state)
{
    (void)state;
    struct fault f = {ERR_OK, "untouched"};
    assert_int_equal(fault_set(&f, ERR_INVALID, "'%s' is %d", "n", 7), ERR_INVALID);
    assert_int_equal(f.err, ERR_INVALID);
    assert_string_equal(f.message, "'n' is 7");
    assert_int_equal(fault_set(NULL, ERR_NOMEM, "nobody reads this"), ERR_NOMEM);
}

static void a_long_sentence_is_cut_not_overrun(void **state)
{
    (void)state;
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct fault f;
    fault_write(&f, ERR_INVALID, "%s", text);
    assert_int_equal(strlen(f.message), sizeof f.message - 1);
}

static void a_bug_ends_the_process(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        close(STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        BUG_ON(pid == 0);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_row),
        cmocka_unit_test(a_fault_bears_its_code_and_sentence),
        cmocka_unit_test(a_long_sentence_is_cut_not_overrun),
        cmocka_unit_test(a_bug_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
