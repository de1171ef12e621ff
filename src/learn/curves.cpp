#include "learn/curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace sobre {

namespace {

// The picture, in pixels of its own.
constexpr double kWidth = 960, kHeight = 560, kLeft = 72, kRight = 28;
constexpr double kLossTop = 108, kLossBottom = 392, kRateTop = 432, kRateBottom = 504;
constexpr size_t kMostPoints = 400;
// A loss that falls by more than this factor is drawn on a logarithmic axis.
constexpr double kLogFrom = 5;

constexpr std::string_view kStyle = R"(
  svg { --page: #ffffff; --ink: #1f2328; --soft: #656d76; --grid: #e3e6ea; --train: #2f6fde; --valid: #c2541b; --rate: #6b7785;
    background: var(--page); font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
  @media (prefers-color-scheme: dark) {
    svg { --page: #14171b; --ink: #e8eaed; --soft: #9aa4af; --grid: #2b3138; --train: #6ea3ff; --valid: #f2955c; --rate: #97a3b0; }
  }
  .page { fill: var(--page); }
  text { fill: var(--soft); font-variant-numeric: tabular-nums; }
  .title { fill: var(--ink); font-size: 17px; font-weight: 600; }
  .grid { stroke: var(--grid); stroke-width: 1; }
  .axis { stroke: var(--soft); stroke-width: 1; }
  path { fill: none; stroke-linejoin: round; stroke-linecap: round; }
  .band { fill: var(--train); opacity: 0.16; }
  .raw { stroke: var(--train); stroke-width: 1; opacity: 0.3; }
  .train { stroke: var(--train); stroke-width: 2; }
  .valid { stroke: var(--valid); stroke-width: 2; }
  .dot { fill: var(--valid); }
  .rate { stroke: var(--rate); stroke-width: 1.75; }
)";

struct Point {
  double x = 0, y = 0;
};

/// Some neighbouring steps as one.
struct Bucket {
  double step = 0, mean = 0, low = 0, high = 0;
};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else {
      out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

/// 1234567 as "1.23M".
std::string short_count(double x) {
  constexpr std::pair<double, const char*> kUnits[] = {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
  for (const auto& [unit, letter] : kUnits) {
    if (x >= 0.9995 * unit) return fmt::format("{:.3g}{}", x / unit, letter);
  }
  return fmt::format("{:g}", std::round(x));
}

std::string duration(double seconds) {
  if (seconds < 90) return fmt::format("{:.0f} s", seconds);
  if (seconds < 90 * 60) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

/// Round numbers within [low, high], about `wanted` of them.
std::vector<double> linear_ticks(double low, double high, int wanted) {
  const double raw = (high - low) / wanted, power = std::pow(10.0, std::floor(std::log10(raw)));
  double step = power * 10;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> out;
  // + 0.0: no tick is written as "-0".
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + step * 1e-9; ++k) out.push_back(k * step + 0.0);
  return out;
}

/// A scale from values to pixels.
struct Axis {
  double low = 0, high = 1, from = 0, to = 1;
  bool log = false;

  [[nodiscard]] double at(double value) const {
    const double part = log ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
    return from + (to - from) * part;
  }
  [[nodiscard]] std::vector<double> ticks(int wanted) const {
    if (!log) return linear_ticks(low, high, wanted);
    std::vector<double> out;
    constexpr double kCoarse[] = {1, 2, 5}, kFine[] = {1, 1.5, 2, 3, 4, 5, 7};
    const std::span<const double> factors = high / low < 60 ? std::span<const double>(kFine) : std::span<const double>(kCoarse);
    for (double power = std::pow(10.0, std::floor(std::log10(low))); power <= high; power *= 10) {
      for (const double factor : factors) {
        if (factor * power >= low && factor * power <= high) out.push_back(factor * power);
      }
    }
    // A loss that ran away spans dozens of powers of ten.
    const size_t every = out.size() / 12 + 1;
    std::vector<double> few;
    for (size_t i = 0; i < out.size(); i += every) few.push_back(out[i]);
    return few.size() >= 2 ? few : linear_ticks(low, high, wanted);
  }
};

Axis loss_axis(double low, double high) {
  Axis axis;
  axis.from = kLossBottom;
  axis.to = kLossTop;
  axis.log = low > 0 && high / low > kLogFrom;
  if (axis.log) {
    axis.low = low / 1.1;
    axis.high = high * 1.1;
  } else {
    const double margin = std::max((high - low) * 0.06, std::max(std::fabs(high) * 1e-3, 1e-9));
    axis.low = low - margin;
    axis.high = high + margin;
    if (low >= 0) axis.low = std::max(axis.low, 0.0);
  }
  return axis;
}

std::vector<Bucket> gather(const std::vector<Point>& points) {
  std::vector<Bucket> out;
  const size_t n = points.size(), count = std::min(n, kMostPoints);
  for (size_t b = 0; b < count; ++b) {
    const size_t begin = n * b / count, end = n * (b + 1) / count;
    Bucket bucket{0, 0, points[begin].y, points[begin].y};
    for (size_t i = begin; i < end; ++i) {
      bucket.step += points[i].x / static_cast<double>(end - begin);
      bucket.mean += points[i].y / static_cast<double>(end - begin);
      bucket.low = std::min(bucket.low, points[i].y);
      bucket.high = std::max(bucket.high, points[i].y);
    }
    out.push_back(bucket);
  }
  return out;
}

/// Means over neighbours. Fewer of them near the ends, as many on either side: a steep beginning stays where it is.
std::vector<Point> smooth(const std::vector<Bucket>& buckets) {
  std::vector<Point> out;
  const size_t n = buckets.size(), reach = n / 60;
  for (size_t i = 0; i < n; ++i) {
    const size_t k = std::min({reach, i, n - 1 - i});
    double sum = 0;
    for (size_t j = i - k; j <= i + k; ++j) sum += buckets[j].mean;
    out.push_back({buckets[i].step, sum / static_cast<double>(2 * k + 1)});
  }
  return out;
}

std::string path_of(const std::vector<Point>& points, const Axis& x, const Axis& y, std::string_view css) {
  std::string out = fmt::format("<path class=\"{}\" d=\"", css);
  for (size_t i = 0; i < points.size(); ++i)
    out += fmt::format("{}{:.1f} {:.1f}", i == 0 ? "M" : "L", x.at(points[i].x), y.at(points[i].y));
  return out + "\"/>\n";
}

std::string band_of(const std::vector<Bucket>& buckets, const Axis& x, const Axis& y) {
  std::string out = "<path class=\"band\" d=\"";
  for (size_t i = 0; i < buckets.size(); ++i)
    out += fmt::format("{}{:.1f} {:.1f}", i == 0 ? "M" : "L", x.at(buckets[i].step), y.at(buckets[i].high));
  for (size_t i = buckets.size(); i-- > 0;) out += fmt::format("L{:.1f} {:.1f}", x.at(buckets[i].step), y.at(buckets[i].low));
  return out + "Z\"/>\n";
}

std::string text_at(double x, double y, std::string_view anchor, std::string_view text, std::string_view css = {}) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor,
                     css.empty() ? "" : fmt::format(" class=\"{}\"", css), text);
}

std::string line(double x1, double y1, double x2, double y2, std::string_view css) {
  return fmt::format("<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n", css, x1, y1, x2, y2);
}

/// What is drawn, taken out of the rows.
struct Curves {
  std::vector<Point> train, validation, rate;
  uint64_t left_out = 0;  // losses that are not finite
  double last_step = 1;

  explicit Curves(std::span<const TrainLogRow> rows) {
    for (const TrainLogRow& row : rows) {
      const auto step = static_cast<double>(row.step);
      last_step = std::max(last_step, step);
      if (!std::isfinite(row.loss)) {
        ++left_out;
      } else {
        (row.validation ? validation : train).push_back({step, row.loss});
      }
      if (!row.validation && std::isfinite(row.learning_rate)) rate.push_back({step, row.learning_rate});
    }
  }
};

std::string head(std::span<const TrainLogRow> rows, const Curves& curves, std::string_view title) {
  std::string summary = "no steps yet";
  if (!rows.empty()) {
    const TrainLogRow& last = rows.back();
    summary = fmt::format("{} tokens in {} steps, {}", short_count(static_cast<double>(last.tokens)), last.step,
                          duration(std::isfinite(last.elapsed_s) ? last.elapsed_s : 0));
    if (!curves.validation.empty()) {
      const auto best = std::min_element(curves.validation.begin(), curves.validation.end(),
                                         [](const Point& a, const Point& b) { return a.y < b.y; });
      summary += fmt::format("; validation loss {:.4g}", curves.validation.back().y);
      if (best->y < curves.validation.back().y) summary += fmt::format(" (lowest {:.4g} at step {:g})", best->y, best->x);
    }
    if (curves.left_out > 0) summary += fmt::format("; {} losses were not finite", curves.left_out);
  }
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:g} {1:g}\" width=\"{0:g}\" height=\"{1:g}\" role=\"img\">\n"
      "<title>{2}</title>\n<desc>{3}</desc>\n<style>{4}</style>\n<rect class=\"page\" width=\"{0:g}\" height=\"{1:g}\"/>\n",
      kWidth, kHeight, escaped(title), escaped(summary), kStyle);
  out += text_at(kLeft, 34, "start", escaped(title), "title");
  return out + text_at(kLeft, 56, "start", escaped(summary));
}

