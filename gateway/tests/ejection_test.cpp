// The passive ejection of one endpoint: how long, and how it comes back.
#include "endpoints/ejection.hpp"

#include <gtest/gtest.h>

namespace {

using namespace fusebox;
using namespace fusebox::gateway;
using namespace std::chrono_literals;

constexpr time_point start{1000s};
const ejection_options options{.base = 10s, .multiplier = 2, .cap = 60s};

TEST(ejection, lasts_longer_each_time_in_a_row_up_to_the_cap) {
    ejection e;
    time_point now = start;
    e.eject(ejection_reason::consecutive_failures, 1, options, now);
    for (const duration expected : {10s, 20s, 40s, 60s, 60s}) {
        EXPECT_EQ(e.until() - e.since(), expected);
        now = e.until();
        e.trial_ended(false, e.number(), options, now);
        EXPECT_TRUE(e.active());
        EXPECT_EQ(e.reason(), ejection_reason::trial_failed);
    }
    EXPECT_EQ(e.in_a_row(), 6u);
}

TEST(ejection, ends_with_a_successful_trial_after_its_timer_and_not_before) {
    ejection e;
    e.eject(ejection_reason::failure_rate, 0.7, options, start);
    EXPECT_FALSE(e.trial_due(start + 10s - 1ns));
    e.trial_ended(true, e.number(), options, start + 10s - 1ns);
    EXPECT_TRUE(e.active());
    EXPECT_TRUE(e.trial_due(start + 10s));
    e.trial_ended(true, e.number(), options, start + 10s);
    EXPECT_FALSE(e.active());
}

TEST(ejection, does_not_listen_to_a_trial_of_an_earlier_ejection) {
    ejection e;
    e.eject(ejection_reason::consecutive_failures, 1, options, start);
    const auto first = e.number();
    e.trial_ended(false, first, options, start + 10s);
    e.trial_ended(true, first, options, start + 100s);
    EXPECT_TRUE(e.active());
}

TEST(ejection, is_forgiven_after_staying_in_for_as_long_as_it_was_out) {
    ejection soon, late;
    for (ejection* e : {&soon, &late}) {
        e->eject(ejection_reason::consecutive_failures, 1, options, start);
        e->trial_ended(true, e->number(), options, start + 10s);
    }
    soon.eject(ejection_reason::consecutive_failures, 1, options, start + 20s - 1ns);
    EXPECT_EQ(soon.until() - soon.since(), 20s);
    late.eject(ejection_reason::consecutive_failures, 1, options, start + 20s);
    EXPECT_EQ(late.until() - late.since(), 10s);
}

TEST(ejection, is_shortened_by_passes_that_began_after_it_and_never_ended_by_them) {
    ejection e;
    e.eject(ejection_reason::consecutive_failures, 1, options, start);
    e.checked(true, start - 1s, 2, start + 1s);  // began before
    e.checked(true, start, 2, start + 1s);       // began with it
    e.checked(true, start + 1s, 2, start + 2s);
    EXPECT_EQ(e.until(), start + 10s);
    e.checked(true, start + 2s, 2, start + 3s);
    EXPECT_EQ(e.until(), start + 3s);
    EXPECT_TRUE(e.active());
    EXPECT_TRUE(e.trial_due(start + 3s));
}

TEST(ejection, begins_to_count_passes_anew_after_a_failed_check) {
    ejection e;
    e.eject(ejection_reason::consecutive_failures, 1, options, start);
    e.checked(true, start + 1s, 2, start + 1s);
    e.checked(false, start + 2s, 2, start + 2s);
    e.checked(true, start + 3s, 2, start + 3s);
    EXPECT_EQ(e.until(), start + 10s);
    e.checked(true, start + 4s, 2, start + 4s);
    EXPECT_EQ(e.until(), start + 4s);
}

TEST(ejection, is_never_lengthened_by_a_pass) {
    ejection e;
    e.eject(ejection_reason::consecutive_failures, 1, options, start);
    e.checked(true, start + 20s, 1, start + 21s);
    EXPECT_EQ(e.until(), start + 10s);
}

TEST(ejection, refuses_options_that_cannot_be_meant) {
    EXPECT_TRUE(ejection_options{}.validate().empty());
    const ejection_options wrong{.consecutive_failures = 0,
                                 .failure_rate = 2.0,
                                 .minimum_calls = 0,
                                 .interval = 0s,
                                 .base = 0s,
                                 .multiplier = 0.5,
                                 .cap = -1s,
                                 .trial_lease = 0s};
    EXPECT_EQ(wrong.validate().size(), 8u);
}

}  // namespace
