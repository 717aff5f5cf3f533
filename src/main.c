#include "app/cli.h"
#include "app/confine.h"

int main(int argc, char **argv)
{
    (void)confine_no_programs(); /* where the system can: no command ever starts one */
    return app_main(argc, argv);
}
