// Threads call through a tree of circuits that opens, heals, grows and shrinks. For the thread sanitizer.
#include <fusebox/circuit_hierarchy.hpp>
#include <fusebox/random.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace fusebox;
using namespace std::chrono_literals;

namespace {

// root ─┬─ left ──┬─ leaf 0
//       │         └─ leaf 1
//       └─ right ─┬─ leaf 2
//                 └─ leaf 3
struct tree {
    fusebox::testing::manual_clock clock;
    std::shared_ptr<circuit_node> root = node("root", nullptr), left = node("left", root), right = node("right", root);
    std::array<std::shared_ptr<circuit_node>, 4> leaves{node("leaf 0", left), node("leaf 1", left),
                                                        node("leaf 2", right), node("leaf 3", right)};

    std::shared_ptr<circuit_node> node(std::string name, const std::shared_ptr<circuit_node>& parent) {
        const circuit_breaker_options o{
            .consecutive_failures = 3, .open_for = 20ms, .open_jitter = 0, .trial_lease = 0s};
        return std::make_shared<circuit_node>(std::make_shared<circuit_breaker>(std::move(name), o, &clock),
                                              circuit_node_options{.opens_on = open_weight{0.6}}, parent);
    }
};

}  // namespace

TEST(hierarchy_threads, every_call_is_heard_once_and_none_passes_a_parent_that_was_forced_open) {
    tree t;
    std::atomic<bool> done{false};
    std::atomic<std::uint64_t> forced{0};  // odd while the root is forced open, for sure
    std::atomic<std::uint64_t> slipped_through{0};
    std::array<std::atomic<std::uint64_t>, 4> admitted{}, refused_above{};

    const auto caller = [&](std::uint64_t seed) {
        splitmix64 random{seed};
        for (int i = 0; i < 15'000; ++i) {
            const auto which = random.next() % t.leaves.size();
            const std::uint64_t before = forced.load();
            auto permit = t.leaves[which]->try_acquire();
            if (permit) {
                ++admitted[which];
                if (before % 2 == 1 && forced.load() == before) ++slipped_through;
                if (random.next() % 16 == 0) std::this_thread::yield();
                permit->settle(random.next() % 3 == 0 ? verdict::success : verdict::failure);
            } else if (permit.error().code == errc::parent_open) {
                ++refused_above[which];
                EXPECT_FALSE(permit.error().message().empty());
            }
            if (i % 8 == 0) t.clock.advance(1ms);
        }
    };
    const auto operator_at_work = [&] {
        while (!done) {
            t.root->breaker()->force_open();
            ++forced;
            std::this_thread::yield();
            ++forced;
            t.root->breaker()->reset();
            for (int i = 0; i < 20; ++i) std::this_thread::yield();
        }
    };
    const auto gardener = [&] {
        while (!done) {
            auto leaf = t.node("passing", t.left);
            for (int i = 0; i < 3; ++i)
                if (auto p = leaf->try_acquire()) p->settle(verdict::failure);
            const children_tally seen = t.root->snapshot().tally();
            EXPECT_EQ(seen.weight, 2u);
            EXPECT_LE(seen.weight_open, seen.weight);
        }
    };
    std::thread op{operator_at_work}, garden{gardener};
    {
        std::vector<std::jthread> callers;
        for (std::uint64_t seed = 1; seed <= 3; ++seed) callers.emplace_back(caller, seed);
    }
    done = true;
    op.join();
    garden.join();

    EXPECT_EQ(slipped_through, 0u);
    for (std::size_t i = 0; i < t.leaves.size(); ++i) {
        const circuit_totals heard = t.leaves[i]->breaker()->snapshot().totals;
        const std::uint64_t verdicts = heard.successes + heard.failures;
        EXPECT_LE(verdicts, admitted[i]);
        EXPECT_GE(verdicts + heard.late_results, admitted[i]) << "leaf " << i;
        EXPECT_GT(admitted[i], 0u);
        EXPECT_GT(refused_above[i], 0u) << "otherwise this test has seen nothing";
    }
    const circuit_snapshot root = t.root->breaker()->snapshot();
    EXPECT_EQ(root.half_open.in_flight, 0u) << "all places were given back";
    EXPECT_EQ(t.left->snapshot().children.size(), 2u);
}
