// The shipped breaker among simulated threads: 10 000 seeds for each strategy, or FUSEBOX_SIMULATION_SEEDS.
// A seed that fails is run again by FUSEBOX_SIMULATION_FIRST=<seed> FUSEBOX_SIMULATION_SEEDS=1.
#include "simulation_world.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

namespace fusebox::simulation {
namespace {

std::uint64_t number(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::ostream& operator<<(std::ostream& out, const findings& f) {
    return out << f.calls << " calls, " << f.rejected << " rejected, " << f.trials << " trials, " << f.transitions
               << " transitions, " << f.openings << " openings, " << f.closings << " recoveries, " << f.steps
               << " steps";
}

class simulated_threads : public testing::TestWithParam<strategy> {};

TEST_P(simulated_threads, the_breaker_keeps_its_promises_in_every_order_of_events) {
    const auto first = number("FUSEBOX_SIMULATION_FIRST", 1), seeds = number("FUSEBOX_SIMULATION_SEEDS", 10'000);
    findings sum;
    for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
        const findings f = simulate<defect::none>(seed, GetParam());
        ASSERT_EQ(f.failure, "") << "seed " << seed;
        sum += f;
    }
    std::cout << seeds << " seeds: " << sum << '\n';
    if (seeds >= 1000) {  // not vacuous
        EXPECT_GT(sum.rejected, sum.calls / 100);
        EXPECT_GT(sum.trials, sum.calls / 100);
        EXPECT_GT(sum.closings, seeds / 100);
    }
}

TEST_P(simulated_threads, the_same_seed_gives_the_same_history) {
    for (std::uint64_t seed = 1; seed <= 100; ++seed)
        ASSERT_EQ(simulate<defect::none>(seed, GetParam()), simulate<defect::none>(seed, GetParam()));
}

// The first seed at which a defect shows; 0 when none within `most` does.
template <defect Defect>
std::uint64_t first_sight(strategy how, std::uint64_t most) {
    for (std::uint64_t seed = 1; seed <= most; ++seed) {
        const findings f = simulate<Defect>(seed, how);
        if (f.failure.empty()) continue;
        std::cout << "seed " << seed << ": " << f.failure << '\n';
        return seed;
    }
    return 0;
}

TEST_P(simulated_threads, a_lock_that_does_nothing_is_noticed) {
    EXPECT_NE(first_sight<defect::lock_that_does_nothing>(GetParam(), 1000), 0u);
}
TEST_P(simulated_threads, a_deadline_that_is_there_before_its_state_is_noticed) {
    EXPECT_NE(first_sight<defect::word_shown_last>(GetParam(), 1000), 0u);
}
TEST_P(simulated_threads, a_clock_that_stands_is_noticed) {
    EXPECT_NE(first_sight<defect::clock_that_stands>(GetParam(), 1000), 0u);
}
TEST_P(simulated_threads, cells_that_forget_their_generation_are_noticed) {
    EXPECT_NE(first_sight<defect::cells_without_tag>(GetParam(), 1000), 0u);
}
TEST_P(simulated_threads, threads_that_share_a_cell_are_noticed) {
    EXPECT_NE(first_sight<defect::one_cell_for_all>(GetParam(), 1000), 0u);
}
// It takes a thread that sleeps for several generations, and begins where another has ended: for PCT.
TEST(simulation, a_cell_that_is_taken_after_the_word_is_read_is_noticed) {
    EXPECT_NE(first_sight<defect::cell_taken_last>(strategy::pct, 5000), 0u);
}
TEST_P(simulated_threads, results_that_are_not_tied_to_their_generation_are_noticed) {
    EXPECT_NE(first_sight<defect::results_of_any_time>(GetParam(), 1000), 0u);
}
TEST_P(simulated_threads, results_that_are_settled_twice_are_noticed) {
    EXPECT_NE(first_sight<defect::settling_twice>(GetParam(), 1000), 0u);
}

INSTANTIATE_TEST_SUITE_P(by, simulated_threads, testing::Values(strategy::random_walk, strategy::pct),
                         [](const auto& how) { return how.param == strategy::pct ? "pct" : "random_walk"; });

}  // namespace
}  // namespace fusebox::simulation
