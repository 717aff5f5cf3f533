/* cli.h: from the command line to a command and back to an exit status: 0 done, 1 failed, 2 used
 * wrongly. */
#ifndef APP_CLI_H
#define APP_CLI_H

int app_main(int argc, char **argv);

#endif
