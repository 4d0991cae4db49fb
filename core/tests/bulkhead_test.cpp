#include <fusebox/bulkhead.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

using namespace fusebox;
using namespace std::chrono_literals;

namespace {

constexpr time_point now{1h};

// Writes its name into a list when its turn comes.
struct guest final : waiter {
    guest(std::string n, std::vector<std::string>& l) : name(std::move(n)), called(&l) {}
    void granted() noexcept override { called->push_back(name); }
    std::string name;
    std::vector<std::string>* called;
};

bool waits(bulkhead& b, guest& g) {
    auto answer = b.enter(now, g);
    return answer && !*answer;
}

}  // namespace

static_assert(queueing_guard<bulkhead>);

TEST(bulkhead, lets_so_many_in_and_refuses_the_next) {
    bulkhead b{{.max_concurrent = 2}};
    auto first = b.enter(now), second = b.enter(now);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(b.enter(now).error(), (rejection{errc::bulkhead_full, 0s}));
    first->settle(verdict::failure, now);
    EXPECT_TRUE(b.enter(now));
    EXPECT_EQ(b.snapshot().rejected, 1u);
    EXPECT_EQ(b.snapshot().in_use, 1u);
    EXPECT_EQ(b.snapshot().max_in_use, 2u);
}

TEST(bulkhead, a_permit_gives_its_slot_back_once) {
    bulkhead b{{.max_concurrent = 3}};
    auto kept = b.enter(now);
    {
        auto permit = std::move(*b.enter(now));
        permit.settle(verdict::success, now);
        permit.settle(verdict::success, now);
        permit.abandon();
        EXPECT_EQ(b.snapshot().in_use, 1u);
        auto other = std::move(*b.enter(now));
        permit = std::move(other);
        EXPECT_EQ(b.snapshot().in_use, 2u);
    }
    EXPECT_EQ(b.snapshot().in_use, 1u);
}

TEST(bulkhead, who_waits_is_let_in_first_come_first_served) {
    std::vector<std::string> called;
    guest ann{"ann", called}, bob{"bob", called}, eve{"eve", called};
    bulkhead b{{.max_concurrent = 1, .queue = 2}};
    std::optional slot{std::move(*b.enter(now))};
    EXPECT_TRUE(waits(b, ann));
    EXPECT_TRUE(waits(b, bob));
    EXPECT_EQ(b.enter(now, eve).error().code, errc::bulkhead_full);
    EXPECT_EQ(b.snapshot().queued, 2u);
    EXPECT_TRUE(called.empty());

    slot->settle(verdict::success, now);
    EXPECT_THAT(called, testing::ElementsAre("ann"));
    slot = b.claim(ann);
    slot->settle(verdict::success, now);
    EXPECT_THAT(called, testing::ElementsAre("ann", "bob"));
    slot = b.claim(bob);
    EXPECT_EQ(b.snapshot().in_use, 1u);
    EXPECT_EQ(b.snapshot().queued, 0u);
}

TEST(bulkhead, nobody_overtakes_those_who_wait) {
    std::vector<std::string> called;
    guest ann{"ann", called};
    bulkhead b{{.max_concurrent = 1, .queue = 1}};
    {
        auto slot = b.enter(now);
        ASSERT_TRUE(waits(b, ann));
    }
    EXPECT_FALSE(b.enter(now)) << "the slot is ann's, although she has not claimed it yet";
    EXPECT_EQ(b.snapshot().in_use, 1u);
    (void)b.claim(ann);
    EXPECT_TRUE(b.enter(now));
}

TEST(bulkhead, a_cancelled_waiter_leaves_the_queue) {
    std::vector<std::string> called;
    guest ann{"ann", called}, bob{"bob", called}, eve{"eve", called}, dan{"dan", called};
    bulkhead b{{.max_concurrent = 1, .queue = 3}};
    std::optional slot{std::move(*b.enter(now))};
    ASSERT_TRUE(waits(b, ann) && waits(b, bob) && waits(b, eve));
    EXPECT_TRUE(b.leave(bob));
    EXPECT_TRUE(waits(b, dan)) << "bob's place is free";
    EXPECT_TRUE(b.leave(ann));
    EXPECT_EQ(b.snapshot().gave_up, 2u);
    slot.reset();
    EXPECT_THAT(called, testing::ElementsAre("eve"));
    EXPECT_TRUE(b.leave(dan));
    (void)b.claim(eve);
    EXPECT_EQ(b.snapshot().in_use, 0u);
}

