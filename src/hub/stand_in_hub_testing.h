// A stand-in for the hub: repositories behind the addresses, headers and errors of Hugging Face's, on one port, and a second
// host ("cdn") on another, to which signed links that expire lead. For tests and benchmarks.
#pragma once

#include <cstdlib>
#include <memory>
#include <optional>

#include "base/json.h"
#include "digest/git_blob.h"
#include "digest/sha256.h"
#include "hub/hub_types.h"
#include "hub/stand_in_http_testing.h"

namespace sobre::stand_in {

struct StoredFile {
  std::string_view bytes;
  bool lfs = false;
  std::string git, sha256;  // digests, in hexadecimal digits

  [[nodiscard]] const std::string& digest() const { return lfs ? sha256 : git; }
};

struct Repo {
  std::string commit = "0123456789abcdef0123456789abcdef01234567";
  std::map<std::string, StoredFile> files;
  Json card = Json::Object{};          // cardData
  Json config = nullptr;               // config
  std::vector<std::string> tags = {};  // of the search
  uint64_t downloads = 0;
  bool is_private = false, gated = false, disabled = false;
  std::string renamed_to;
};

class Hub {
 public:
  Hub()
      : hub_("hub", [this](const Request& r) { return answer_hub(r); }),
        cdn_("cdn", [this](const Request& r) { return answer_cdn(r); }) {
    setenv("no_proxy", "127.0.0.1", 1);  // a proxy of the machine's has no business here
  }
  ~Hub() { stop(); }

  /// Adds a repository or changes it; before the first request.
  Repo& repo(const std::string& id) { return repos_[id]; }
  /// Adds a file; its bytes are kept here, or are the caller's (`keep` false) and outlive this.
  void add(const std::string& id, const std::string& path, std::string_view bytes, bool lfs, bool keep = true) {
    if (keep) bytes = *kept_.emplace_back(std::make_unique<std::string>(bytes));
    StoredFile file{bytes, lfs, git_blob(bytes), hex(sobre::sha256(bytes))};
    by_digest_[file.sha256] = file;
    repos_[id].files[path] = file;
  }
  void stop() {
    hub_.stop();
    cdn_.stop();
  }

  [[nodiscard]] HttpServer& hub() { return hub_; }
  [[nodiscard]] HttpServer& cdn() { return cdn_; }
  [[nodiscard]] std::string url() const { return hub_.url(); }
  /// Settings with which tests are quick.
  [[nodiscard]] HubSettings settings(const std::string& cache) const {
    HubSettings settings;
    settings.endpoint = url();
    settings.cache = cache;
    settings.metadata_timeout_s = 2;
    settings.stall_timeout_s = 2;
    settings.retry_wait_s = 0.005;
    return settings;
  }

  /// Links are good for so many requests.
  void links_live(int requests) { link_uses_ = requests; }
  /// Every link that was given out is refused from now on.
  void expire_links() { ++generation_; }
  void set_page_size(size_t entries) { page_size_ = entries; }
  /// The token that may read what is private or gated.
  void set_token(const std::string& token) { token_ = token; }

 private:
  static Answer error(int status, const std::string& code, const std::string& message) {
    Answer answer;
    answer.status = status;
    if (!code.empty()) answer.headers += "X-Error-Code: " + code + "\r\n";
    answer.headers += "X-Error-Message: " + message + "\r\nX-Request-Id: Root=1-stand-in\r\n";
    answer.own_body = Json(Json::Object{{"error", Json(message)}}).dump();
    return answer;
  }
  static Answer json(const Json& value) {
    Answer answer;
    answer.headers = "Content-Type: application/json; charset=utf-8\r\n";
    answer.own_body = value.dump();
    return answer;
  }

