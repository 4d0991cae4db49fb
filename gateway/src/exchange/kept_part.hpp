// A request's part in the answers that its route keeps: what is kept for it, which it asks the origin to validate, the
// copy that is made of its response, and the other requests that it waits for, or that wait for it.
//
// Thread-safety: none; but another request's end may wake it from anywhere.
#pragma once

#include "exchange/exchange_step.hpp"
#include "kept/answer_flights.hpp"
#include "kept/answer_store.hpp"
#include "kept/cache_rules.hpp"
#include "plan/plan.hpp"

#include <fusebox/http/request_head.hpp>
#include <fusebox/http/response_head.hpp>

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <sys/uio.h>

namespace fusebox::gateway {

class kept_part {
public:
    // `wakes`: when another's flight has ended.
    explicit kept_part(detail::waker& wakes) noexcept : place_(wakes) {}

    // Of a new request.
    void begin(route_state& route, const http::request_head& request) noexcept;
    // Before anything is asked of the origin, or of the policies.
    event::what_is_kept look_up(time_point now);
    // Whether the last good answer may be given in an error's place.
    event::what_is_kept look_for_stale(time_point now);
    // The other's flight has stirred: an event, or none while it goes on.
    event flight_stirred(time_point now);
    // Whoever waits behind it does not depend on it any more.
    void leave_flight();

    // The answer to be given: after one of the above that found some, or after freshen().
    const std::shared_ptr<const kept_answer>& given() const noexcept { return given_; }
    // Which the origin is asked about, rather than for another; null for none.
    const kept_answer* validated() const noexcept { return validated_.get(); }
    void forget_validated() noexcept { validated_.reset(); }
    // The origin says that what is kept is still right: false when it speaks of one that it was not asked about.
    bool freshen(const http::response_head& unchanged, time_point now);

    // -- The response.

    // A final head goes to the client. `of_spare`: of the fallback's upstream, which is not kept.
    void see(const http::response_head& head, std::span<answer_store* const> all, bool of_spare, time_point now);
    void copy(std::span<const iovec> parts);
    // The response was whole.
    void keep_copy();
    // Of no request any more.
    void end() noexcept;

private:
    std::shared_ptr<const kept_answer> find();
    bool is_fresh_enough(const kept_answer& kept, time_point now) const noexcept;
    event::what_is_kept join_flight();
    void keep(std::shared_ptr<const kept_answer> answer);
    void land(bool may_be_kept);
    void drop_copy() noexcept;

    route_state* route_ = nullptr;
    const http::request_head* request_ = nullptr;
    cache_request asked_{};
    std::string key_;  // keeps its memory
    std::shared_ptr<const kept_answer> given_;
    std::shared_ptr<const kept_answer> validated_;
    std::shared_ptr<kept_answer> copy_;  // null when it is not to be kept
    answer_flights::place place_;
    bool in_flight_ = false;
};

}  // namespace fusebox::gateway
