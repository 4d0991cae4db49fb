#include <fusebox/rate_limiter.hpp>

#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <vector>

using namespace fusebox;
using namespace std::chrono_literals;

namespace {

constexpr time_point start{1000h};

// So many calls at one instant: how many are let in at once.
template <class Limiter>
int admitted(Limiter& l, time_point now, int calls) {
    int n = 0;
    for (int i = 0; i < calls; ++i) n += l.enter(now).has_value();
    return n;
}
template <class Limiter>
duration retry_after(Limiter& l, time_point now) {
    auto answer = l.enter(now);
    return answer ? duration{-1} : answer.error().retry_after;
}

}  // namespace

static_assert(delaying_guard<token_bucket>);
static_assert(delaying_guard<fixed_window>);
static_assert(delaying_guard<sliding_window>);

// The worked example of "Request throttling for the Amazon EC2 API" (EC2 Developer Guide): a bucket of 100
// tokens, refilled with 20 a second.
TEST(token_bucket, behaves_as_the_example_of_amazon_ec2) {
    token_bucket b{{.rate = 20, .burst = 100}};
    EXPECT_EQ(admitted(b, start, 150), 100) << "100 in one second, and the rest of them fails";
    EXPECT_EQ(b.snapshot(start + 1s).available, 20u);
    EXPECT_EQ(b.snapshot(start + 4999ms).available, 99u);
    EXPECT_EQ(b.snapshot(start + 5s).available, 100u) << "an empty bucket is full after five seconds";
    EXPECT_EQ(b.snapshot(start + 1h).available, 100u) << "and never fuller";
    for (int second = 1; second <= 10; ++second) EXPECT_EQ(admitted(b, start + 1s * second, 50), 20) << second;
}

