#include "task/working.h"

#include <gtest/gtest.h>

namespace sobre::office {
namespace {

TEST(Working, StepsAsTheHeaderShowsThem) {
  EXPECT_EQ(working({384, 259, '+'}), "384+259\n4+9+0=13 8+5+1=14 3+2+1=06\n643");
  EXPECT_EQ(working({384, 259, '-'}), "384-259\n14-9-0=5 08-5-1=2 03-2-0=1\n125");
  EXPECT_EQ(working({84, 7, '/'}), "84/7\n08/7=1r1 14/7=2r0\n12");
  EXPECT_EQ(working({12, 7, 'x'}), "12x7\n2x7+0=14 1x7+1=08\n84");
  EXPECT_EQ(working({7, 95, '+'}), "7+95\n7+5+0=12 0+9+1=10\n102");
  EXPECT_EQ(working({12, 34, 'x'}), "12x34\n2x4+0=08 1x4+0=04 48\n2x3+0=06 1x3+0=03 360\n8+0+0=08 4+6+0=10 0+3+1=04 408\n408");
  EXPECT_EQ(working({9, 12, '-'}), "9-12\n12-9\n12-9-0=3 01-0-1=0\n-3");
  EXPECT_EQ(working({144, 12, '/'}), "144/12\n001/12=0r1 014/12=1r2 024/12=2r0\n12");
}

TEST(Working, TheOrderOfSumsAndProductsIsNoMatterForTheKey) {
  EXPECT_EQ(operation_key({12, 7, 'x'}), operation_key({7, 12, 'x'}));
  EXPECT_EQ(operation_key({12, 7, '+'}), operation_key({7, 12, '+'}));
  EXPECT_NE(operation_key({12, 7, '-'}), operation_key({7, 12, '-'}));
}

}  // namespace
}  // namespace sobre::office
