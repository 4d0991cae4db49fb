// What a breaker refuses to become, what an image may cost, and where numbers that grow end.
#include <fusebox/circuit_breaker.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

using namespace fusebox;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

namespace {

circuit_breaker_options one_failure() {
    return {.consecutive_failures = 1, .open_multiplier = 1, .open_jitter = 0, .half_open_calls = 1};
}

}  // namespace

TEST(circuit_image, that_no_breaker_can_have_shown_is_refused_as_text_and_as_value) {
    struct row {
        const char* names;
        std::function<void(circuit_image&)> spoil;
    };
    const row table[] = {
        {"generation", [](auto& i) { i.generation = (std::uint64_t{1} << 56) - 1; }},
        {"generation", [](auto& i) { i.generation = UINT64_MAX; }},
        {"reopenings", [](auto& i) { i.reopenings = UINT32_MAX; }},
        {"consecutive_failures", [](auto& i) { i.consecutive_failures = UINT32_MAX; }},
        {"lease_doublings", [](auto& i) { i.lease_doublings = UINT32_MAX; }},
        {"totals", [](auto& i) { i.totals.failures = UINT64_MAX; }},
        {"open_remaining", [](auto& i) { i.open_remaining = -1s; }},
        {"window", [](auto& i) { i.window = {{duration::max(), 1, 0, 0}}; }},
        {"window", [](auto& i) { i.window = {{-1s, 1, 0, 0}}; }},
        {"window", [](auto& i) { i.window = {{0s, 1, 1, 3}}; }},
        {"virtual_state", [](auto& i) { i.virtual_state = circuit_state::open; }},
    };
    for (const row& r : table) {
        circuit_image image;
        r.spoil(image);
        circuit_breaker b{"b"};
        const auto refused = b.import_state(image);
        ASSERT_FALSE(refused) << r.names;
        EXPECT_THAT(refused.error(), HasSubstr(r.names));
        EXPECT_EQ(b.snapshot().generation, 1u) << "and changes nothing";
        const auto read = circuit_image::from_text(image.to_text());
        ASSERT_FALSE(read) << r.names;
        EXPECT_THAT(read.error(), HasSubstr(r.names));
    }
}

TEST(circuit_image, of_more_parts_than_a_window_can_have_is_refused_before_they_are_read) {
    circuit_image image;
    std::string text = image.to_text() + std::string(1'000'000, ',');  // the window comes last
    EXPECT_THAT(circuit_image::from_text(text).error(), HasSubstr("window has 1000001 parts"));
    image.window.resize(1'000'001);
    EXPECT_THAT(circuit_breaker{"b"}.import_state(image).error(), HasSubstr("window has 1000001 parts"));
}

TEST(circuit_image, of_the_last_possible_numbers_gives_a_breaker_that_works) {
    fusebox::testing::manual_clock clock;
    circuit_breaker b{"b", one_failure(), &clock};
    circuit_image image;
    image.generation = (std::uint64_t{1} << 56) - 2;
    image.reopenings = image.consecutive_failures = image.lease_doublings = UINT32_MAX - 1;
    ASSERT_TRUE(b.import_state(image));
    for (int i = 0; i < 3; ++i) {
        b.try_acquire().value().settle(verdict::failure);
        EXPECT_EQ(b.state(), circuit_state::open);
        clock.advance(b.snapshot().retry_after);
        b.try_acquire().value().settle(verdict::success);
        EXPECT_EQ(b.state(), circuit_state::closed) << "the breaker hears, whatever its generation's number";
    }
    EXPECT_EQ(b.snapshot().totals.late_results, 0u);
}

TEST(circuit_image, of_many_great_buckets_costs_no_more_than_its_window) {
    circuit_breaker b{"b", {.failure_rate_threshold = 1, .window = count_window{1'000'000}}};
    circuit_image image;
    image.window.assign(100'000, {0s, UINT32_MAX, 0, 0});  // 10^11 verdicts would be walked through
    ASSERT_TRUE(b.import_state(image));
    EXPECT_EQ(b.snapshot().window, (window_snapshot{1'000'000, 0, 0}));
}

TEST(circuit_image, keeps_the_newest_that_a_smaller_count_window_holds) {
    circuit_breaker b{"b", {.failure_rate_threshold = 1, .window = count_window{5}}};
    circuit_image image;
    image.window = {{0s, 0, 9, 0}, {0s, 0, 2, 0}, {0s, 2, 0, 0}, {0s, 0, 1, 1}};
    ASSERT_TRUE(b.import_state(image));
    EXPECT_EQ(b.snapshot().window, (window_snapshot{5, 3, 1}));
}

TEST(circuit_image, of_a_full_bucket_leaves_no_ghosts_when_the_bucket_goes) {
    fusebox::testing::manual_clock clock{1h};
    circuit_breaker b{"b", {.failure_rate_threshold = 1, .window = time_window{10, 1s}}, &clock};
    circuit_image image;
    image.window = {{0s, UINT32_MAX, UINT32_MAX, UINT32_MAX}, {0s, UINT32_MAX, 7, 9}};
    ASSERT_TRUE(b.import_state(image));
    b.try_acquire()->settle(verdict::success);
    EXPECT_EQ(b.snapshot().window, (window_snapshot{2 * std::uint64_t{UINT32_MAX}, UINT32_MAX, UINT32_MAX}));
    clock.advance(10s);
    b.try_acquire()->settle(verdict::success);
    EXPECT_EQ(b.snapshot().window, (window_snapshot{1, 0, 0}));
}
