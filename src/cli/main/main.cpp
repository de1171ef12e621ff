#include <fcntl.h>
#include <unistd.h>

#include "cli/commands.h"

namespace {

// A descriptor of standard input, output or error that is closed would be given to the next file that is opened, and messages
// would be written into it.
void open_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0) (void)!::open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY);
  }
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_descriptors();
  return sobre::run_command_line(argc, argv);
}
