// The service that everybody calls, for real: well, or ill in the way it is told.
//
//   GET  /work               200; or 500, or no answer at all
//   POST /condition/{name}   healthy, failing or hanging from now on
//   GET  /calls              how many have reached /work
//
// For one thread, that of its server.
#pragma once

#include <chaos/condition.hpp>
#include <stage/server.hpp>

#include <cstdint>

namespace chaos {

class target {
public:
    stage::routes routes();

private:
    boost::asio::awaitable<stage::response> work();
    stage::response become(const stage::request& asked);

    condition condition_ = condition::healthy;
    std::uint64_t calls_ = 0;
};

}  // namespace chaos
