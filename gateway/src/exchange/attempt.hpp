// One attempt at an endpoint: a connection, the request's bytes, up to the head of its response. An exchange has one at
// a time, and more with a hedge, which race.
//
//   start(order) ─► connecting ─► asking ─► answered ─► its response is read by whoever relays it
//                        └────────────┴──► failed
//
// It gets an order, and tells what happened; each of these is the last thing that it does before it returns, but for
// `interim` and `request_whole`. It judges nothing: it does not know why it is made, or what comes of it.
//
// Thread-safety: none; the thread's own.
#pragma once

#include "exchange/exchange_step.hpp"
#include "exchange/request_body.hpp"
#include "exchange/thread_resources.hpp"
#include "messages/request_notes.hpp"

#include <fusebox/call_context.hpp>
#include <fusebox/http/client_connection.hpp>
#include <fusebox/http/server_connection.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace fusebox::gateway {

struct kept_answer;

// What an attempt is to do. All outlives it.
struct attempt_order {
    http::server_connection* client = nullptr;  // whose request it is
    const route_configuration* route = nullptr;
    upstream_state* to = nullptr;
    request_body* body = nullptr;  // what was read of the request's
    const request_notes* notes = nullptr;
    const kept_answer* validates = nullptr;  // asks whether that answer is still right; null: for another
    call_context* clocks = nullptr;          // moved on by what the client makes it wait
    time_point whole_call_ends{};
    bool keeps_body = false;  // another attempt may need it
};

class attempt;

// Who gives the order.
class attempt_owner {
public:
    // The head of a final response is here, or there will be none.
    virtual void answered(attempt& a, attempt_report how) = 0;
    virtual void failed(attempt& a, const attempt_report& how) = 0;
    // An interim response; the connection has its head.
    virtual void interim(attempt& a) = 0;
    // All of the request's body has been read.
    virtual void request_whole() = 0;
    // The request cannot be read to its end: too large, malformed, or the client is gone or slow.
    virtual void request_broken(incident why) = 0;
    // After the answer: something may have come, or may be sent; or for so long nothing has (await_more()).
    virtual void stirred(attempt& a) = 0;
    virtual void silent(attempt& a) = 0;

protected:
    ~attempt_owner() = default;
};

class attempt {
public:
    attempt(attempt_owner& owner, thread_resources& lends, std::uint32_t n) noexcept
        : number(n), owner_(owner), thread_(lends) {}
    attempt(const attempt&) = delete;
    attempt& operator=(const attempt&) = delete;

    const std::uint32_t number;

    // -- Its endpoint, which may be chosen before it starts.

    void lease(std::optional<balancer::lease> chosen) noexcept { lease_ = std::move(chosen); }
    std::string_view endpoint_name() const noexcept { return endpoint_name_; }
    bool is_trial() const noexcept { return lease_ && lease_->is_trial(); }
    // The endpoint hears how it went.
    void settle(verdict how) {
        if (lease_) lease_->settle(how, now());
        lease_.reset();
    }
    void settle_trial(verdict how) {
        if (lease_) lease_->settle_trial(how, now());
    }

    // -- The request.

    void start(const attempt_order& order);
    // A part of the client's body may have come, and it may have taken what was sent to it.
    void client_ready();

    // -- The response, once answered.

    http::client_connection& connection() noexcept { return *connection_; }
    void await_more(duration idle) { thread_.loop().arm_in(timer_, idle); }
    void pause() noexcept { timer_.disarm(); }
    // Ends with its connection, which may be of use to others.
    void finish(bool reuse) noexcept;
    // Is at nothing and holds nothing.
    void rest() noexcept;
    // Of no request any more.
    void forget() noexcept {
        rest();
        endpoint_name_.clear();
    }

private:
    enum class stage : unsigned char {
        none,
        connecting,
        asking,    // the request goes out; the response's head has not come
        answered,  // it has
    };

    void connect();
    void dial(std::size_t addresses);
    void not_connected(int error);
    void connected();
    void edge();
    void connection_lost();
    void send_head();
    bool send_body();
    void send_parts(std::span<const iovec> parts);
    void finish_body();
    void await_first_byte();
    void await_client();
    void client_came();
    void read_heads();
    bool take_interim();
    void take_head();
    void fail(incident what, bool own_pause = false);
    void expired();
    void drop(bool reuse) noexcept;
    attempt_report report() const noexcept;
    bool may_repeat() const noexcept;
    void arm(time_point at) { thread_.loop().arm(timer_, at); }
    time_point now() const noexcept { return thread_.loop().now(); }
    bool is_untouched() const noexcept { return connection_ == nullptr || connection_->sent() == 0; }

    attempt_owner& owner_;
    thread_resources& thread_;
    http::deadline timer_{http::on<&attempt::expired>(this)};
    std::optional<balancer::lease> lease_;
    std::string endpoint_name_;
    std::unique_ptr<http::client_connection> connection_;

    // All of one order.
    attempt_order order_{};
    stage stage_ = stage::none;
    struct way {
        bool fresh = false;           // the connection was not used before
        bool must_be_fresh = false;   // because a used one has just failed
        bool request_closed = false;  // all of the request is on its way
        bool await_continue = false;  // the body waits for a 100
        bool replay = true;           // it begins with the part of the body that was read before
        std::size_t untried = 0;      // addresses of its name
        std::uint32_t moves = 0;      // of the name, when it was connected to
        time_point began{};
        std::optional<time_point> awaits_client_since{};  // for more of the request's body
    } at_{};
    endpoint_connections* origin_ = nullptr;
};

}  // namespace fusebox::gateway
