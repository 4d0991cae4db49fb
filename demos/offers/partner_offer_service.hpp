// The partner: has hot offers, as long as it is well.
//
//   GET  /offer/hot              "Hot offer 24:48", after a second
//   POST /offer/status/{code}    from now on /offer/hot answers with this status
//   GET  /health                 200, whatever /offer/hot answers: it is told to, and is no worse for it
//
// For one thread, but for status() and set_status().
#pragma once

#include <stage/environment.hpp>
#include <stage/server.hpp>

#include <boost/asio/awaitable.hpp>

#include <atomic>

namespace offers {

using stage::request;
using stage::response;

struct partner_settings {
    int status = 200;
    fusebox::duration latency = std::chrono::seconds{1};

    // PARTNER_STATUS, PARTNER_LATENCY (in seconds).
    static partner_settings from(stage::environment& env);
};

class partner_offer_service {
public:
    explicit partner_offer_service(partner_settings settings, stage::pause wait = stage::real_pause);

    stage::routes routes();

    int status() const { return status_; }
    void set_status(int status) { status_ = status; }

private:
    boost::asio::awaitable<response> hot_offer();
    response change_status(const request& asked);

    const partner_settings settings_;
    const stage::pause wait_;
    std::atomic<int> status_;
};

}  // namespace offers
