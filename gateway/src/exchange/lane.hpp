// One attempt as the policies see it: its result, its clocks, and the policies that are its own, where a route has such
// (route_state::inner_at). What those decide, the exchange's machine hears of.
//
// Thread-safety: none.
#pragma once

#include "exchange/attempt_result.hpp"

#include <fusebox/detail/dynamic_walk.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace fusebox::gateway {

class lane {
public:
    enum class stage : unsigned char {
        idle,      // not under way
        choosing,  // of its endpoint, with the breaker that it goes through
        waiting,   // for its own policies: a delay, a queue
        asking,    // it is made
        holding,   // it has failed with a response, which may yet be the client's
        won,       // its response is relayed
        over,      // it has ended, and may still hold something
    };

    // The first of a race is number 1.
    explicit lane(std::uint32_t n) noexcept : number(n) {}
    lane(const lane&) = delete;
    lane& operator=(const lane&) = delete;

    bool is_running() const noexcept { return at != stage::idle && at != stage::holding && at != stage::over; }

    // Begins without policies of its own: what the request's policies judge, and their clocks, are its own, too.
    void begin(attempt_result& judged, detail::walk_state& clocks, time_point now) noexcept;
    // Begins with such; its clocks end with those of `outer`.
    void begin_by_itself(const outcome_rules& rules, const detail::walk_state& outer, const monotonic_clock& time,
                         detail::waker& wake, time_point now);
    // Goes through them: as they lie in `parts`, which must outlive the walk; or through `row` with `breaker` at
    // `place`.
    detail::command walk_through(std::span<const pipeline_part> parts);
    detail::command walk_through(std::span<const pipeline_part> row, std::size_t place,
                                 std::shared_ptr<circuit_breaker> breaker);
    detail::command resume() { return walk_->resume(); }

    // Tells its own policies how it ended, and gives what came of it all.
    detail::ending leave(cancel_cause cause);
    // Its outcome is known, though it goes on: its breakers need not wait.
    void tell_breakers() {
        if (walk_ && !walk_over) walk_->tell_breakers();
    }
    // Of no request any more: no policy is held.
    void forget() noexcept;

    // The breaker that was put at `place` of its own row, or null.
    const circuit_breaker* breaker_at(std::size_t place) const noexcept;

    attempt_result& result() noexcept { return *result_; }
    detail::walk_state& clocks() noexcept { return *clocks_; }

    const std::uint32_t number;
    stage at = stage::idle;
    bool queued = false;     // waits in a queue, not for an instant
    bool walk_over = false;  // its own policies refused, or have heard the end
    time_point began{};

private:
    attempt_result* result_ = nullptr;  // its own, or the request's
    detail::walk_state* clocks_ = nullptr;
    std::optional<attempt_result> own_result_;
    detail::walk_state own_clocks_{call_context{}, detail::step_time{nullptr}};
    std::vector<pipeline_part> own_row_;  // keeps its memory
    std::optional<detail::dynamic_walk<attempt_result>> walk_;
};

}  // namespace fusebox::gateway
