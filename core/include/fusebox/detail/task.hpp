// Work to be done once, of any type that can be moved: std::move_only_function<void()>, which not every standard
// library has yet.
//
// Thread-safety: none of its own.
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace fusebox::detail {

class task {
public:
    task() = default;  // nothing; not to be called

    // Throws what moving `work` throws, and std::bad_alloc.
    template <class F>
        requires(!std::same_as<std::remove_cvref_t<F>, task>)
    task(F work) : held_(std::make_unique<holder<F>>(std::move(work))) {}

    void operator()() { held_->run(); }

private:
    struct runnable {
        virtual ~runnable() = default;
        virtual void run() = 0;
    };
    template <class F>
    struct holder final : runnable {
        explicit holder(F&& work) : work_(std::move(work)) {}
        void run() override { work_(); }

        F work_;
    };

    std::unique_ptr<runnable> held_;
};

}  // namespace fusebox::detail
