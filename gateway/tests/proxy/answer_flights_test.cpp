// Who goes for an answer, and who waits: across threads, and bounded.
#include "kept/answer_flights.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <string>
#include <thread>
#include <vector>

namespace fusebox::gateway {

namespace {

using part = answer_flights::part;

struct counted_wakes final : detail::waker {
    void wake() noexcept override { ++times; }
    std::atomic<int> times{0};
};

}  // namespace

TEST(answer_flights, so_many_wait_for_one_answer_and_the_next_goes_its_own_way) {
    answer_flights all;
    counted_wakes woken;
    std::deque<answer_flights::place> places;
    EXPECT_EQ(all.join("a", places.emplace_back(woken)), part::leads);
    for (std::size_t i = 0; i < answer_flights::most_waiting; ++i)
        ASSERT_EQ(all.join("a", places.emplace_back(woken)), part::waits);
    EXPECT_EQ(all.join("a", places.emplace_back(woken)), part::none);
    EXPECT_EQ(all.join("b", places.emplace_back(woken)), part::leads);
    all.leave(places[1]);
    EXPECT_EQ(all.join("a", places.emplace_back(woken)), part::waits) << "a place is free again";
    all.land(places.front(), true);
    EXPECT_EQ(std::size_t(woken.times), answer_flights::most_waiting);
    EXPECT_EQ(all.part_of(places[2]), part::released);
}

TEST(answer_flights, a_leader_that_goes_hands_over_to_who_has_waited_the_longest) {
    answer_flights all;
    counted_wakes woken;
    answer_flights::place first{woken}, second{woken}, third{woken};
    EXPECT_EQ(all.join("a", first), part::leads);
    EXPECT_EQ(all.join("a", second), part::waits);
    EXPECT_EQ(all.join("a", third), part::waits);
    all.hand_over(first);
    EXPECT_EQ(all.part_of(second), part::leads);
    EXPECT_EQ(all.part_of(third), part::waits);
    EXPECT_EQ(woken.times, 1);
    all.hand_over(second);
    all.hand_over(third);
    EXPECT_EQ(all.join("a", first), part::leads) << "nobody was left";
    all.land(first, true);
}

TEST(answer_flights, of_many_threads_there_is_one_leader_at_a_time) {
    answer_flights all;
    std::atomic<int> leading{0}, wrong{0}, led{0};
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                counted_wakes woken;
                answer_flights::place p{woken};
                for (int i = 0; i < 2000; ++i) {
                    part mine = all.join("a", p);
                    while (mine == part::waits) mine = all.part_of(p);
                    if (mine != part::leads) {
                        all.leave(p);
                        continue;
                    }
                    if (++leading != 1) ++wrong;
                    ++led;
                    --leading;
                    if ((i + t) % 3 == 0) all.hand_over(p);
                    else all.land(p, true);
                }
            });
    }
    EXPECT_EQ(wrong, 0);
    EXPECT_GT(led, 0);
}

}  // namespace fusebox::gateway
