#include "meter/cpu_power.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>
#include <utility>

namespace sobre {

namespace {

constexpr size_t kMaxCpuInfoBytes = 32 << 20;
constexpr int kMaxCpus = 1 << 16;
constexpr double kCoreBusyW = 5;  // B.4 of the facts: 4 to 5 W for a busy core
constexpr double kCoreIdleW = 1;
// The first processors to be busy draw more than the last: they boost, and wake what all share. Of 1.0 to 1.6, the middle.
constexpr double kBend = 1.15;
constexpr double kStealLookS = 1;

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && std::isspace(static_cast<unsigned char>(s.front())) != 0) s.remove_prefix(1);
  while (!s.empty() && std::isspace(static_cast<unsigned char>(s.back())) != 0) s.remove_suffix(1);
  return s;
}

// A name from outside is shown to people and kept in files: printable ASCII, of bounded length.
std::string clean_name(std::string_view name) {
  constexpr size_t kMaxName = 120;
  std::string out;
  for (const char c : name.substr(0, kMaxName)) out += c >= 0x20 && c < 0x7f ? c : '?';
  return out;
}

bool word_letter(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '+'; }

// `word` in `text`, with no letter or digit beside it.
bool has_word(std::string_view text, std::string_view word) {
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || !word_letter(text[at - 1])) && (end == text.size() || !word_letter(text[end]))) return true;
  }
  return false;
}

bool has_all_words(std::string_view text, std::string_view words) {
  while (!words.empty()) {
    const size_t end = std::min(words.find(' '), words.size());
    if (!has_word(text, words.substr(0, end))) return false;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return true;
}

int bounded(std::string_view value) {
  const std::optional<uint64_t> n = parse_whole_number(value);
  return n && *n <= kMaxCpus ? static_cast<int>(*n) : 0;
}

// The share of its rated power that a package draws without work: large parts keep memory controllers and links awake, those of
// laptops sleep. Assumed, from published idle readings: a third of 225 W, a tenth to a fifth of desktop parts, 1 to 2 W of 15
// W.
double idle_share(const CpuRating& rating) {
  constexpr double kLaptopW = 30;
  if (rating.tdp_w <= kLaptopW) return 0.08;
  const bool server = has_word(rating.words, "Xeon") || has_word(rating.words, "EPYC") || has_word(rating.words, "ARM");
  return server ? 0.28 : 0.15;
}

int64_t to_uj(double joules) { return static_cast<int64_t>(std::llround(std::clamp(joules * 1e6, 0.0, 4e18))); }

class CpuModelSource final : public EnergySource {
 public:
  CpuModelSource(const CpuPowerModel& model, ProcessorClock clock, double now_s)
      : model_(model), paid_(std::move(clock)), last_s_(now_s) {
    method_ = {model.method, model.boundary, model.low_factor, model.high_factor, true};
    (void)paid_.next(now_s);
  }

  EnergyDelta read(double now_s) override {
    const double span = std::max(0.0, now_s - last_s_);
    last_s_ = std::max(last_s_, now_s);
    // More than all processors for the whole time is a clock's rounding (ticks), which must not be charged twice.
    const double busy_s = std::min(paid_.next(now_s) + owed_s_, span * model_.cpus + kTickS);
    owed_s_ = std::max(0.0, busy_s - span * model_.cpus);
    const double idle = model_.idle_w * span;
    const double active = kBend * (model_.full_w - model_.idle_w) / model_.cpus * (busy_s - owed_s_);
    EnergyDelta delta;
    delta.energy.value_uj = to_uj(idle + active);
    delta.energy.low_uj = to_uj((idle + active) * model_.low_factor);
    delta.energy.high_uj = to_uj((idle + active) * model_.high_factor);
    delta.idle_uj = std::min(to_uj(idle), delta.energy.value_uj);
    return delta;
  }
  const EnergyMethod& method() const override { return method_; }

 private:
  static constexpr double kTickS = 0.02;
  CpuPowerModel model_;
  EnergyMethod method_;
  PaidSeconds paid_;
  double last_s_;
  double owed_s_ = 0;  // processor seconds of a tick that belong to the next window
};

}  // namespace

Result<CpuInfo> parse_cpu_info(std::string_view text) {
  CpuInfo info;
  std::set<std::pair<int, int>> cores;
  std::set<int> sockets;
  std::string implementer, part;
  int socket = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view key = trimmed(line.substr(0, colon)), value = trimmed(line.substr(colon + 1));
    if (key == "processor" && parse_whole_number(value)) ++info.cpus;
    if (key == "model name" && info.name.empty()) info.name = clean_name(value);
    if (key == "vendor_id" && info.vendor.empty()) info.vendor = clean_name(value);
    if (key == "CPU implementer" && implementer.empty()) implementer = clean_name(value);
    if (key == "CPU part" && part.empty()) part = clean_name(value);
    if (key == "physical id") sockets.insert(socket = bounded(value));
    if (key == "core id" && cores.size() < kMaxCpus) cores.emplace(socket, bounded(value));
    if (key == "flags" && !info.virtual_machine) info.virtual_machine = has_word(value, "hypervisor");
  }
  if (info.cpus == 0 || info.cpus > kMaxCpus) return fail("it lists {} processors, 1 to {} are expected", info.cpus, kMaxCpus);
  if (info.name.empty() && !part.empty()) info.name = fmt::format("ARM implementer {} part {}", implementer, part);
  info.sockets = std::max<int>(1, static_cast<int>(sockets.size()));
  info.cores = std::min(static_cast<int>(cores.size()), info.cpus);
  return info;
}

