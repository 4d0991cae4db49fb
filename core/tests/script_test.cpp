#include <fusebox/testing/script.hpp>

#include <gtest/gtest.h>

#include <expected>
#include <memory>
#include <thread>

using namespace std::chrono_literals;
using fusebox::testing::script;
using fusebox::testing::script_over;

TEST(script, gives_its_answers_in_order) {
    script<std::expected<int, std::string>> service;
    service.then(1).then(std::unexpected("down"), 2s).then_throw(std::out_of_range("far"), 1s);

    EXPECT_EQ(service.next().give(), 1);
    auto second = service.next();
    EXPECT_EQ(second.takes(), 2s);
    EXPECT_EQ(second.give().error(), "down");
    auto third = service.next();
    EXPECT_EQ(third.takes(), 1s);
    EXPECT_THROW(third.give(), std::out_of_range);
}

TEST(script, counts_the_calls_and_what_is_left) {
    script<int> service;
    service.then(1).then(2);
    EXPECT_EQ(service.calls(), 0u);
    EXPECT_EQ(service.left(), 2u);
    (void)service.next();
    EXPECT_EQ(service.calls(), 1u);
    EXPECT_EQ(service.left(), 1u);
    (void)service.next();
    EXPECT_THROW((void)service.next(), script_over);
    EXPECT_EQ(service.calls(), 3u) << "a call too many is a call";
    EXPECT_EQ(service.left(), 0u);
}

TEST(script, says_when_it_is_over) {
    script<int> service;
    service.then(1);
    (void)service.next();
    try {
        (void)service.next();
        FAIL() << "the script goes on";
    } catch (const script_over& over) {
        EXPECT_STREQ(over.what(),
                     "call 2 is one too many: the script has 1 answer. Add a then(), or find out who calls");
    }
}

TEST(script, goes_on_when_it_is_continued) {
    script<int> service;
    EXPECT_THROW((void)service.next(), script_over);
    service.then(5);
    EXPECT_EQ(service.next().give(), 5);
}

TEST(script, hands_over_values_that_cannot_be_copied) {
    script<std::unique_ptr<int>> service;
    service.then(std::make_unique<int>(3));
    EXPECT_EQ(*service.next().give(), 3);
}

TEST(script, refuses_a_call_that_would_end_before_it_begins) {
    script<int> service;
    EXPECT_THROW(service.then(1, -5ns), std::invalid_argument);
    EXPECT_EQ(service.left(), 0u);
}

TEST(script, gives_each_answer_once_to_many_threads) {
    script<int> service;
    for (int i = 1; i <= 400; ++i) service.then(i);
    int sums[2] = {};
    {
        const auto play = [&](int& sum) {
            for (int i = 0; i < 200; ++i) sum += service.next().give();
        };
        std::jthread one{play, std::ref(sums[0])}, other{play, std::ref(sums[1])};
    }
    EXPECT_EQ(sums[0] + sums[1], 400 * 401 / 2);
    EXPECT_EQ(service.left(), 0u);
}