std::string grid(const Axis& x, const Axis& loss, const Axis& rate, bool with_rate) {
  std::string out;
  for (const double tick : loss.ticks(6)) {
    out += line(kLeft, loss.at(tick), kWidth - kRight, loss.at(tick), "grid");
    out += text_at(kLeft - 10, loss.at(tick) + 4, "end", fmt::format("{:.4g}", tick));
  }
  if (with_rate) {
    for (const double tick : rate.ticks(2)) {
      out += line(kLeft, rate.at(tick), kWidth - kRight, rate.at(tick), "grid");
      out += text_at(kLeft - 10, rate.at(tick) + 4, "end", tick == 0 ? "0" : fmt::format("{:.2g}", tick));
    }
  }
  for (const double tick : x.ticks(8)) {
    if (tick != std::round(tick)) continue;  // between two steps
    out += line(x.at(tick), kLossTop, x.at(tick), kLossBottom, "grid");
    out += line(x.at(tick), kRateTop, x.at(tick), kRateBottom, "grid");
    out += text_at(x.at(tick), kRateBottom + 20, "middle", short_count(tick));
  }
  out += line(kLeft, kLossBottom, kWidth - kRight, kLossBottom, "axis");
  out += line(kLeft, kRateBottom, kWidth - kRight, kRateBottom, "axis");
  out += text_at((kLeft + kWidth - kRight) / 2, kRateBottom + 42, "middle", "step");
  out += text_at(kLeft, kLossTop - 10, "start", loss.log ? "loss in nats a token (logarithmic)" : "loss in nats a token");
  return out + (with_rate ? text_at(kLeft, kRateTop - 8, "start", "learning rate") : std::string());
}

