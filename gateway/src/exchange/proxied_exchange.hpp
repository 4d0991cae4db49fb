// One request on its way: from its route, through the route's policies, to an endpoint, and the answer back.
//
// A driver for the machine of core's pipelines (fusebox/detail/walk.hpp), on a reactor: the walk says whether to
// try, to wait or to end; this tries, waits and ends.
//
//   begin ─► walk ─► an attempt (attempt.hpp), or several that race ─┬─► relay its response ─► done
//              ▲ └► sleep, queue                                     └─► failed: the walk again
//              └─────────────────────────────────────────────────────────┘
//
// A response is relayed once it is clear that no other try will follow. From then on the policies' clocks no longer
// run: only idle times do.
//
// Exchanges are used again, request after request. Thread-safety: none; but a bulkhead may wake one from anywhere.
#pragma once

#include "exchange/attempt.hpp"
#include "exchange/thread_resources.hpp"
#include "exchange/try_result.hpp"
#include "messages/request_notes.hpp"
#include "plan/plan.hpp"

#include <fusebox/http/gather.hpp>
#include <fusebox/http/server_connection.hpp>

#include <fusebox/detail/dynamic_walk.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
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

class proxied_exchange final : public http::exchange, private detail::waker {
public:
    proxied_exchange(thread_resources& lends, exchange_owner& owner)
        : thread_(lends), owner_(owner), first_(*this, lends, 1) {}

    // Serves the request that `client` has. Null when it is answered already.
    http::exchange* begin(http::server_connection& client, route_state& route);

private:
    friend attempt;

    enum class stage : unsigned char {
        unused,
        following,   // another request, which has gone for the same answer
        waiting,     // for the walk: a backoff, a delay, a queue
        trying,      // an attempt is made, or several
        relaying,    // the response goes back
        tunnelling,  // after a 101
    };

    // http::exchange
    void client_ready() override;
    void client_lost(loss why) override;
    // detail::waker
    void wake() noexcept override;

    // The walk.
    void follow(detail::command c);
    void begin_walk();
    void begin_tries();
    void finish();
    void give_up(incident why);

    // The policies that are this request's own.
    void gather_policies();
    const circuit_breaker* breaker_of_request() const noexcept;

    // What attempts ask and say.
    std::span<const endpoint* const> tried() const noexcept { return {tried_.data(), tried_count_}; }
    void note_tried(const endpoint& e) noexcept {
        if (tried_count_ < most_tried) tried_[tried_count_++] = &e;
    }
    void note_try(std::uint32_t number) noexcept {
        ++notes_.tries;
        if (number > 1) ++notes_.hedges, raced_ = number;
    }
    // `may_close`: the connection that it goes out on was used before.
    void keep_body(std::span<const iovec> parts, std::size_t size, bool may_close);
    time_point whole_call_ends() const noexcept {
        return saturating_add(notes_.began, route_->configured.timeout.total);
    }
    bool body_too_large() const noexcept { return body_size_ > thread_.serves().configured().limits.body; }
    void body_is_whole() {
        if (route_->hedged) begin_race();
    }
    // Whether the request may be sent again: nothing of it is lost, and doing it twice does no harm.
    bool may_repeat(const attempt& a) const noexcept;
    bool is_idempotent() const noexcept;
    // Whether something better than its failed response may still come. `again`: from another try.
    bool may_improve(bool again) const noexcept { return again || race_ || (route_->replaces_errors && !replaced_); }
    void take_answer(attempt& a);
    void attempt_ended(attempt& a, cancel_cause cause);

    // The race of attempts that a hedge makes.
    void begin_race();
    bool may_launch() const noexcept;
    void launch_by_clock();
    void launch();
    attempt* heard_in_race(attempt& a, const detail::ending& how);
    void end_race(attempt& winner);
    void let_go_of_others(const attempt& kept);
    attempt& attempt_number(std::uint32_t n);
    template <class Visit>
    void for_each_attempt(Visit visit) {
        visit(first_);
        for (const auto& a : further_) visit(*a);
    }

