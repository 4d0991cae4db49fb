// What a protected operation may know of the call that it serves.
#pragma once

#include <fusebox/clock.hpp>

#include <cstdint>
#include <stop_token>

namespace fusebox {

// Handed to operations that take it: `[](const call_context& c) { … }`. Valid during the operation.
class call_context {
public:
    call_context() = default;
    explicit call_context(const std::stop_token& stop, time_point deadline = time_point::max()) noexcept
        : stop_(&stop), deadline_(deadline) {}

    // When the nearest timeout around the operation strikes; time_point::max() when there is none. A
    // blocking operation is to end by then by itself: nobody can do it in its place. A coroutine is cancelled.
    time_point deadline() const noexcept { return deadline_; }

    // How long until then at `now`; zero when it is past.
    duration remaining(time_point now) const noexcept { return deadline_ <= now ? duration{0} : deadline_ - now; }

    // 1 for the first try, 2 for the first retry, …
    std::uint32_t attempt() const noexcept { return attempt_; }

    // Stops when nobody wants the answer any more. Of blocking calls; a coroutine is cancelled instead.
    const std::stop_token& stop() const noexcept { return *stop_; }
    bool stop_requested() const noexcept { return stop_->stop_requested(); }

    void set_deadline(time_point t) noexcept { deadline_ = t; }
    void set_attempt(std::uint32_t n) noexcept { attempt_ = n; }

private:
    static inline const std::stop_token never_;
    const std::stop_token* stop_ = &never_;
    time_point deadline_ = time_point::max();
    std::uint32_t attempt_ = 1;
};

// What one call may bring along.
struct call_options {
    std::stop_token stop{};                   // the caller gives up
    time_point deadline = time_point::max();  // the caller's own, in the clock of the runtime
};

}  // namespace fusebox
