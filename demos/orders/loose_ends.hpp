// What orders left undone, for later: stock to give back, orders to cancel, confirmations to send. All of it may be
// done twice without harm, so it is tried until it is done.
//
// Give-backs are kept in memory: they are lost with the process. Confirmations wait in the order-service's database,
// and are looked for when this starts, and after one could not be sent.
//
// For one thread, that of the services.
#pragma once

#include <orders/guarded_services.hpp>
#include <orders/order_store.hpp>

#include <deque>
#include <set>
#include <string>

namespace orders {

// Where the services are: the seed's hosts unless AUTH_URL, PRODUCT_URL, … say otherwise.
struct service_urls {
    std::string auth = "http://auth-service:8001";
    std::string product = "http://product-service:8002";
    std::string customer = "http://customer-service:8003";
    std::string cart = "http://cart-service:8004";
    std::string order = "http://order-service:8005";
    std::string notification = "http://notification-service:8006";

    // `usual` are where they are when the environment does not say.
    static service_urls from(stage::environment& env, const service_urls& usual);
};

class loose_ends {
public:
    loose_ends(guarded_services& services, const service_urls& urls, guarded_services::log_sink log);

    // DELETE on a service.
    struct undoing {
        std::string service, base_url, path;
    };
    // Tried at once, and again with each round until the service has done it.
    void undo(undoing what) { undoings_.push_back(std::move(what)); }
    // A confirmation stayed in the outbox.
    void confirmation_waits() { look_into_outbox_ = true; }

    // Tries all of it once. Costs nothing when there is nothing to do.
    boost::asio::awaitable<void> round();
    boost::asio::awaitable<void> undo_all();
    // Sends the confirmation of an order, and takes it out of the outbox; otherwise why not.
    boost::asio::awaitable<std::expected<void, std::string>> confirm(confirmation what);

    std::size_t undone_so_far() const { return undoings_.size(); }

private:
    boost::asio::awaitable<void> empty_outbox();
    boost::asio::awaitable<bool> confirm_all(json waiting);
    boost::asio::awaitable<std::expected<void, std::string>> send(confirmation what);

    guarded_services& services_;
    const service_urls& urls_;
    const guarded_services::log_sink log_;
    std::deque<undoing> undoings_;
    std::set<std::int64_t> being_sent_;  // confirmations, by their orders
    bool look_into_outbox_ = true;       // an earlier process may have left something
};

}  // namespace orders
