// Sends mail, or would: it keeps the last hundred in memory, for whoever wants to look.
//
//   POST /notifications/email   {"to":…,"subject":…,"content":…}: 200 {"status":"sent"}. The same Idempotency-Key again
//                               sends nothing again
//   GET  /notifications         200, what was sent, the newest last
//
// For one thread.
#pragma once

#include <orders/json_body.hpp>

#include <deque>

namespace orders {

class notification_service {
public:
    stage::routes routes();

private:
    struct mail {
        std::string key, to, subject, content;
    };

    response send(const request& asked);
    response list() const;

    std::deque<mail> sent_;
};

}  // namespace orders
