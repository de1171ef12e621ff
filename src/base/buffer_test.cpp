#include "base/buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace sobre {
namespace {

TEST(Buffer, IsZeroedAndPageAligned) {
  for (const uint64_t size : {uint64_t{1}, uint64_t{4097}, uint64_t{9} << 20}) {
    auto buffer = Buffer::create(size);
    ASSERT_TRUE(buffer) << buffer.error().message;
    EXPECT_EQ(buffer->size(), size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->data()) % 4096, 0u);
    EXPECT_TRUE(std::all_of(buffer->data(), buffer->data() + size, [](std::byte b) { return b == std::byte{0}; }));
    std::fill(buffer->data(), buffer->data() + size, std::byte{0xff});
    EXPECT_EQ(buffer->as<uint8_t>()[size - 1], 0xff);
  }
}

TEST(Buffer, NothingIsABufferToo) {
  const auto empty = Buffer::create(0);
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->size(), 0u);
  EXPECT_EQ(empty->data(), nullptr);
}

TEST(Buffer, MovesItsMemory) {
  auto a = Buffer::create(100), b = Buffer::create(200);
  ASSERT_TRUE(a && b);
  a->as<int>()[0] = 7;
  const std::byte* memory = a->data();
  Buffer c = std::move(*a);
  EXPECT_EQ(c.data(), memory);
  EXPECT_EQ(a->data(), nullptr);
  *b = std::move(c);
  EXPECT_EQ(b->data(), memory);
  EXPECT_EQ(b->size(), 100u);
  EXPECT_EQ(std::as_const(*b).as<int>()[0], 7);
}

TEST(Buffer, SaysWhatItCannotGet) {
  const auto huge = Buffer::create(uint64_t{1} << 60);
  ASSERT_FALSE(huge);
  EXPECT_TRUE(huge.error().message.starts_with("cannot get 1152921504606846976 bytes of memory: ")) << huge.error().message;
  EXPECT_FALSE(Buffer::create(UINT64_MAX));
}

}  // namespace
}  // namespace sobre
