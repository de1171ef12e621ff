// `sobre meter` on the machine that runs the tests, whatever it has.
#include "cli/meter.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "cli/command_testing.h"
#include "meter/calibration.h"

namespace sobre {
namespace {

TEST(Meter, WattsCarryNoMoreDigitsThanTheirInterval) {
  EXPECT_EQ(watts_text(43.26, 40.2, 46.3), "43 W (40 to 46 W)");
  EXPECT_EQ(watts_text(102.6, 52.3, 205.2), "100 W (50 to 210 W)");
  EXPECT_EQ(watts_text(4.326, 4.1, 4.5), "4.3 W (4.1 to 4.5 W)");
  EXPECT_EQ(watts_text(0, 0, 0), "0.000 W (0.000 to 0.000 W)");
}

TEST(Meter, TypedReadings) {
  EXPECT_EQ(parse_watts("62.5"), 62.5);
  EXPECT_EQ(parse_watts("62,5 W"), 62.5);
  EXPECT_EQ(parse_watts("7w"), 7);
  for (const char* text : {"", "W", "-5", "0", "5 5", "1e999", "nan", "inf", "5.5.5", "0x10"})
    EXPECT_FALSE(parse_watts(text)) << text;
}

TEST(Meter, TheTableNamesOneMethodAndTheRestWithReasons) {
  const TemporaryFolder folder;
  const Outcome o = run_sobre({"meter", "--once", "--file", folder / "none.json"});
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_NE(o.out.find("\nmethod    "), std::string::npos) << o.out;
  EXPECT_NE(o.out.find("wall-calibrated"), std::string::npos);
  EXPECT_NE(o.out.find("none.json is not there"), std::string::npos) << o.out;
  const Outcome json = run_sobre({"meter", "--seconds", "1", "--json", "--method", "estimate-cores"});
  EXPECT_EQ(json.status, 0) << json.err;
  const size_t end = json.out.find('\n');
  const Result<Json> sources = Json::parse(json.out.substr(0, end));
  ASSERT_TRUE(sources) << json.out;
  EXPECT_EQ(*sources->find("method")->as_string(), "estimate-cores");
  const Result<Json> sample = Json::parse(json.out.substr(end + 1));
  ASSERT_TRUE(sample) << json.out;
  EXPECT_GT(sample->find("watts")->find("value")->as_double(), 0.0);
  EXPECT_LT(sample->find("watts")->find("low")->as_double(), sample->find("watts")->find("high")->as_double());
}

TEST(Meter, ACalibrationIsMeasuredKeptAndUsed) {
  const TemporaryFolder folder;
  MeterOptions options;
  options.method = "estimate-cores";  // no counter, whatever the machine has
  options.file = folder / "state/calibration.json";
  options.calibrate = true;
  options.measure = [](double load) -> Result<CalibrationLevel> {
    CalibrationLevel level;
    level.load = load;
    level.seconds = 10;
    level.processor_s = 40 * load;
    return level;
  };
  options.wall_w = {50, 51, 50, 51, 50};
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  const Result<void> refused = meter_command(options);
  options.wall_w = {50, 62, 73, 83, 92};
  const Result<void> done = meter_command(options);
  const std::string out = testing::internal::GetCapturedStdout(), err = testing::internal::GetCapturedStderr();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("do not differ"), std::string::npos) << refused.error().message;
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_NE(out.find("wall = "), std::string::npos) << out;
  EXPECT_NE(err.find("75 % load: "), std::string::npos) << err;
  const Outcome o = run_sobre({"meter", "--once", "--file", options.file});
  EXPECT_NE(o.out.find("method    wall-calibrated"), std::string::npos) << o.out;
}

TEST(Meter, ALoadIsRunOrSaidNotToBe) {
  const TemporaryFolder folder;
  MeterOptions options;
  options.method = "estimate-cores";
  options.file = folder / "calibration.json";
  options.calibrate = true;
  options.seconds_per_level = 0.1;
  options.wall_w = {50, 50, 50, 50, 50};
  testing::internal::CaptureStderr();
  const Result<void> refused = meter_command(options);
  const std::string err = testing::internal::GetCapturedStderr();
  ASSERT_FALSE(refused);
  const std::string& message = refused.error().message;
  EXPECT_TRUE(message.find("do not differ") != std::string::npos ||
              message.find("processors could be kept busy") != std::string::npos)
      << message;
  EXPECT_NE(err.find("  0 % load: "), std::string::npos) << err;
  EXPECT_FALSE(std::filesystem::exists(options.file));
}

}  // namespace
}  // namespace sobre
