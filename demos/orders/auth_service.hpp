// Who a token belongs to. Knows the demo's customers, and forgets nothing, since it has nothing to remember.
//
//   GET /auth/validate   with "Authorization: Bearer <token>": 200 {"customer_id":1}, or 401
#pragma once

#include <stage/server.hpp>

namespace orders {

class auth_service {
public:
    stage::routes routes();
};

}  // namespace orders
