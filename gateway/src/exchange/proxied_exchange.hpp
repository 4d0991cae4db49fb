// One request on its way: does what its machine says (exchange_machine.hpp), on a reactor, and tells it what happened.
// The parts that it moves have their own state: attempts, the request's body, kept answers, the relay of the response.
//
// Exchanges are used again, request after request. An event that ends one is the last thing that is done in it: the
// next request may begin in it at once.
//
// Thread-safety: none; but a bulkhead, or another request's end, may wake one from anywhere.
#pragma once

#include "exchange/attempt.hpp"
#include "exchange/endpoint_choice.hpp"
#include "exchange/exchange_machine.hpp"
#include "exchange/kept_part.hpp"
#include "exchange/request_body.hpp"
#include "exchange/request_record.hpp"
#include "exchange/response_relay.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace fusebox::gateway {

class proxied_exchange;

// Whose exchanges these are.
class exchange_owner {
public:
    // It serves no request any more, and may be used for another.
    virtual void ended(proxied_exchange& done) noexcept = 0;

protected:
    ~exchange_owner() = default;
};

class proxied_exchange final : public http::exchange, private attempt_owner, private exchange_lender {
public:
    proxied_exchange(thread_resources& lends, exchange_owner& owner);

    // Serves the request that `client` has. Null when it is answered already.
    http::exchange* begin(http::server_connection& client, route_state& route);

private:
    // Whom a grant wakes, and what of ours is waited for: by the request (number 0), or by an attempt.
    struct waiting final : detail::waker {
        waiting(proxied_exchange& e, std::uint32_t n) noexcept : of(e), number(n) {}
        void wake() noexcept override { of.woken(number); }
        void over() { of.hear({.kind = event::time, .attempt = number}); }

        proxied_exchange& of;
        const std::uint32_t number;
        http::deadline timer{http::on<&waiting::over>(this)};
    };
    struct track {
        track(proxied_exchange& e, thread_resources& lends, std::uint32_t n) : waits(e, n), attempt(e, lends, n) {}
        void forget() noexcept {
            waits.timer.disarm();
            attempt.forget();
        }

        waiting waits;
        gateway::attempt attempt;
    };
    // What is done last of all, when nothing of the request is here any more.
    enum class farewell : unsigned char { none, complete, abort, fail_body };
    // All of one request.
    struct state {
        http::server_connection* client = nullptr;
        route_state* route = nullptr;
        upstream_state* to = nullptr;  // the route's own, or that of its fallback
        std::span<const pipeline_part> policies{};
        bool relaying = false;
        bool acting = false;  // an action is done: what happens meanwhile waits
        farewell last = farewell::none;
        std::optional<incident> lost{};  // nobody is left to be told
    };

    // http::exchange
    void client_ready() override;
    void client_lost(loss why) override;
    // attempt_owner
    void answered(attempt& a, attempt_report how) override;
    void failed(attempt& a, const attempt_report& how) override;
    void interim(attempt& a) override;
    void request_whole() override { hear({.kind = event::request_whole, .report = {.body_kept = body_.is_kept()}}); }
    void request_broken(incident why) override;
    void stirred(attempt& a) override;
    void silent(attempt& a) override;
    // exchange_lender
    detail::waker& waker_of(std::uint32_t n) override { return waiting_of(n); }
    std::span<const pipeline_part> policies() override;
    bool is_trial(std::uint32_t n) const override { return tracks_[n - 1]->attempt.is_trial(); }

    void woken(std::uint32_t number) noexcept;
    void hear(event e);
    void act(action a);
    void perform(const action& a);
    void wait(http::deadline& timer, time_point until);
    void choose(attempt& a);
    void ask(attempt& a);
    void rest(std::uint32_t number) noexcept;
    void relay(attempt& a, bool switches);
    void go_on(response_relay::state s);
    void end();
    track& track_of(std::uint32_t number);
    waiting& waiting_of(std::uint32_t n) { return n == 0 ? waits_ : track_of(n).waits; }
    time_point now() const noexcept { return thread_.loop().now(); }

    thread_resources& thread_;
    exchange_owner& owner_;
    std::atomic<std::uint32_t> serial_{0};  // which request this is: late wake-ups are known by it
    waiting waits_{*this, 0};
    std::vector<std::unique_ptr<track>> tracks_;  // that there ever were: all but the first are of races
    exchange_machine machine_{*this};
    request_record record_{thread_};
    request_body body_;
    kept_part kept_{waits_};
    response_relay relay_;
    endpoint_choice choice_{thread_};
    std::vector<pipeline_part> own_row_;  // of policies; keeps its memory
    std::vector<event> pending_;          // likewise
    state now_{};
};

}  // namespace fusebox::gateway
