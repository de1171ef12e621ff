#include "hub/download.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>

#include "hub/following_sum.h"
#include "hub/hub_url.h"

namespace sobre {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kBadRanges = 2;             // then the whole file is asked for, and what is known of it skipped
constexpr int kMostAttempts = 1000;       // of one file in one call
constexpr int kTriesOnceBegun = 5;        // what has arrived is worth more than the time of another source's
constexpr uint64_t kGoodPiece = 1 << 20;  // an attempt that brought as much is followed by the next at once
constexpr uint64_t kWriteBack = 8 << 20;  // bytes handed to the disk at a time
constexpr auto kProgressEvery = std::chrono::milliseconds(50);

/// "bytes 500-999/1000"; a total of "*" is 0.
struct ContentRange {
  uint64_t first = 0, last = 0, total = 0;
};

std::optional<ContentRange> read_content_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return std::nullopt;
  text.remove_prefix(kUnit.size());
  const auto number = [&](uint64_t& out, std::string_view until) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc()) return false;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (!text.starts_with(until)) return false;
    text.remove_prefix(until.size());
    return true;
  };
  ContentRange range;
  if (!number(range.first, "-") || !number(range.last, "/")) return std::nullopt;
  if (text != "*" && (!number(range.total, "") || !text.empty())) return std::nullopt;
  return range;
}

class PartialFile {
 public:
  PartialFile() = default;
  ~PartialFile() {
    if (fd_ >= 0) close(fd_);
  }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  /// Opens or makes it. More bytes than the file may have are none.
  [[nodiscard]] Result<void> open(const std::string& path, uint64_t size) {
    path_ = path;
    fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    struct stat status{};
    if (fd_ < 0 || fstat(fd_, &status) != 0)
      return fail("{}: {}; check who may write there, or remove it", path, std::strerror(errno));
    if (!S_ISREG(status.st_mode)) return fail("{} is no regular file; remove it", path);
    have_ = static_cast<uint64_t>(status.st_size);
    return have_ > size ? clear() : Result<void>();
  }
  [[nodiscard]] Result<void> clear() {
    have_ = handed_over_ = 0;
    if (ftruncate(fd_, 0) != 0) return fail("{}: {}; remove it", path_, std::strerror(errno));
    return {};
  }
  [[nodiscard]] Result<void> append(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t put = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(have_));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) {
        return fail("{}: {}; free some space or set HF_HUB_CACHE to another disk (what has arrived is kept)", path_,
                    std::strerror(errno));
      }
      have_ += static_cast<uint64_t>(put);
      bytes.remove_prefix(static_cast<size_t>(put));
    }
    // The disk writes while the network brings the rest, so that the sync at the end finds little to do.
    if (have_ - handed_over_ >= kWriteBack) {
      (void)sync_file_range(fd_, static_cast<off_t>(handed_over_), static_cast<off_t>(have_ - handed_over_),
                            SYNC_FILE_RANGE_WRITE);
      handed_over_ = have_;
    }
    return {};
  }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] uint64_t have() const { return have_; }

 private:
  std::string path_;
  int fd_ = -1;
  uint64_t have_ = 0, handed_over_ = 0;
};

class FileDownload {
 public:
  FileDownload(HubHttp& http, const Download& what) : http_(http), what_(what) {}
  [[nodiscard]] Result<uint64_t> run();

 private:
  [[nodiscard]] Result<void> fetch_rest();
  [[nodiscard]] Result<void> attempt();
  [[nodiscard]] Result<void> judge(const HubResponse& response);
  [[nodiscard]] bool take(const HubResponse& head, std::string_view piece);
  [[nodiscard]] bool begins_well(const HubResponse& head);
  [[nodiscard]] Result<void> start_over();
  [[nodiscard]] bool is_hub(const std::string& url) const;
  void tell(bool now);

