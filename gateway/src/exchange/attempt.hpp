// One try at an endpoint, for a request: an endpoint and a connection, the request's bytes, up to the head of its
// response. An exchange has one at a time, and more with a hedge, which race.
//
//   start() ─► connecting ─► asking ─► answered ─┬─► relayed by its exchange
//      │                                         └─► held: a failure, until it is clear that nothing better comes
//      └ begin(): through policies of its own first, where the route has such (route_state::inner_at)
//
// It is the exchange's part, tells it how it ended, and may be started again.
//
// Thread-safety: none; but a bulkhead may wake one from anywhere.
#pragma once

#include "exchange/thread_resources.hpp"
#include "exchange/try_result.hpp"

#include <fusebox/http/client_connection.hpp>

#include <fusebox/detail/dynamic_walk.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace fusebox::gateway {

class proxied_exchange;

class attempt final : private detail::waker {
public:
    enum class stage : unsigned char {
        none,     // not under way
        waiting,  // for its own policies: a delay, a queue
        connecting,
        asking,    // the request goes out; the response's head has not come
        answered,  // it has
    };

    // The first of a race is number 1.
    attempt(proxied_exchange& of, thread_resources& lends, std::uint32_t number) noexcept
        : of_(of), thread_(lends), number_(number) {}

    // Asks an endpoint; the policies are the exchange's, and so are what they judge and their clocks.
    void start(try_result& result, detail::walk_state& state);
    // The same through its own policies, which may refuse it. Its clocks end with those of `outer`.
    void begin(const detail::walk_state& outer);

    // -- For its exchange.

    std::uint32_t number() const noexcept { return number_; }
    bool is_running() const noexcept { return stage_ != stage::none && !ended_; }
    // The failed response in its hands may be passed on.
    bool holds_answer() const noexcept { return ended_ && stage_ == stage::answered; }
    // Whether its outcome decides over more than this request.
    bool is_trial() const noexcept;
    const circuit_breaker* own_breaker() const noexcept;
    std::string_view endpoint_name() const noexcept { return endpoint_name_; }
    try_result& result() noexcept { return *result_; }
    time_point began() const noexcept { return began_; }
    http::client_connection& upstream() noexcept { return *upstream_; }
    // Nothing of the request went out.
    bool is_untouched() const noexcept { return upstream_ == nullptr || upstream_->sent() == 0; }

    // A part of the client's body may have come, and it may have taken what was sent to it.
    void client_ready();
    // Its response is relayed from here on, and only idle times count.
    void stop_clocks() noexcept;
    void await_more(duration idle);
    void pause() noexcept { timer_.disarm(); }
    // Tells its own policies how it ended.
    detail::ending leave(cancel_cause cause);
    // Tells the endpoint.
    void settle();
    // Its response is none that can be used.
    void refuse_answer(incident why) { failed(why); }
    // Tells the breaker and the endpoint, of which it is a trial, how it will end, by the head of its response.
    void settle_trial();
    // Gives up what it is at, without a verdict for anybody.
    void cancel(incident why, cancel_cause cause);
    // Ends with its connection, which may be of use to others.
    void drop(bool reuse) noexcept;
    // Is at nothing and holds nothing, without a word to anybody.
    void rest() noexcept;
    // Of no request any more.
    void retire() noexcept;

private:
    // detail::waker
    void wake() noexcept override;

    void choose_endpoint();
    std::uint64_t hash_of_request() const;
    // Its own policies, with the endpoint's breaker; none when no breaker could answer.
    std::span<const pipeline_part> choose_with_breaker();
    void follow(detail::command c);
    void end_walk(cancel_cause cause);

    void ask();
    void connect();
    void dial(std::size_t addresses);
    void not_connected(int error);
    void connected();
    void stirred();
    void send_head();
    void send_body();
    void send_body_part(std::span<const iovec> parts);
    void send_upstream(std::span<const iovec> parts, std::size_t size);
    void await_first_byte();
    void await_client();
    void client_came();
    void read_heads();
    void take_interim();
    void take_head();
    void connection_lost();
    // `own_pause`: it says nothing of the origin, as we were the ones who were late.
    void failed(incident what, bool own_pause = false);
    void end(cancel_cause cause = cancel_cause::none);
    void expired();
    void arm(time_point at) { thread_.loop().arm(timer_, at); }

    proxied_exchange& of_;
    thread_resources& thread_;
    const std::uint32_t number_;
    stage stage_ = stage::none;
    bool ended_ = false;           // without an answer that is relayed already
    bool walk_over_ = false;       // its own policies refused, or have heard the end
    bool queued_ = false;          // waits in a queue, not for an instant
    bool fresh_ = false;           // the connection was not used before
    bool must_be_fresh_ = false;   // because a used one has just failed
    bool request_closed_ = false;  // all of the request is on its way
    bool await_continue_ = false;  // the body waits for a 100
    bool replay_ = false;          // it begins with the part of the body that was read before

    try_result* result_ = nullptr;          // its own, or that of its exchange
    detail::walk_state* state_ = nullptr;   // likewise
    std::optional<try_result> own_result_;  // where it has policies of its own
    detail::walk_state own_state_{call_context{}, detail::step_time{nullptr}};
    std::vector<pipeline_part> own_policies_;  // where one is its endpoint's breaker
    std::optional<detail::dynamic_walk<try_result>> walk_;

    http::deadline timer_{http::on<&attempt::expired>(this)};
    std::optional<balancer::lease> lease_;
    std::string endpoint_name_;
    endpoint_connections* origin_ = nullptr;
    std::size_t untried_ = 0;  // addresses of its name
    std::uint32_t moves_ = 0;  // of the name, when it was connected to
    std::unique_ptr<http::client_connection> upstream_;
    time_point began_{};
    std::optional<time_point> awaits_client_since_{};  // for more of the request's body
};

}  // namespace fusebox::gateway