Result<CpuInfo> read_cpu_info(const std::string& proc) {
  const std::string path = proc + "/cpuinfo";
  TRY(const std::string text, read_system_file(path, kMaxCpuInfoBytes));
  Result<CpuInfo> info = parse_cpu_info(text);
  if (!info) return fail_in(path, info.error());
  return info;
}

const CpuRating* find_cpu_rating(std::string_view name) {
  // "Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz": the marks stand between words.
  std::string plain(name);
  for (const std::string_view mark : {"(R)", "(TM)", "(r)", "(tm)"}) {
    for (size_t at = plain.find(mark); at != std::string::npos; at = plain.find(mark, at)) plain.replace(at, mark.size(), " ");
  }
  const CpuRating* best = nullptr;
  for (const CpuRating& rating : cpu_ratings()) {
    if (has_all_words(plain, rating.words) && (best == nullptr || rating.words.size() > best->words.size())) best = &rating;
  }
  return best;
}

std::optional<CpuPowerModel> table_power_model(const CpuInfo& cpu) {
  const CpuRating* rating = find_cpu_rating(cpu.name);
  if (rating == nullptr) return std::nullopt;
  // ARM's cpuinfo tells neither sockets nor a hypervisor; a part of a virtual machine's size is the more usual by far.
  const bool by_threads = cpu.virtual_machine || (cpu.vendor.empty() && rating->family);
  const int threads = cpu.virtual_machine ? std::min(cpu.cpus, rating->threads) : cpu.cpus;
  const double sockets = by_threads ? static_cast<double>(threads) / rating->threads : cpu.sockets;
  CpuPowerModel model;
  model.method = "estimate-tdp";
  model.full_w = rating->tdp_w * sockets;
  model.idle_w = idle_share(*rating) * model.full_w;
  model.cpus = cpu.cpus;
  model.low_factor = 0.51;
  model.high_factor = 2;
  const std::string what = rating->family ? fmt::format("a usual part of the family '{}'", rating->words) : cpu.name;
  model.boundary = by_threads ? fmt::format(
                                    "processor packages, modelled: {} of {} threads of {}, rated {:g} W; no memory, disks, "
                                    "fans or power supply",
                                    threads, rating->threads, what, rating->tdp_w)
                              : fmt::format(
                                    "processor packages, modelled: {} x {}, rated {:g} W; no memory, disks, fans or power "
                                    "supply",
                                    cpu.sockets, what, rating->tdp_w);
  return model;
}

CpuPowerModel core_power_model(const CpuInfo& cpu) {
  const bool x86 = !cpu.vendor.empty();
  const double cores = cpu.virtual_machine && x86 ? 0.5 * cpu.cpus : cpu.cores > 0 ? cpu.cores : cpu.cpus;
  CpuPowerModel model;
  model.method = "estimate-cores";
  model.full_w = kCoreBusyW * cores;
  model.idle_w = kCoreIdleW * cores;
  model.cpus = std::max(1, cpu.cpus);
  model.low_factor = 0.34;
  model.high_factor = 3;
  model.boundary = fmt::format(
      "processor packages, modelled: {:g} cores of {:g} W each; no memory, disks, fans or power supply", cores, kCoreBusyW);
  return model;
}

double largest_socket_power_w(const CpuInfo& cpu) {
  constexpr double kUnknownW = 1200;
  const CpuRating* rating = find_cpu_rating(cpu.name);
  if (rating == nullptr || rating->family) return kUnknownW;
  return std::max(3 * rating->tdp_w, rating->tdp_w + 100);
}

PaidSeconds::PaidSeconds(ProcessorClock clock) : clock_(std::move(clock)) {
  if (clock_.seconds) seconds_ = clock_.seconds();
}

double PaidSeconds::next(double now_s) {
  if (!clock_.seconds) return 0;
  if (clock_.machine && (!looked_ || now_s - looked_s_ >= kStealLookS)) {
    const std::optional<MachineSeconds> now = clock_.machine();
    if (now && machine_) {
      const double busy = std::max(0.0, now->busy_s - machine_->busy_s);
      const double steal = std::max(0.0, now->steal_s - machine_->steal_s);
      if (busy + steal > 0) kept_ = busy / (busy + steal);
    }
    machine_ = now;
    looked_ = true;
    looked_s_ = now_s;
  }
  const double before = seconds_;
  seconds_ = std::max(before, clock_.seconds());
  return (seconds_ - before) * kept_;
}

std::unique_ptr<EnergySource> cpu_model_source(const CpuPowerModel& model, ProcessorClock clock, double now_s) {
  return std::make_unique<CpuModelSource>(model, std::move(clock), now_s);
}

}  // namespace sobre
