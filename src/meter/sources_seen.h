// What was looked at for joules and what became of it: rows of `sobre meter`, and of errors that say what to do.
#pragma once

#include <string>

namespace sobre {

struct SourceSeen {
  std::string name;  // a method, or a counter: "intel-rapl:0 package-0"
  bool used = false;
  std::string reason;  // why, one line; never empty
  std::string advice;  // what to do for it; empty: nothing needs to be done, or can be
};

}  // namespace sobre