// The account quota of Amazon API Gateway, 10 000 requests a second with a burst of 5 000 ("Amazon API Gateway
// quotas", Developer Guide), with these arrivals worked out by hand. A token takes 100 us.
TEST(token_bucket, behaves_as_the_account_quota_of_amazon_api_gateway) {
    const token_bucket_options quota{.rate = 10'000, .burst = 5'000};
    {  // evenly, 10 in each millisecond: all are served
        token_bucket b{quota};
        int served = 0;
        for (int ms = 0; ms < 1000; ++ms) served += admitted(b, start + 1ms * ms, 10);
        EXPECT_EQ(served, 10'000);
    }
    {  // all within the first millisecond: the bucket's worth
        token_bucket b{quota};
        EXPECT_EQ(admitted(b, start, 10'000), 5'000);
    }
    {  // half of them at once, the others evenly over the rest of the second: all are served
        token_bucket b{quota};
        int served = admitted(b, start, 5'000);
        for (int ms = 1; ms < 1000; ++ms) served += admitted(b, start + 1ms * ms, 5);
        EXPECT_EQ(served, 5'000 + 4'995);
    }
    {  // half of them at once, the others 100 ms later: 1 000 tokens have come in between
        token_bucket b{quota};
        EXPECT_EQ(admitted(b, start, 5'000), 5'000);
        EXPECT_EQ(admitted(b, start + 100ms, 5'000), 1'000);
    }
}

TEST(token_bucket, says_exactly_when_to_come_again) {
    token_bucket b{{.rate = 4, .burst = 2}};  // 250 ms a token
    EXPECT_EQ(admitted(b, start, 2), 2);
    EXPECT_EQ(retry_after(b, start), 250ms);
    EXPECT_EQ(retry_after(b, start + 249'999'999ns), 1ns);
    EXPECT_EQ(admitted(b, start + 250ms, 2), 1);
    EXPECT_EQ(retry_after(b, start + 400ms), 100ms);
    EXPECT_EQ(b.snapshot(start).rejected, 4u);
}

TEST(token_bucket, never_exceeds_a_rate_that_is_no_whole_number_of_nanoseconds) {
    token_bucket b{{.rate = 3}};  // 333 333 334 ns a token, rounded up
    EXPECT_EQ(admitted(b, start, 1), 1);
    EXPECT_EQ(retry_after(b, start), 333'333'334ns);
    EXPECT_EQ(retry_after(b, start + 333'333'333ns), 1ns);
    EXPECT_EQ(admitted(b, start + 333'333'334ns, 1), 1);
}

TEST(token_bucket, a_late_poll_loses_no_part_of_a_token) {
    token_bucket b{{.rate = 10, .burst = 2}};
    EXPECT_EQ(admitted(b, start, 2), 2);
    // Polled every 70 ms, tokens come every 100 ms: 70 of them in the 7 seconds of 100 polls.
    int n = 0;
    for (int i = 1; i <= 100; ++i) n += admitted(b, start + 70ms * i, 1);
    EXPECT_EQ(n, 70);
}

TEST(token_bucket, with_max_wait_calls_are_given_starts_of_their_own) {
    token_bucket b{{.rate = 10, .burst = 2, .max_wait = 250ms}};
    std::vector<delayed<rate_permit>> given;
    for (const auto wanted : {0ms, 0ms, 100ms, 200ms}) {
        auto answer = b.enter(start);
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->start_at - start, wanted);
        given.push_back(std::move(*answer));
    }
    EXPECT_EQ(retry_after(b, start), 50ms) << "let in then, to wait the remaining 250 ms";
    EXPECT_EQ(b.enter(start + 50ms)->start_at, start + 300ms);
    EXPECT_EQ(b.snapshot(start).delayed, 3u);
    EXPECT_EQ(b.snapshot(start).rejected, 1u);
}

TEST(token_bucket, a_permit_dropped_before_its_start_gives_its_place_to_the_next) {
    token_bucket b{{.rate = 10, .max_wait = 300ms}};
    auto now_on = b.enter(start);
    std::optional first{std::move(*b.enter(start))};
    std::optional second{std::move(*b.enter(start))};
    ASSERT_EQ(second->start_at, start + 200ms);
    first.reset();
    first = std::move(*b.enter(start + 50ms));
    EXPECT_EQ(first->start_at, start + 100ms) << "the place that came back, not the end of the line";
    EXPECT_EQ(b.enter(start + 50ms)->start_at, start + 300ms);
}

TEST(token_bucket, those_who_give_up_in_the_order_they_came_lose_nothing_for_the_others) {
    token_bucket b{{.rate = 10, .max_wait = 1s}};
    EXPECT_TRUE(b.enter(start));
    std::vector<delayed<rate_permit>> waiting;
    while (auto answer = b.enter(start)) waiting.push_back(std::move(*answer));
    ASSERT_EQ(waiting.size(), 10u);
    waiting.clear();
    for (int i = 1; i <= 10; ++i) {
        waiting.push_back(std::move(*b.enter(start)));
        EXPECT_EQ(waiting.back().start_at, start + 100ms * i);
    }
    EXPECT_FALSE(b.enter(start));
}

TEST(token_bucket, a_place_whose_time_has_come_is_not_given_out_again) {
    token_bucket b{{.rate = 10, .max_wait = 150ms}};
    EXPECT_TRUE(b.enter(start));
    std::optional running{std::move(*b.enter(start))};
    EXPECT_EQ(running->start_at, start + 100ms);
    running.reset();  // an exception in the middle of the call, say at 120 ms
    EXPECT_EQ(b.enter(start + 120ms)->start_at, start + 200ms);
}

TEST(token_bucket, a_settled_permit_has_used_its_place) {
    token_bucket b{{.rate = 10, .max_wait = 150ms}};
    EXPECT_TRUE(b.enter(start));
    auto given = b.enter(start);
    given->permit.settle(verdict::success, start + 100ms);
    EXPECT_EQ(retry_after(b, start), 50ms);
}

TEST(token_bucket, a_moved_permit_gives_back_once) {
    token_bucket b{{.rate = 10, .max_wait = 200ms}};
    EXPECT_TRUE(b.enter(start));
    {
        auto given = std::move(b.enter(start)->permit);
        auto moved = std::move(given);
        auto other = std::move(b.enter(start)->permit);
        other = std::move(moved);  // gives 200 ms back, and 100 ms at the end
    }
    std::optional one{std::move(*b.enter(start))}, two{std::move(*b.enter(start))};
    EXPECT_EQ(one->start_at, start + 100ms);
    EXPECT_EQ(two->start_at, start + 200ms);
    EXPECT_FALSE(b.enter(start));
}

TEST(token_bucket, remembers_as_many_returned_places_as_it_has_room_for) {
    token_bucket b{{.rate = 100'000, .max_wait = 1s}};
    EXPECT_TRUE(b.enter(start));
    std::vector<delayed<rate_permit>> waiting;
    for (int i = 0; i < 2000; ++i) waiting.push_back(std::move(*b.enter(start)));
    waiting.clear();
    std::vector<delayed<rate_permit>> again;
    for (int i = 0; i < 1024; ++i) again.push_back(std::move(*b.enter(start)));
    EXPECT_EQ(again.front().start_at, start + 10us * 977) << "the earliest are forgotten first";
    EXPECT_EQ(again.back().start_at, start + 10us * 2000);
    EXPECT_EQ(b.enter(start)->start_at, start + 10us * 2001);
}

TEST(token_bucket, the_extremes_of_its_options_do_not_overflow) {
    token_bucket slow{{.rate = 0.001, .burst = 1'000'000, .max_wait = 1h}};
    EXPECT_EQ(slow.snapshot(start).available, 1'000'000u);
    EXPECT_EQ(slow.enter(time_point{})->start_at, time_point{});
    EXPECT_EQ(slow.snapshot(start).available, 1'000'000u) << "3600 tokens have come, one would do";
    EXPECT_EQ(slow.snapshot(time_point{}).available, 999'999u);
    token_bucket fast{{.rate = 1e6, .burst = 1'000'000}};
    EXPECT_EQ(admitted(fast, start, 1'000'001), 1'000'000);
    EXPECT_EQ(retry_after(fast, start), 1us);
}

TEST(fixed_window, counts_from_edge_to_edge) {
    fixed_window w{{.limit = 3, .window = 1s}};
    EXPECT_EQ(admitted(w, start + 900ms, 4), 3);
    EXPECT_EQ(retry_after(w, start + 900ms), 100ms);
    EXPECT_EQ(admitted(w, start + 1s, 4), 3) << "six within 100 ms: what a fixed window allows";
    EXPECT_EQ(w.snapshot(start + 1s).available, 0u);
    EXPECT_EQ(w.snapshot(start + 2s).available, 3u);
    EXPECT_EQ(w.snapshot(start + 1s).rejected, 3u);
}

TEST(fixed_window, with_max_wait_calls_start_at_the_next_edges) {
    fixed_window w{{.limit = 2, .window = 1s, .max_wait = 1500ms}};
    std::vector<delayed<rate_permit>> given;
    for (const auto wanted : {600ms, 600ms, 1000ms, 1000ms, 2000ms, 2000ms}) {
        given.push_back(std::move(*w.enter(start + 600ms)));
        EXPECT_EQ(given.back().start_at - start, wanted);
    }
    EXPECT_EQ(retry_after(w, start + 600ms), 900ms);
    given[3] = std::move(*w.enter(start + 1500ms));  // drops one that started at 1000 ms: not given out again
    EXPECT_EQ(given[3].start_at, start + 3s);
    given.erase(given.begin() + 4);
    EXPECT_EQ(w.enter(start + 1500ms)->start_at, start + 2s);
}

// "How we built rate limiting capable of scaling to millions of domains" (Cloudflare, 2017) works this example:
// 42 requests in the minute before, 18 in the first 15 seconds of this one: 42 * (60 - 15) / 60 + 18 = 49.5.
TEST(sliding_window, estimates_as_the_example_of_cloudflare) {
    sliding_window w{{.limit = 50, .window = 1min}};
    EXPECT_EQ(admitted(w, start + 30s, 42), 42);
    EXPECT_EQ(admitted(w, start + 75s, 18), 18);
    EXPECT_EQ(w.snapshot(start + 75s).available, 0u);
    // One more makes 50.5; it fits when 42 * (60 - e) / 60 + 19 <= 50, so from e = 15.714285715 s on.
    EXPECT_EQ(retry_after(w, start + 75s), 714'285'715ns);
    EXPECT_EQ(retry_after(w, start + 75s + 714'285'714ns), 1ns);
    EXPECT_EQ(w.snapshot(start + 75s + 714'285'715ns).available, 1u);
    EXPECT_EQ(admitted(w, start + 75s + 714'285'715ns, 2), 1);
}

TEST(sliding_window, has_the_error_that_it_is_said_to_have) {
    sliding_window late{{.limit = 100, .window = 1s}};
    EXPECT_EQ(admitted(late, start + 999ms, 100), 100);
    EXPECT_EQ(admitted(late, start + 1000ms, 100), 0);
    EXPECT_EQ(admitted(late, start + 1500ms, 100), 50) << "150 within the last second: 100 * 500 / 1000 too many";

    sliding_window early{{.limit = 100, .window = 1s}};
    EXPECT_EQ(admitted(early, start, 100), 100);
    EXPECT_EQ(admitted(early, start + 1500ms, 100), 50) << "none within the last second: 100 * 500 / 1000 too few";

    sliding_window single{{.limit = 1, .window = 1s}};
    EXPECT_EQ(admitted(single, start, 1), 1);
    EXPECT_EQ(retry_after(single, start), 2s);
    EXPECT_EQ(admitted(single, start + 2s, 1), 1);
}

TEST(sliding_window, forgets_all_after_two_windows) {
    sliding_window w{{.limit = 10, .window = 1s}};
    EXPECT_EQ(admitted(w, start + 990ms, 10), 10);
    EXPECT_EQ(w.snapshot(start + 1990ms).available, 9u);
    EXPECT_EQ(w.snapshot(start + 2s).available, 10u);
    EXPECT_EQ(admitted(w, start + 2s, 11), 10);
}

TEST(sliding_window, with_max_wait_calls_start_as_the_estimate_sinks) {
    sliding_window w{{.limit = 4, .window = 1s, .max_wait = 1s}};
    std::vector<delayed<rate_permit>> given;
    for (const auto wanted : {500ms, 500ms, 500ms, 500ms, 1250ms, 1500ms}) {
        given.push_back(std::move(*w.enter(start + 500ms)));
        EXPECT_EQ(given.back().start_at - start, wanted);
    }
    EXPECT_EQ(retry_after(w, start + 500ms), 250ms);
    given.erase(given.begin() + 4);
    EXPECT_EQ(w.enter(start + 600ms)->start_at, start + 1250ms);
    EXPECT_EQ(w.snapshot(start + 600ms).delayed, 3u);
}

TEST(rate_limiter, options_that_cannot_be_meant_are_refused) {
    EXPECT_THROW(token_bucket{{.rate = 0}}, configuration_error);
    EXPECT_THROW(fixed_window{{.limit = 0}}, configuration_error);
    EXPECT_THROW(sliding_window{{.window = 0s}}, configuration_error);
    EXPECT_FALSE(token_bucket_options{.rate = std::numeric_limits<double>::quiet_NaN()}.validate().empty());
    const auto errors = token_bucket_options{.rate = 2e6, .burst = 0, .max_wait = -1s}.validate();
    ASSERT_EQ(errors.size(), 3u);
    EXPECT_EQ(errors[0].message(), "rate = 2e+06: must be between 0.001 and 1000000 a second");
    EXPECT_EQ(errors[2].message(), "max_wait = -1s: must be between 0 (refuse at once) and 1 hour");
    EXPECT_EQ(rate_window_options({.limit = 1'000'001, .window = 25h, .max_wait = 2h}).validate().size(), 3u);
}
