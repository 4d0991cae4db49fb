// Threads that end late, that cannot be made, or that end what owns them: hedges and the thread pool.
#include <fusebox/dynamic_pipeline.hpp>
#include <fusebox/pipeline.hpp>
#include <fusebox/thread_pool.hpp>

#include <gtest/gtest.h>

#include <pthread.h>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>

namespace fusebox {
namespace {

using namespace std::chrono_literals;

// While it lives the system gives no thread: no address space has room for such a stack.
class without_threads {
public:
    without_threads() {
        pthread_attr_t huge;
        pthread_getattr_default_np(&usual_);
        pthread_attr_init(&huge);
        pthread_attr_setstacksize(&huge, std::size_t{1} << 47);
        pthread_setattr_default_np(&huge);
        pthread_attr_destroy(&huge);
    }
    ~without_threads() {
        pthread_setattr_default_np(&usual_);
        pthread_attr_destroy(&usual_);
    }

private:
    pthread_attr_t usual_{};
};

TEST(hedge_threads, without_a_thread_the_first_attempt_runs_in_the_callers) {
    hedge second{{.delay = 0s}};
    pipeline calls{second};
    const without_threads now;
    const auto caller = std::this_thread::get_id();
    const auto answer = calls.call([=] { return std::this_thread::get_id() == caller; });
    EXPECT_TRUE(answer.value());
}

TEST(hedge_threads, an_attempt_that_no_thread_can_be_made_for_is_suppressed_and_nothing_else) {
    hedge second{{.delay = 1h}};
    pipeline calls{second};
    std::optional<without_threads> now;
    const auto answer = calls.call([&]() -> std::expected<int, int> {
        now.emplace();
        return std::unexpected(7);  // and the next attempt would begin at once
    });
    now.reset();
    ASSERT_FALSE(answer);
    EXPECT_EQ(second.snapshot().launched, 0u);
    EXPECT_EQ(second.snapshot().suppressed, 1u);
}

// An operation whose copies may be made so many times.
struct shy {
    explicit shy(int copies) : left(copies) {}
    shy(const shy& other) : left(other.left - 1) {
        if (left < 0) throw std::runtime_error("no more copies");
    }
    int operator()() const { return 1; }
    int left;
};

TEST(hedge_threads, a_copy_that_throws_is_an_exception_of_the_call) {
    for (const int copies : {0, 1}) {
        hedge second{{.delay = 1h}};
        pipeline calls{second};
        EXPECT_THROW((void)calls.call(shy{copies}), std::runtime_error) << copies;
    }
    hedge second{{.delay = 1h}};
    pipeline calls{second};
    EXPECT_EQ(calls.call(shy{2}).value(), 1);
}

TEST(hedge_threads, a_classifier_that_throws_is_an_exception_of_the_call) {
    hedge second{{.delay = 1h}};
    pipeline calls{second};
    const auto classify = [](const int&) -> verdict { throw std::runtime_error("cannot tell"); };
    EXPECT_THROW((void)calls.call([] { return 1; }, classify), std::runtime_error);
}

TEST(hedge_threads, a_dynamic_pipeline_may_be_moved_while_a_loser_runs) {
    auto made = dynamic_pipeline::make({hedge_options{.delay = 0s}});
    ASSERT_TRUE(made);
    std::atomic<int> heard{0}, begun{0};
    std::promise<void> let_go;
    auto go = let_go.get_future().share();
    auto first = std::make_unique<dynamic_pipeline>(std::move(*made));
    first->observe([&](const pipeline_event&) { ++heard; });
    EXPECT_TRUE(first->call([&, go] {
        if (begun++ == 0) go.wait();
        return 1;
    }));
    {
        const dynamic_pipeline second = std::move(*first);
        first.reset();
        let_go.set_value();
    }
    EXPECT_GT(heard, 0);
}

TEST(thread_pool_threads, a_pool_may_end_in_its_own_work) {
    auto pool = std::make_shared<thread_pool>(thread_pool_options{.threads = 3});
    std::promise<void> let_go, ended;
    auto done = ended.get_future();
    auto answer = pool->submit([mine = pool, go = let_go.get_future(), &ended]() mutable {
        go.wait();
        mine.reset();
        ended.set_value();
        return 5;
    });
    pool.reset();
    let_go.set_value();
    done.wait();
    EXPECT_EQ(answer->get(), 5);
}

}  // namespace
}  // namespace fusebox
