// A program that has put a clock_gettime of its own before the C library's, as those do that fake the time.
#include <fusebox/circuit_breaker.hpp>

#include <gtest/gtest.h>

#include <time.h>

#include <cstdint>

namespace {

std::int64_t faked_seconds = 1'000'000;

}  // namespace

extern "C" int clock_gettime(clockid_t, timespec* t) noexcept {
    *t = {.tv_sec = faked_seconds, .tv_nsec = 0};
    return 0;
}

using namespace std::chrono_literals;
using namespace fusebox;

TEST(replaced_clock, is_what_both_clocks_obey) {
    EXPECT_EQ(steady_now(), time_point{1'000'000s});
    EXPECT_EQ(coarse_now(), time_point{1'000'000s});
}

TEST(replaced_clock, lets_an_open_circuit_heal_when_it_says_so) {
    circuit_breaker breaker{"b", {.consecutive_failures = 1, .open_for = 30s, .open_jitter = 0}};
    breaker.try_acquire()->settle(verdict::failure);
    EXPECT_EQ(breaker.try_acquire().error().retry_after, 30s);
    faked_seconds += 30;
    EXPECT_TRUE(breaker.try_acquire());
}
