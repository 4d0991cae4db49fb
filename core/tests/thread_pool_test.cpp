#include <fusebox/thread_pool.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

using namespace fusebox;

namespace {

// Work that runs until it is let go.
class gate {
public:
    auto work() {
        return [this, open = open_] {
            started_.set_value();
            open.wait();
        };
    }
    void wait_until_running() { started_.get_future().wait(); }
    void let_go() { opener_.set_value(); }

private:
    std::promise<void> started_, opener_;
    std::shared_future<void> open_{opener_.get_future()};
};

}  // namespace

TEST(thread_pool, runs_work_on_threads_of_its_own) {
    thread_pool pool{{.threads = 2, .queue = 2}};
    auto answer = pool.submit([] { return std::this_thread::get_id(); });
    ASSERT_TRUE(answer);
    EXPECT_NE(answer->get(), std::this_thread::get_id());
}

TEST(thread_pool, carries_values_references_and_exceptions) {
    thread_pool pool;
    std::string kept = "kept";
    EXPECT_EQ(*pool.submit([] { return std::make_unique<int>(7); })->get(), 7);
    EXPECT_EQ(&pool.submit([&]() -> std::string& { return kept; })->get(), &kept);
    EXPECT_THROW(pool.submit([] { throw std::runtime_error("no"); })->get(), std::runtime_error);
    EXPECT_EQ(pool.submit([owned = std::make_unique<int>(8)] { return *owned; })->get(), 8);
}

TEST(thread_pool, refuses_what_threads_and_queue_cannot_hold) {
    gate g;
    thread_pool pool{{.threads = 1, .queue = 1}};
    auto running = pool.submit(g.work());
    g.wait_until_running();
    auto queued = pool.submit([] { return 1; });
    ASSERT_TRUE(queued);
    auto refused = pool.submit([] { return 2; });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::bulkhead_full);
    const auto s = pool.snapshot();
    EXPECT_EQ(s.running, 1u);
    EXPECT_EQ(s.queued, 1u);
    EXPECT_EQ(s.rejected, 1u);
    g.let_go();
    EXPECT_EQ(queued->get(), 1);
}

TEST(thread_pool, a_place_is_free_before_the_future_is_ready) {
    thread_pool pool{{.threads = 1, .queue = 0}};
    for (int i = 0; i < 1000; ++i) {
        auto answer = pool.submit([i] { return i; });
        ASSERT_TRUE(answer) << i;
        ASSERT_EQ(answer->get(), i);
    }
    EXPECT_EQ(pool.snapshot().rejected, 0u);
}

TEST(thread_pool, giving_up_on_the_future_does_not_free_the_place) {
    gate g;
    thread_pool pool{{.threads = 1, .queue = 0}};
    (void)pool.submit(g.work());
    g.wait_until_running();
    EXPECT_FALSE(pool.submit([] {}));
    g.let_go();
}

TEST(thread_pool, its_end_discards_what_is_queued_and_waits_for_what_runs) {
    gate g;
    std::future<int> queued;
    bool ran = false, finished = false;
    std::expected<std::future<void>, rejection> running;
    {
        thread_pool pool{{.threads = 1, .queue = 1}};
        running = pool.submit([&, work = g.work()]() mutable {
            work();
            EXPECT_THROW(queued.get(), std::future_error) << "discarded while this one still runs";
            EXPECT_FALSE(pool.submit([] {})) << "and nothing new is accepted";
            finished = true;
        });
        g.wait_until_running();
        queued = std::move(*pool.submit([&] { return ran = true, 1; }));
        g.let_go();
        // The running work now blocks on the queued one, which only the destructor below can end.
    }
    EXPECT_TRUE(finished);
    EXPECT_FALSE(ran);
    EXPECT_NO_THROW(running->get());
}

TEST(thread_pool, options_that_cannot_be_meant_are_refused) {
    EXPECT_THROW(thread_pool({.threads = 0}), configuration_error);
    EXPECT_EQ(thread_pool_options({.threads = 1'001, .queue = 100'001}).validate().size(), 2u);
}
