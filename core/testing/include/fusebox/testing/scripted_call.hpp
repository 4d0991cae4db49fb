// A blocking operation that answers what a script says. Give it to the code under test in place of the real call.
//
//   fusebox::testing::manual_runtime runtime;
//   fusebox::testing::script<std::expected<std::string, std::string>> service;
//   service.then(std::unexpected("down"), 2s).then("order 7");
//   auto order = calls.call(fusebox::testing::scripted_call{service, runtime.time});   // a retry succeeds
//
// What a call takes passes on the manual clock. In a pipeline it keeps to its deadline, as blocking code has to: it
// then ends at the deadline, and the timeout has the last word.
//
// Copies play the same script. Thread-safe, but the time of two calls at once adds up on the one clock; to test
// a hedge, take scripted_coroutine.hpp.
#pragma once

#include <fusebox/call_context.hpp>
#include <fusebox/testing/manual_clock.hpp>
#include <fusebox/testing/script.hpp>

#include <algorithm>

namespace fusebox::testing {

template <class R>
class scripted_call {
public:
    // Both must outlive it.
    scripted_call(script<R>& lines, manual_clock& clock) noexcept : script_(&lines), clock_(&clock) {}

    R operator()() const { return play(duration::max()); }
    R operator()(const call_context& call) const { return play(call.remaining(clock_->now())); }

private:
    R play(duration at_most) const {
        auto answer = script_->next();
        clock_->advance(std::min(answer.takes(), at_most));
        return answer.give();
    }

    script<R>* script_;
    manual_clock* clock_;
};

}  // namespace fusebox::testing
