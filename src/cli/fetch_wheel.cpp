// Archives: libzip reads the wheels.
#include <zip.h>

#include <memory>
#include <vector>

#include "cli/chat_interrupt.h"
#include "cli/fetch.h"

namespace sobre {

namespace {

constexpr size_t kBlock = 1 << 20;

struct CloseArchive {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct CloseMember {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

Result<std::unique_ptr<zip_t, CloseArchive>> open_archive(const std::string& path) {
  int code = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_RDONLY, &code);
  if (archive != nullptr) return std::unique_ptr<zip_t, CloseArchive>(archive);
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return fail("{}: not a readable zip archive: {}", path, text);
}

}  // namespace

Result<uint64_t> extract_member(const std::string& path, const std::string& member, uint64_t max_bytes, AtomicFile& out,
                                Sha256& digest, const std::function<void(uint64_t)>& progress) {
  TRY(const auto archive, open_archive(path));
  const zip_int64_t index = zip_name_locate(archive.get(), member.c_str(), ZIP_FL_ENC_RAW);
  if (index < 0) return fail("{}: no member {}", path, member);
  const std::unique_ptr<zip_file_t, CloseMember> file(zip_fopen_index(archive.get(), static_cast<zip_uint64_t>(index), 0));
  if (file == nullptr) return fail("{}: {}: {}", path, member, zip_strerror(archive.get()));
  std::vector<std::byte> block(kBlock);
  uint64_t done = 0;
  while (true) {
    const zip_int64_t n = zip_fread(file.get(), block.data(), block.size());
    if (n < 0) return fail("{}: {}: {}", path, member, zip_file_strerror(file.get()));
    if (n == 0) break;
    const auto read = std::span(block).first(static_cast<size_t>(n));
    if (read.size() > max_bytes - done) return fail("{}: {} is longer than the {} bytes expected", path, member, max_bytes);
    TRY_VOID(out.write(read));
    digest.update(read);
    done += read.size();
    if (progress) progress(done);
    if (interrupted()) return fail("cancelled");
  }
  return done;
}

}  // namespace sobre
