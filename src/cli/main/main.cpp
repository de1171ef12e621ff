#include "cli/commands.h"

int main(int argc, char** argv) { return sobre::run_command_line(argc, argv); }
