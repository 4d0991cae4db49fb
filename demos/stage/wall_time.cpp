#include <stage/wall_time.hpp>

#include <fmt/chrono.h>

namespace stage {

std::string timestamp() {
    const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
    const auto second = std::chrono::floor<std::chrono::seconds>(now);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(second)),
                       (now - second).count());
}

}  // namespace stage