  HubHttp& http_;
  const Download& what_;
  PartialFile file_;
  std::unique_ptr<FollowingSum> sum_;  // after file_: it reads from there
  std::string signed_url_;             // where the hub sent us last; empty: ask the hub
  uint64_t fetched_ = 0;
  int bad_ranges_ = 0;  // answers in a row with another range than was asked for
  Clock::time_point told_{};

  // Of the attempt that runs.
  uint64_t from_ = 0;   // asked for from here
  uint64_t skip_ = 0;   // bytes of the answer that are known already
  bool begun_ = false;  // its head was judged
  std::string reason_;  // why it ended early
  std::optional<Error> fatal_;
  std::optional<HubResponse> refusal_;  // an answer that may say how long to wait
};

Result<uint64_t> FileDownload::run() {
  const HubFile& file = what_.file;
  TRY_VOID(file_.open(what_.partial, file.size));
  sum_ = std::make_unique<FollowingSum>(file_.fd(), file);
  std::string sum;
  for (int round = 0; round < 2; ++round) {
    sum_->advance(file_.have());
    TRY_VOID(fetch_rest());
    tell(true);
    auto finished = sum_->finish([this] { return http_.cancelled(); });
    if (!finished && finished.error().message == "cancelled") return fail("cancelled");
    if (!finished) return fail_in(what_.partial, finished.error());
    sum = std::move(*finished);
    if (sum == file.digest) return fetched_;
    signed_url_.clear();
    TRY_VOID(start_over());
  }
  unlink(what_.partial.c_str());
  return fail(
      "{}: what {} sends is not what its list says ({} is {}, not {}), twice; nothing of it was kept: try again later, or use "
      "another mirror (HF_ENDPOINT)",
      shown_text(file.path), shown_url(what_.url), file.digest.size() == 64 ? "SHA-256" : "git's SHA-1", sum, file.digest);
}

Result<void> FileDownload::start_over() {
  sum_.reset();
  TRY_VOID(file_.clear());
  sum_ = std::make_unique<FollowingSum>(file_.fd(), what_.file);
  return {};
}

Result<void> FileDownload::fetch_rest() {
  const uint64_t size = what_.file.size;
  int failures = 0;
  for (int attempts = 1; file_.have() < size; ++attempts) {
    const uint64_t before = file_.have();
    tell(true);
    TRY_VOID(attempt());
    if (file_.have() == size) break;
    if (http_.cancelled()) return fail("cancelled");
    const bool came = file_.have() > before;
    failures = came ? 0 : failures + 1;
    if (!came) signed_url_.clear();
    const int tries = file_.have() == 0 ? what_.tries : std::max(what_.tries, kTriesOnceBegun);
    if (failures >= tries && file_.have() == 0) {
      return fail("{}: {}{}", shown_text(what_.file.path), reason_,
                  failures > 1 ? fmt::format(" (given up after {} attempts)", failures) : "");
    }
    if (failures >= tries || attempts == kMostAttempts) {
      return fail("{}: {} (given up after {} attempts; the {} of {} bytes that came are kept, and the same pull goes on there)",
                  shown_text(what_.file.path), reason_, came ? attempts : failures, file_.have(), size);
    }
    const bool at_once = came && file_.have() - before >= kGoodPiece;
    if (!at_once && !http_.wait_for_try(std::max(2, failures + 1), refusal_ ? &*refusal_ : nullptr)) return fail("cancelled");
  }
  return {};
}

/// One request. What went wrong with it and may go right next time is in reason_; the error is what never will.
Result<void> FileDownload::attempt() {
  from_ = file_.have();
  skip_ = 0;
  begun_ = false;
  reason_.clear();
  refusal_.reset();
  HubHttp::Request request;
  request.url = signed_url_.empty() ? what_.url : signed_url_;
  request.from = bad_ranges_ < kBadRanges ? from_ : 0;
  request.sink = [this](const HubResponse& head, std::string_view piece) { return take(head, piece); };
  const Result<HubResponse> response = http_.send(request);
  if (fatal_) return std::unexpected(*fatal_);
  if (!response) {
    if (reason_.empty()) reason_ = response.error().message;
    return {};
  }
  return judge(*response);
}