TEST(bulkhead, a_slot_given_to_one_who_leaves_goes_on_to_the_next) {
    std::vector<std::string> called;
    guest ann{"ann", called}, bob{"bob", called};
    bulkhead b{{.max_concurrent = 1, .queue = 2}};
    std::optional slot{std::move(*b.enter(now))};
    ASSERT_TRUE(waits(b, ann) && waits(b, bob));
    slot.reset();
    EXPECT_FALSE(b.leave(ann)) << "too late: the permit is hers";
    (void)b.claim(ann);
    EXPECT_THAT(called, testing::ElementsAre("ann", "bob"));
    (void)b.claim(bob);
    EXPECT_EQ(b.snapshot().in_use, 0u);
}

TEST(bulkhead, a_waiter_can_wait_again) {
    std::vector<std::string> called;
    guest ann{"ann", called};
    bulkhead b{{.max_concurrent = 1, .queue = 1}};
    for (int i = 0; i < 3; ++i) {
        std::optional slot{std::move(*b.enter(now))};
        ASSERT_TRUE(waits(b, ann));
        slot.reset();
        (void)b.claim(ann);
    }
    EXPECT_EQ(called.size(), 3u);
}

TEST(bulkhead, a_raised_limit_lets_waiters_in_at_once) {
    std::vector<std::string> called;
    guest ann{"ann", called}, bob{"bob", called}, eve{"eve", called};
    bulkhead b{{.max_concurrent = 1, .queue = 3}};
    auto slot = b.enter(now);
    ASSERT_TRUE(waits(b, ann) && waits(b, bob) && waits(b, eve));
    ASSERT_TRUE(b.set_limit(3));
    EXPECT_THAT(called, testing::ElementsAre("ann", "bob"));
    EXPECT_EQ(b.snapshot().in_use, 3u);
    EXPECT_EQ(b.snapshot().max_in_use, 3u);
    EXPECT_TRUE(b.leave(eve));
    (void)b.claim(ann);
    (void)b.claim(bob);
}

TEST(bulkhead, a_lowered_limit_takes_nothing_away) {
    std::vector<std::string> called;
    guest ann{"ann", called};
    bulkhead b{{.max_concurrent = 3, .queue = 1}};
    std::optional one{std::move(*b.enter(now))}, two{std::move(*b.enter(now))}, three{std::move(*b.enter(now))};
    ASSERT_TRUE(b.set_limit(1));
    ASSERT_TRUE(waits(b, ann));
    one.reset();
    two.reset();
    EXPECT_TRUE(called.empty()) << "the third call still fills the limit of one";
    EXPECT_EQ(b.snapshot().in_use, 1u);
    three.reset();
    EXPECT_EQ(called.size(), 1u);
    (void)b.claim(ann);
}

TEST(bulkhead, says_until_when_a_waiter_should_wait) {
    EXPECT_EQ((bulkhead{{.queue = 1, .queue_wait = 250ms}}.queue_deadline(now)), now + 250ms);
    EXPECT_EQ((bulkhead{{.queue = 1, .queue_wait = duration::max()}}.queue_deadline(now)), time_point::max());
    EXPECT_EQ(bulkhead{}.refusal().code, errc::bulkhead_full);
}

TEST(bulkhead, options_that_cannot_be_meant_are_refused) {
    EXPECT_THROW(bulkhead{{.max_concurrent = 0}}, configuration_error);
    const auto errors = bulkhead_options{.max_concurrent = 1'000'001, .queue = 1'000'001, .queue_wait = 0s}.validate();
    ASSERT_EQ(errors.size(), 3u);
    EXPECT_EQ(errors[0].message(), "max_concurrent = 1000001: must be between 1 and 1000000");
    EXPECT_EQ(errors[1].message(), "queue = 1000001: must be at most 1000000");
    EXPECT_EQ(errors[2].message(), "queue_wait = 0s: must be above 0 (to refuse at once, set queue to 0)");
    bulkhead b;
    EXPECT_EQ(b.set_limit(0).error().front().message(), "limit = 0: must be between 1 and 1000000");
    EXPECT_EQ(b.snapshot().limit, 64u);
}
