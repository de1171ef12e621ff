#include "learn/train_log.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "learn/learn_testing.h"

namespace sobre {
namespace {

TrainLogRow step_row(uint64_t step) {
  TrainLogRow row;
  row.step = step;
  row.tokens = step * 8192;
  row.elapsed_s = 0.1 * static_cast<double>(step);
  row.loss = 5.0 / static_cast<double>(step);
  row.grad_norm = 1.25;
  row.learning_rate = 1e-3;
  row.tokens_per_s = 81'920;
  return row;
}

TrainLogRow validation_row(uint64_t step) {
  TrainLogRow row;
  row.step = step;
  row.tokens = step * 8192;
  row.elapsed_s = 2;
  row.validation = true;
  row.loss = 4.5;
  return row;
}

TEST(TrainLog, WritesLinesOfJson) {
  EXPECT_EQ(train_log_line(step_row(2)),
            "{\"step\": 2, \"tokens\": 16384, \"loss\": 2.5, \"grad_norm\": 1.25, \"lr\": 0.001, \"tokens_per_s\": 81920.0, "
            "\"elapsed_s\": 0.2}\n");
  EXPECT_EQ(train_log_line(validation_row(2)),
            "{\"step\": 2, \"tokens\": 16384, \"validation_loss\": 4.5, \"elapsed_s\": 2.0}\n");
  TrainLogRow diverged = step_row(1);
  diverged.loss = std::numeric_limits<double>::infinity();
  const auto read = parse_train_log_line(train_log_line(diverged));
  ASSERT_TRUE(read) << message_of(read);
  EXPECT_TRUE(std::isnan(read->loss));
}

TEST(TrainLog, ResumesBehindTheCheckpoint) {
  const TestFiles files;
  const std::string path = files / "log.jsonl";
  std::string whole;
  {
    auto log = TrainLog::create(path);
    ASSERT_TRUE(log) << message_of(log);
    ASSERT_TRUE(log->append(validation_row(0)));
    for (uint64_t i = 1; i <= 6; ++i) {
      ASSERT_TRUE(log->append(step_row(i)));
      if (i == 3) {
        ASSERT_TRUE(log->append(validation_row(3)));
      }
      if (i == 4) whole = file_text(path);
    }
  }
  EXPECT_EQ(read_train_log(path)->size(), 8u);
  std::ofstream(path, std::ios::app) << "{\"step\": 7, \"tok";  // killed while writing
  EXPECT_EQ(read_train_log(path)->size(), 8u);
  {
    auto log = TrainLog::resume(path, 4);
    ASSERT_TRUE(log) << message_of(log);
    EXPECT_EQ(log->rows().size(), 6u);
    EXPECT_EQ(file_text(path), whole);
    ASSERT_TRUE(log->append(step_row(5)));
    EXPECT_EQ(log->rows().back().step, 5u);
  }
  EXPECT_EQ(file_text(path), whole + train_log_line(step_row(5)));
  // Half a line alone, at the very end of what is kept.
  std::ofstream(path, std::ios::app) << "{\"step\": 6";
  ASSERT_TRUE(TrainLog::resume(path, 100));
  EXPECT_EQ(file_text(path), whole + train_log_line(step_row(5)));
  ASSERT_TRUE(TrainLog::create(path));
  EXPECT_EQ(file_text(path), "");
  EXPECT_TRUE(TrainLog::resume(files / "new.jsonl", 9));
}

TEST(TrainLog, DamageIsNamed) {
  const TestFiles files;
  const std::string good = train_log_line(step_row(1));
  const std::string path = files.write("log.jsonl", good + "{\"step\": 2}\n" + good);
  EXPECT_EQ(message_of(read_train_log(path)), path + ":2: no row of a training log: \"tokens\" is no count");
  EXPECT_FALSE(TrainLog::resume(path, 9));
  EXPECT_EQ(file_text(path), good + "{\"step\": 2}\n" + good);  // nothing is cut from a file that is not understood
  EXPECT_NE(message_of(TrainLog::create(files / "no/log.jsonl")).find("cannot write"), std::string::npos);
}

TEST(TrainLog, AFullDiskIsAnError) {
  auto log = TrainLog::create("/dev/full");
  if (!log) GTEST_SKIP() << "no /dev/full here";
  EXPECT_EQ(message_of(log->append(step_row(1))), "/dev/full: cannot write: No space left on device");
  EXPECT_TRUE(log->rows().empty());
}

}  // namespace
}  // namespace sobre