Result<void> FileDownload::judge(const HubResponse& response) {
  if (response.status == 200 || response.status == 206) {
    if (!begun_) static_cast<void>(begins_well(response));  // a body of no bytes had no sink called
    if (reason_.empty()) reason_ = fmt::format("{} ended the file too early; try again", shown_url(response.url));
    return {};
  }
  if (response.status == 416) {
    reason_ = fmt::format(
        "{} says that the file ends before byte {}, and its list says {}; try again later, or use another "
        "mirror (HF_ENDPOINT)",
        shown_url(response.url), from_, what_.file.size);
    return start_over();
  }
  const std::string what = shown_text(what_.file.path);
  if (!is_hub(response.url) && !is_passing(response.status)) {  // an expired link; the hub gives a new one
    reason_ =
        fmt::format("{}, where the hub's link leads, answers {}; try again later", shown_url(response.url), response.status);
    return {};
  }
  std::string explained = explain_hub_error(response, http_.settings(), what_.repo, what);
  if (!is_passing(response.status)) return fail("{}", explained);
  reason_ = std::move(explained);
  refusal_ = response;
  return {};
}

bool FileDownload::is_hub(const std::string& url) const {
  const auto origin = url_origin(url), hub = url_origin(what_.url);
  return origin && hub && *origin == *hub;
}

/// Whether an answer is the part of the file that was asked for; sets reason_ when it is not.
bool FileDownload::begins_well(const HubResponse& head) {
  begun_ = true;
  const uint64_t size = what_.file.size;
  const auto bad = [&](std::string why) {
    reason_ = fmt::format("{} {}; try again later, or use another mirror (HF_ENDPOINT)", shown_url(head.url), why);
    return false;
  };
  if (!is_hub(head.url)) signed_url_ = head.url;
  uint64_t expected = size;
  if (head.status == 206) {
    const std::string header = head.header("content-range");
    const auto range = read_content_range(header);
    if (!range || range->first != from_ || (range->total != 0 && range->total != size)) {
      ++bad_ranges_;
      return bad(fmt::format("answers the range from {} of {} bytes with \"{}\"", from_, size, shown_text(header, 60)));
    }
    expected -= from_;
  } else {
    skip_ = from_;
  }
  const std::string length = head.header("content-length");
  if (!length.empty() && length != std::to_string(expected)) {
    if (head.status == 206) ++bad_ranges_;
    return bad(fmt::format("sends {} bytes where its list says {}", shown_text(length, 30), expected));
  }
  bad_ranges_ = 0;
  return true;
}

/// The sink.
bool FileDownload::take(const HubResponse& head, std::string_view piece) {
  if (!begun_ && !begins_well(head)) return false;
  fetched_ += piece.size();
  const uint64_t known = std::min<uint64_t>(skip_, piece.size());
  skip_ -= known;
  piece.remove_prefix(known);
  if (piece.size() > what_.file.size - file_.have()) {
    reason_ = fmt::format("{} sends more than the {} bytes of its list; try again later, or use another mirror (HF_ENDPOINT)",
                          shown_url(head.url), what_.file.size);
    return false;
  }
  if (auto written = file_.append(piece); !written) {
    fatal_ = written.error();
    return false;
  }
  sum_->advance(file_.have());
  tell(false);
  return true;
}

void FileDownload::tell(bool now) {
  if (!what_.progress || (!now && Clock::now() - told_ < kProgressEvery)) return;
  told_ = Clock::now();
  what_.progress(file_.have());
}

}  // namespace

Result<uint64_t> download_file(HubHttp& http, const Download& download) { return FileDownload(http, download).run(); }

}  // namespace sobre
