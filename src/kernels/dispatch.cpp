// Which instruction sets this build has and this CPU runs.
#include "kernels/kernels.h"

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

extern "C" {
extern const PlainKernels sobre_kernels_scalar;
#if defined(__x86_64__)
extern const PlainKernels sobre_kernels_avx2;
extern const PlainKernels sobre_kernels_avx_vnni;
extern const PlainKernels sobre_kernels_avx512;
#elif defined(__aarch64__)
extern const PlainKernels sobre_kernels_neon;
#endif
}

namespace sobre {

namespace {

constexpr std::string_view kNames[] = {"scalar", "avx2", "avx-vnni", "avx512", "neon"};

#if defined(__x86_64__)
bool cpu_has(Isa isa) {
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  switch (isa) {
    case Isa::kScalar:
      return true;
    case Isa::kAvx2:
      return avx2;
    case Isa::kAvxVnni:
      return avx2 && __builtin_cpu_supports("avxvnni");
    case Isa::kAvx512:
      return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
    default:
      return false;
  }
}

const PlainKernels* table(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return &sobre_kernels_scalar;
    case Isa::kAvx2:
      return &sobre_kernels_avx2;
    case Isa::kAvxVnni:
      return &sobre_kernels_avx_vnni;
    case Isa::kAvx512:
      return &sobre_kernels_avx512;
    default:
      return nullptr;
  }
}
#elif defined(__aarch64__)
bool cpu_has(Isa isa) {
  constexpr unsigned long kDotProduct = 1UL << 20;  // HWCAP_ASIMDDP
  constexpr unsigned long kHalf = 1UL << 10;        // HWCAP_ASIMDHP
  const unsigned long caps = getauxval(AT_HWCAP);
  return isa == Isa::kScalar || (isa == Isa::kNeon && (caps & kDotProduct) != 0 && (caps & kHalf) != 0);
}

const PlainKernels* table(Isa isa) {
  return isa == Isa::kScalar ? &sobre_kernels_scalar : isa == Isa::kNeon ? &sobre_kernels_neon : nullptr;
}
#else
bool cpu_has(Isa isa) { return isa == Isa::kScalar; }
const PlainKernels* table(Isa isa) { return isa == Isa::kScalar ? &sobre_kernels_scalar : nullptr; }
#endif

struct Tables {
  Kernels kernels[std::size(kNames)];
  bool present[std::size(kNames)] = {};
  Isa best = Isa::kScalar;
};

const Tables& tables() {
  static const Tables all = [] {
    Tables t{};
    for (size_t i = 0; i < std::size(kNames); ++i) {
      const auto isa = static_cast<Isa>(i);
      if (!cpu_has(isa) || table(isa) == nullptr) continue;
      t.kernels[i] = Kernels{*table(isa), isa};
      t.present[i] = true;
      t.best = isa;
    }
    return t;
  }();
  return all;
}

}  // namespace

std::string_view isa_name(Isa isa) { return kNames[static_cast<size_t>(isa)]; }

std::optional<Isa> isa_from_name(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<Isa>(i);
  }
  return std::nullopt;
}

std::vector<Isa> available_isas() {
  std::vector<Isa> isas;
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (tables().present[i]) isas.push_back(static_cast<Isa>(i));
  }
  return isas;
}

const Kernels* kernels_for(Isa isa) {
  const auto i = static_cast<size_t>(isa);
  return tables().present[i] ? &tables().kernels[i] : nullptr;
}

const Kernels& best_kernels() { return *kernels_for(tables().best); }

}  // namespace sobre
