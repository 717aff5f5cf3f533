/* CVE-2026-42271, CVE-2026-30623 (LiteLLM), CVE-2026-90898 (Bifrost): "no exec anywhere; seccomp
 * without execve". */
#include "unit/unit.h"

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/confine.h"

static char *const nothing[] = {"true", NULL};

/* Whether a program was refused; exits 0 where it was not. */
static void *try_both(void *arg)
{
    bool *refused = arg;
    *refused = execve("/bin/true", nothing, NULL) == -1 && errno == EPERM &&
               syscall(SYS_execveat, -100, "/bin/true", nothing, NULL, 0) == -1 && errno == EPERM;
    return NULL;
}

enum { REFUSED = 42, CANNOT = 43, ELSE = 44 };

/* In a child, as there is no way back. */
static int run_child(bool on_thread, bool confined)
{
    pid_t pid = fork();
    assert_int_not_equal(pid, -1);
    if (pid == 0) {
        bool refused = false;
        pthread_t thread;
        if (confined && !confine_no_programs())
            _exit(CANNOT);
        if (!on_thread)
            try_both(&refused);
        else if (pthread_create(&thread, NULL, try_both, &refused) == 0)
            pthread_join(thread, NULL);
        _exit(refused ? REFUSED : ELSE);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void no_program_can_be_started(void **state)
{
    (void)state;
    int status = run_child(false, true);
    if (status == CANNOT)
        skip();
    assert_int_equal(status, REFUSED);
    assert_int_equal(run_child(true, true), REFUSED);
    assert_int_equal(run_child(false, false), 0); /* that it would have been one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_program_can_be_started)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