std::string legend(const Curves& curves) {
  std::string out;
  double x = kWidth - kRight;
  const auto entry = [&](std::string_view css, std::string_view name, double width) {
    x -= width;
    out += line(x, 52, x + 22, 52, css) + text_at(x + 29, 56, "start", name);
  };
  if (!curves.validation.empty()) entry("valid", "validation", 98);
  if (!curves.train.empty()) entry("train", "training", 98);
  return out;
}

}  // namespace

std::string curves_svg(std::span<const TrainLogRow> rows, std::string_view title) {
  const Curves curves(rows);
  std::string out = head(rows, curves, title);
  const std::vector<Bucket> buckets = gather(curves.train);
  double low = INFINITY, high = -INFINITY, top_rate = 0;
  for (const std::vector<Point>* points : {&curves.train, &curves.validation}) {
    for (const Point& p : *points) {
      low = std::min(low, p.y);
      high = std::max(high, p.y);
    }
  }
  if (low > high) return out + "</svg>\n";
  for (const Point& p : curves.rate) top_rate = std::max(top_rate, p.y);
  const Axis x{0, curves.last_step, kLeft, kWidth - kRight, false};
  const Axis loss = loss_axis(low, high), rate{0, top_rate * 1.08, kRateBottom, kRateTop, false};
  out += grid(x, loss, rate, top_rate > 0);
  if (buckets.size() < curves.train.size()) out += band_of(buckets, x, loss);
  if (!buckets.empty()) {
    std::vector<Point> means;
    for (const Bucket& b : buckets) means.push_back({b.step, b.mean});
    out += path_of(means, x, loss, "raw") + path_of(smooth(buckets), x, loss, "train");
  }
  // Of very many validations and learning rates, evenly chosen ones; the last is among them.
  const auto thinned = [](const std::vector<Point>& points) {
    std::vector<Point> few;
    const size_t n = points.size(), count = std::min(n, kMostPoints);
    for (size_t i = 0; i < count; ++i) few.push_back(points[(n - 1) * i / std::max<size_t>(count - 1, 1)]);
    return few;
  };
  const std::vector<Point> validation = thinned(curves.validation);
  if (!validation.empty()) out += path_of(validation, x, loss, "valid");
  for (const Point& p : validation) {
    if (validation.size() > 60) break;
    out += fmt::format("<circle class=\"dot\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"/>\n", x.at(p.x), loss.at(p.y));
  }
  if (top_rate > 0) out += path_of(thinned(curves.rate), x, rate, "rate");
  return out + legend(curves) + "</svg>\n";
}

}  // namespace sobre
