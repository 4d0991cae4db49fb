// What a service answers in a test, call by call: values, errors, exceptions, and how long each takes.
//
//   fusebox::testing::script<std::expected<std::string, std::string>> service;
//   service.then(std::unexpected("down"), 2s).then("order 7").then_throw(std::runtime_error("reset"));
//
// It is played by scripted_call.hpp for blocking code and by scripted_coroutine.hpp for coroutines, by several
// at once if need be: each call takes the next answer. A call beyond the last one throws script_over, and is
// counted all the same.
//
// Thread-safe.
#pragma once

#include <fusebox/clock.hpp>

#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace fusebox::testing {

// Thrown by a call that the script has no answer for. To the policies around it the service has failed, and
// a fallback may hide it: where that can happen, compare script::calls() with the number that you mean.
struct script_over : std::logic_error {
    script_over(std::size_t call, std::size_t answers)
        : std::logic_error("call " + std::to_string(call) + " is one too many: the script has " +
                           std::to_string(answers) + (answers == 1 ? " answer" : " answers") +
                           ". Add a then(), or find out who calls") {}
};

// `R` is what the operation returns: a value, or an expected.
template <class R>
class script {
    static_assert(!std::is_void_v<R>, "an operation without a result: script an int, and let a lambda drop it");

public:
    // One call's share of the script.
    class answer {
    public:
        duration takes() const noexcept { return takes_; }
        // Returns the scripted result, or throws the scripted exception. Once.
        R give() {
            if (thrown_) std::rethrow_exception(thrown_);
            return *std::move(result_);
        }

    private:
        friend script;
        answer(std::optional<R> result, std::exception_ptr thrown, duration takes)
            : result_(std::move(result)), thrown_(std::move(thrown)), takes_(takes) {}

        std::optional<R> result_;
        std::exception_ptr thrown_;
        duration takes_;
    };

    // The next call that is not scripted yet returns `result`, after so long.
    script& then(R result, duration takes = duration{0}) { return add({std::move(result), nullptr, takes}); }

    // The next call that is not scripted yet throws `thrown`, after so long.
    template <class X>
    script& then_throw(X thrown, duration takes = duration{0}) {
        return add({std::nullopt, std::make_exception_ptr(std::move(thrown)), takes});
    }

    // A call begins: its answer. Throws script_over when there is none.
    answer next() {
        const std::scoped_lock hold(mutex_);
        ++calls_;
        if (answers_.empty()) throw script_over(calls_, scripted_);
        answer next = std::move(answers_.front());
        answers_.pop_front();
        return next;
    }

    // How many calls have begun, those beyond the script included.
    std::size_t calls() const {
        const std::scoped_lock hold(mutex_);
        return calls_;
    }

    // How many answers have not been asked for yet.
    std::size_t left() const {
        const std::scoped_lock hold(mutex_);
        return answers_.size();
    }

private:
    script& add(answer a) {
        if (a.takes() < duration{0})
            throw std::invalid_argument("script: a call cannot take " + std::to_string(a.takes().count()) +
                                        " ns; give 0 or more");
        const std::scoped_lock hold(mutex_);
        answers_.push_back(std::move(a));
        ++scripted_;
        return *this;
    }

    mutable std::mutex mutex_;
    std::deque<answer> answers_;
    std::size_t scripted_ = 0;
    std::size_t calls_ = 0;
};

}  // namespace fusebox::testing