    // Answers that the route keeps.
    std::shared_ptr<const kept_answer> find_kept();
    bool answer_fresh();
    bool is_fresh_enough(const kept_answer& kept) const noexcept;
    void answer_validated(attempt& a);
    std::shared_ptr<const kept_answer> stale_answer();
    void answer_kept(const kept_answer& kept, std::string_view note, std::string_view use);
    void look_at_answer(const http::response_head& head);
    void copy_body(std::span<const iovec> parts);
    void keep_copy();
    void keep(std::shared_ptr<const kept_answer> answer);
    void drop_copy() noexcept;

    // Waiting for what another request has gone for.
    bool follow_another();
    void flight_stirred();
    void following_expired();
    void go_alone();
    void land(bool may_be_kept);
    void leave_flight();

    // What takes an error's place.
    bool has_failed() const noexcept;
    bool fall_back();
    std::string note_fallback();
    void answer_then(const fixed_answer& then);

    // The answer.
    void relay_interim(const http::response_head& head);
    void upstream_stirred();
    std::string note_race();
    void relay_head(const http::response_head& head);
    void relay_body();
    void go_on_relaying(http::body_status status);
    void send_last_chunk();
    void relayed(bool whole);
    void watch_trial();
    void settle_trial();
    void end_walk();
    void begin_tunnel();
    void relay_tunnel();
    void answer(int status, std::string_view content_type, std::string_view body, std::string_view fields);
    void answer_incident(incident what, std::optional<int> status = {}, std::string_view why = {});

    void expired();
    void client_failed();
    void log_lost(incident what);
    void refuse_body();
    void drop_attempts() noexcept;
    void retire() noexcept;
    void arm(time_point at) { thread_.loop().arm(timer_, at); }
    time_point now() const noexcept { return thread_.loop().now(); }
    void count(incident what) noexcept;
    void count_response(int status) noexcept;
    void count_try(unsigned end, duration took) noexcept;
    void log();

    thread_resources& thread_;
    exchange_owner& owner_;
    http::server_connection* client_ = nullptr;
    route_state* route_ = nullptr;
    upstream_state* to_ = nullptr;  // the route's own, or that of its fallback
    stage stage_ = stage::unused;
    request_notes notes_;
    std::atomic<std::uint32_t> use_{0};  // which request this is; late wake-ups are known by it

    detail::walk_state state_{call_context{}, detail::step_time{nullptr}};
    std::optional<try_result> result_;
    std::vector<pipeline_part> own_policies_;  // unless the route's serve all requests alike
    std::span<const pipeline_part> policies_;  // those, or the route's; none before they were gathered
    std::optional<detail::dynamic_walk<try_result>> walk_;
    http::deadline timer_{http::on<&proxied_exchange::expired>(this)};  // of the walk, of the race, of a trial
    bool queued_ = false;                                               // waits in a queue, not for an instant
    bool walk_done_ = false;                                            // the policies have heard the end

    // The attempts.
    static constexpr std::size_t most_tried = 8;
    attempt first_;
    std::vector<std::unique_ptr<attempt>> further_;  // that there ever were: of races
    attempt* last_ = &first_;                        // which answered, or else began last
    std::optional<hedge::session> race_;             // until one has won, or all have failed
    std::array<const endpoint*, most_tried> tried_{};
    std::size_t tried_count_ = 0;
    std::uint32_t raced_ = 1;    // attempts of the latest race, so far
    bool interim_sent_ = false;  // to the client, of a response

    // What was read of the request's body, for another try.
    std::string kept_body_;
    bool body_kept_ = true;        // all of it
    std::uint64_t body_size_ = 0;  // of what was read

    bool repeatable_ = true;              // by what was sent so far, the request may be sent again
    std::optional<try_result> replaced_;  // how the route's own upstream failed, once another is asked

    cache_request cache_asked_{};  // of a route that keeps answers
    std::string answer_key_;
    std::shared_ptr<const kept_answer> validated_;  // which the upstream is asked about, rather than for another
    answer_flights::place flight_{*this};
    bool in_flight_ = false;
    std::shared_ptr<kept_answer> copy_;  // of the response, while it is relayed; null when it is not to be kept

    bool chunked_ = false;  // the response goes out in chunks
};

}  // namespace fusebox::gateway
