// What a request says about the form of its answer: response_format, regex and their names in other servers, as a grammar to be
// compiled. Pure; any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "serve/request_fields.h"
#include "text/grammar.h"

namespace sobre {

struct AnswerFormat {
  GrammarNode grammar;
  std::string key;                                    // equal keys, equal grammars
  std::string param;                                  // the field that asked for it, for errors
  std::string code;                                   // of an error in it
  std::shared_ptr<const Grammar> compiled = nullptr;  // by compile_form
};

/// The one format that the request asks for; nothing when it asks for plain text. More than one is a fault of `fields`.
[[nodiscard]] std::optional<AnswerFormat> read_answer_format(RequestFields& fields);

}  // namespace sobre