  static std::string decoded(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '%' && i + 2 < text.size()) {
        out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
        i += 2;
      } else {
        out += text[i];
      }
    }
    return out;
  }
  static std::string parameter(const std::string& target, const std::string& name) {
    for (size_t at = target.find('?'); at != std::string::npos; at = target.find('&', at + 1)) {
      if (target.compare(at + 1, name.size() + 1, name + "=") != 0) continue;
      const size_t begin = at + name.size() + 2;
      return decoded(target.substr(begin, target.find('&', begin) - begin));
    }
    return {};
  }
  static std::vector<std::string> parts(std::string_view path) {
    std::vector<std::string> out;
    while (!path.empty()) {
      path.remove_prefix(1);  // the slash
      const size_t end = std::min(path.find('/'), path.size());
      out.push_back(decoded(path.substr(0, end)));
      path.remove_prefix(end);
    }
    return out;
  }

  Answer answer_hub(const Request& request) {
    const std::string path = request.target.substr(0, request.target.find('?'));
    const std::vector<std::string> part = parts(path);
    if (path == "/api/models") return search(request.target);
    if (path.starts_with("/api/models/") && part.size() >= 4) {
      const std::string id = part[2] + "/" + part[3];
      if (auto refused = refuse(request, id)) return *refused;
      const Repo& repo = repos_.at(id);
      if (part.size() >= 6 && part[5] != "main" && part[5] != repo.commit && part[5] != "refs/pr/1")
        return error(404, "RevisionNotFound", "Invalid rev id: " + part[5]);
      if (part.size() == 6 && part[4] == "tree") return tree(request.target, id);
      return describe(id);
    }
    if (part.size() >= 5 && part[2] == "resolve") {
      const std::string id = part[0] + "/" + part[1];
      if (auto refused = refuse(request, id)) return *refused;
      std::string name = part[4];
      for (size_t i = 5; i < part.size(); ++i) name += "/" + part[i];
      return resolve(id, name);
    }
    return error(404, "", "Sorry, we can't find the page you are looking for.");
  }

  std::optional<Answer> refuse(const Request& request, const std::string& id) const {
    const std::string authorization = request.header("authorization");
    const bool has_token = !authorization.empty();
    if (has_token && authorization != "Bearer " + token_) return error(401, "", "Invalid credentials in Authorization header");
    const auto found = repos_.find(id);
    if (found == repos_.end() || (found->second.is_private && !has_token))
      return error(has_token ? 404 : 401, "RepoNotFound", "Repository not found");
    const Repo& repo = found->second;
    if (repo.disabled) return error(403, "", "Access to this resource is disabled.");
    if (repo.gated && request.target.find("/resolve/") != std::string::npos && !has_token)
      return error(401, "GatedRepo", "Access to model " + id + " is restricted. You must have access to it.");
    if (repo.renamed_to.empty()) return std::nullopt;
    Answer moved;
    moved.status = 307;
    std::string target = request.target;
    target.replace(target.find(id), id.size(), repo.renamed_to);
    moved.headers = "Location: " + target + "\r\n";
    return moved;
  }

  Answer describe(const std::string& id) const {
    const Repo& repo = repos_.at(id);
    Json::Array siblings;
    for (const auto& [path, file] : repo.files) siblings.emplace_back(Json::Object{{"rfilename", Json(path)}});
    Json out = Json::Object{};
    out.set("id", id);
    out.set("modelId", id);
    out.set("sha", repo.commit);
    out.set("private", repo.is_private);
    out.set("gated", repo.gated ? Json("auto") : Json(false));
    out.set("disabled", repo.disabled);
    out.set("tags", Json::Array{});
    out.set("downloads", repo.downloads);
    out.set("likes", 1);
    out.set("cardData", repo.card);
    out.set("siblings", std::move(siblings));
    if (!repo.config.is_null()) out.set("config", repo.config);
    return json(out);
  }

  Answer tree(const std::string& target, const std::string& id) const {
    const Repo& repo = repos_.at(id);
    const std::string cursor = parameter(target, "cursor");
    const size_t begin = cursor.empty() ? 0 : std::stoul(cursor);
    Json::Array entries;
    size_t index = 0;
    std::set<std::string> folders;
    for (const auto& [path, file] : repo.files) {
      const size_t number = index++;
      if (number < begin || number >= begin + page_size_) continue;
      if (const size_t slash = path.find('/'); slash != std::string::npos && folders.insert(path.substr(0, slash)).second) {
        entries.emplace_back(Json::Object{
            {"type", Json("directory")}, {"oid", Json(file.git)}, {"size", Json(0)}, {"path", Json(path.substr(0, slash))}});
      }
      Json entry = Json::Object{};
      entry.set("type", "file");
      entry.set("oid", file.git);
      entry.set("size", static_cast<uint64_t>(file.bytes.size()));
      entry.set("path", path);
      if (file.lfs) {
        Json lfs = Json::Object{};
        lfs.set("oid", file.sha256);
        lfs.set("size", static_cast<uint64_t>(file.bytes.size()));
        lfs.set("pointerSize", 134);
        entry.set("lfs", std::move(lfs));
      }
      entries.push_back(std::move(entry));
    }
    Answer answer = json(std::move(entries));
    if (begin + page_size_ < repo.files.size()) answer.headers += next_link(target, begin + page_size_);
    return answer;
  }

  [[nodiscard]] std::string next_link(const std::string& target, size_t cursor) const {
    const std::string base = target.substr(0, target.find("&cursor="));
    return "Link: <" + url() + base + "&cursor=" + std::to_string(cursor) + ">; rel=\"next\"\r\n";
  }

  Answer search(const std::string& target) const {
    const std::string words = parameter(target, "search"), filter = parameter(target, "filter");
    const std::string limit_text = parameter(target, "limit"), cursor = parameter(target, "cursor");
    const size_t begin = cursor.empty() ? 0 : std::stoul(cursor);
    const size_t limit = std::min(page_size_, limit_text.empty() ? size_t{1000} : std::stoul(limit_text));
    std::vector<std::pair<uint64_t, std::string>> found;
    for (const auto& [id, repo] : repos_) {
      const bool fits = filter.empty() || std::find(repo.tags.begin(), repo.tags.end(), filter) != repo.tags.end();
      if (fits && id.find(words) != std::string::npos) found.emplace_back(repo.downloads, id);
    }
    std::sort(found.rbegin(), found.rend());
    Json::Array hits;
    for (size_t i = begin; i < std::min(found.size(), begin + limit); ++i) {
      const Repo& repo = repos_.at(found[i].second);
      Json::Array tags;
      for (const std::string& tag : repo.tags) tags.emplace_back(tag);
      Json safetensors = Json::Object{};
      safetensors.set("total", uint64_t{361'821'120});
      Json hit = Json::Object{};
      hit.set("id", found[i].second);
      hit.set("downloads", repo.downloads);
      hit.set("likes", 7);
      hit.set("tags", std::move(tags));
      hit.set("gated", repo.gated ? Json("manual") : Json(false));
      hit.set("safetensors", std::move(safetensors));
      hits.push_back(std::move(hit));
    }
    Answer answer = json(std::move(hits));
    if (begin + limit < found.size()) answer.headers += next_link(target, begin + limit);
    return answer;
  }

  Answer resolve(const std::string& id, const std::string& name) {
    const Repo& repo = repos_.at(id);
    const auto found = repo.files.find(name);
    if (found == repo.files.end()) return error(404, "EntryNotFound", "Entry not found");
    const StoredFile& file = found->second;
    Answer answer;
    answer.headers = "X-Repo-Commit: " + repo.commit + "\r\n";
    if (!file.lfs) {
      answer.etag = "\"" + file.git + "\"";
      answer.headers += "ETag: " + answer.etag + "\r\n";
      answer.body = file.bytes;
      answer.ranges = true;
      return answer;
    }
    answer.status = 302;
    answer.headers += "X-Linked-Etag: \"" + file.sha256 + "\"\r\nX-Linked-Size: " + std::to_string(file.bytes.size()) +
                      "\r\nLocation: " + cdn_.url() + "/blob/" + file.sha256 + "?signature=secret-" + std::to_string(++links_) +
                      "&generation=" + std::to_string(generation_) + "\r\n";
    return answer;
  }

  Answer answer_cdn(const Request& request) {
    const std::string digest = request.target.substr(6, 64);
    const auto found = by_digest_.find(digest);
    if (found == by_digest_.end()) return error(404, "", "no such blob");
    if (!request.header("authorization").empty()) return error(400, "", "only one way of authorization is allowed");
    const std::lock_guard lock(links_mutex_);
    if (parameter(request.target, "generation") != std::to_string(generation_)) return error(403, "", "the link has expired");
    if (++used_[parameter(request.target, "signature")] > link_uses_) return error(403, "", "the link has expired");
    Answer answer;
    answer.etag = "\"cdn-" + digest + "\"";
    answer.headers = "ETag: " + answer.etag + "\r\n";
    answer.body = found->second.bytes;
    answer.ranges = true;
    return answer;
  }

  std::map<std::string, Repo> repos_;
  std::map<std::string, StoredFile> by_digest_;
  std::vector<std::unique_ptr<std::string>> kept_;
  std::string token_ = "hf_good";
  size_t page_size_ = 1000;
  std::atomic<int> generation_ = 0, links_ = 0, link_uses_ = 1 << 30;
  std::mutex links_mutex_;
  std::map<std::string, int> used_;
  HttpServer hub_, cdn_;  // last: their threads use the rest
};

}  // namespace sobre::stand_in
