#include "text/jinja_args.h"

#include <algorithm>
#include <vector>

#include "text/jinja_text.h"

namespace sobre::jinja {

Result<int64_t> Bound::integer(size_t i, int64_t absent) const {
  if (!has(i)) return absent;
  if (const auto n = slots_[i]->integer()) return *n;
  if (slots_[i]->undefined() != nullptr) return use_of_undefined(*slots_[i]->undefined());
  return fail("'{}' object cannot be interpreted as an integer", type_name(*slots_[i]));
}

Result<const Str*> Bound::text(size_t i) const {
  if (!has(i) || slots_[i]->is_none()) return nullptr;
  if (slots_[i]->str() != nullptr) return slots_[i]->str();
  if (slots_[i]->undefined() != nullptr) return use_of_undefined(*slots_[i]->undefined());
  return fail("a string is wanted, not '{}'", type_name(*slots_[i]));
}

Result<Bound> bind(std::string_view function, std::string_view parameters, size_t required, const Args& args) {
  std::vector<std::string_view> names;
  for (const TextSpan& s : split_text(parameters, nullptr, -1)) names.push_back(parameters.substr(s.begin, s.end - s.begin));
  if (args.positional.size() > names.size())
    return fail("{}() takes at most {} arguments ({} given)", function, names.size(), args.positional.size());
  Bound bound;
  for (size_t i = 0; i < args.positional.size(); ++i) bound.set(i, args.positional[i]);
  for (const auto& [name, value] : args.named) {
    const auto place = static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
    if (place == names.size()) return fail("{}() got an unexpected keyword argument '{}'", function, clipped(name, 100));
    if (bound.has(place)) return fail("{}() got multiple values for argument '{}'", function, name);
    bound.set(place, value);
  }
  for (size_t i = 0; i < required; ++i)
    if (!bound.has(i)) return fail("{}() missing required argument: '{}'", function, names[i]);
  return bound;
}

void charge_reading(Runtime& rt, const Value& subject, const Args& args) {
  constexpr size_t kBytesPerStep = 128;
  const auto charge = [&rt](const Value& v) {
    if (v.str() != nullptr) rt.budget.spend_steps(v.str()->bytes.size() / kBytesPerStep);
  };
  charge(subject);
  for (const Value& v : args.positional) charge(v);
  for (const auto& [name, v] : args.named) charge(v);
}

Result<void> no_arguments(std::string_view function, const Args& args) {
  TRY([[maybe_unused]] const Bound none, bind(function, "", 0, args));
  return {};
}

}  // namespace sobre::jinja
