// One request on its way: from its route, through the route's policies, to an endpoint, and the answer back.
//
// A driver for the machine of core's pipelines (fusebox/detail/walk.hpp), on a reactor: the walk says whether to
// try, to wait or to end; this tries, waits and ends.
//
//   begin ─► walk ─► try: endpoint ─► connection ─► head, body ─► response's head ─┬─► relay ─► done
//              ▲ └► sleep, queue                                                   └─► failed: the walk again
//              └───────────────────────────────────────────────────────────────────────┘
//
// A response is relayed once it is clear that no other try will follow. From then on the policies' clocks no longer
// run: only idle times do.
//
// Exchanges are used again, request after request. Thread-safety: none; but a bulkhead may wake one from anywhere.
#pragma once

#include "plan.hpp"
#include "request_notes.hpp"
#include "try_result.hpp"
#include "worker.hpp"

#include <fusebox/http/client_connection.hpp>
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

class proxied_exchange final : public http::exchange, private detail::waker {
public:
    explicit proxied_exchange(worker& owner) : worker_(owner) {}

    // Serves the request that `client` has. Null when it is answered already.
    http::exchange* begin(http::server_connection& client, route_state& route);

private:
    enum class stage : unsigned char {
        unused,
        waiting,  // for the walk: a backoff, a delay, a queue
        connecting,
        trying,      // the request goes out; the response's head has not come
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
    void end_try(cancel_cause cause = cancel_cause::none);
    void finish();

    // The policies that are this request's own, and the walk through those from the endpoint's breaker on.
    std::span<const pipeline_part> policies_of_request();
    const circuit_breaker* breaker_of_request() const noexcept;
    void choose_endpoint();
    std::uint64_t hash_of_request() const;
    void begin_inner_walk();
    detail::command end_walk(cancel_cause cause);
    detail::command resume_walk();
    detail::command interrupt_walk();
    detail::command from_inner(detail::command c, cancel_cause cause = cancel_cause::none);
    detail::command untried(detail::command c);

    // A try.
    void start_try();
    void connect();
    void connected();
    void upstream_stirred();
    void send_request_head();
    void send_request_body();
    void send_body_part(std::span<const iovec> parts);
    void send_upstream(std::span<const iovec> parts, std::size_t size);
    void await_first_byte();
    void await_client();
    void client_came();
    time_point whole_call_ends() const noexcept {
        return saturating_add(notes_.began, route_->configured.timeout.total);
    }
    void read_heads();
    void take_interim();
    void take_head();
    void connection_lost();
    // `own_pause`: it says nothing of the origin, as we were the ones who were late.
    void try_failed(incident what, bool own_pause = false);
    void drop_connection(bool reuse) noexcept;
    bool may_repeat() const noexcept;

    // Answers that the route keeps.
    std::shared_ptr<const kept_answer> find_kept();
    bool answer_fresh();
    std::shared_ptr<const kept_answer> stale_answer();
    void answer_kept(const kept_answer& kept, std::string_view note);
    void look_at_answer(const http::response_head& head);
    void copy_body(std::span<const iovec> parts);
    void keep_copy();
    void drop_copy() noexcept;

    // What takes an error's place.
    bool has_failed() const noexcept;
    bool fall_back();
    std::string note_fallback();
    void answer_then(const fixed_answer& then);

    // The answer.
    void relay_head(const http::response_head& head);
    void relay_body();
    void go_on_relaying(http::body_status status);
    void send_last_chunk();
    void relayed(bool whole);
    void begin_tunnel();
    void relay_tunnel();
    void answer_incident(incident what);
    void answer_fixed(const fixed_answer& a, std::string_view note);

    void expired();
    void client_failed();
    bool body_too_large() const noexcept { return body_size_ > worker_.serves().configured().limits.body; }
    void refuse_body();
    void give_up(incident why);
    void retire() noexcept;
    void arm(time_point at) { worker_.loop().arm(timer_, at); }
    time_point now() const noexcept { return worker_.loop().now(); }
    void count_response(int status) noexcept;
    void log();

    worker& worker_;
    http::server_connection* client_ = nullptr;
    route_state* route_ = nullptr;
    upstream_state* to_ = nullptr;  // the route's own, or that of its fallback
    stage stage_ = stage::unused;
    request_notes notes_;
    std::atomic<std::uint32_t> use_{0};  // which request this is; late wake-ups are known by it

    detail::walk_state state_{call_context{}, detail::step_time{nullptr}};
    std::optional<try_result> result_;
    std::vector<pipeline_part> own_policies_;                // unless the route's serve all requests alike
    std::optional<detail::dynamic_walk<try_result>> walk_;   // up to the endpoint's choice
    std::optional<detail::dynamic_walk<try_result>> inner_;  // from there on, where an endpoint has its own breaker
    http::deadline timer_{http::on<&proxied_exchange::expired>(this)};
    bool queued_ = false;     // waits in a queue, not for an instant
    bool walk_done_ = false;  // the policies have heard the end

    // The try.
    std::optional<balancer::lease> lease_;
    endpoint_connections* origin_ = nullptr;
    std::unique_ptr<http::client_connection> upstream_;
    time_point try_began_{};
    time_point connect_by_{};
    std::array<const endpoint*, 8> tried_{};
    std::size_t tried_count_ = 0;
    bool fresh_ = false;           // the connection was not used before
    bool must_be_fresh_ = false;   // because a used one has just failed
    bool request_closed_ = false;  // all of the request is on its way
    bool holding_ = false;         // a failed response's head waits for the walk's word
    bool await_continue_ = false;  // the body waits for a 100
    bool upgrade_asked_ = false;

    std::optional<time_point> awaits_client_since_{};  // for more of its body

    // What was read of the request's body, for another try.
    std::string kept_body_;
    bool body_kept_ = true;        // all of it
    std::uint64_t body_size_ = 0;  // of what was read
    bool replay_ = false;          // this try begins with it

    bool repeatable_ = true;              // by what was sent so far, the request may be sent again
    std::optional<try_result> replaced_;  // how the route's own upstream failed, once another is asked

    cache_request cache_asked_{};  // of a route that keeps answers
    std::string answer_key_;
    std::shared_ptr<kept_answer> copy_;  // of the response, while it is relayed; null when it is not to be kept

    bool chunked_ = false;  // the response goes out in chunks
};

}  // namespace fusebox::gateway
