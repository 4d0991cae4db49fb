#include <health-check/background_calls.hpp>

#include <health-check/database.hpp>

namespace health_check {

background_calls::background_calls(std::string address, fusebox::duration every)
    : thread_([this, address = std::move(address), every](std::stop_token stop) {
          while (!stop.stop_requested()) {
              // What comes back is the frontend's business, and in its log.
              if (!paused_) (void)client_.get(address, std::chrono::seconds{30}, stop);
              real_pause(every, stop);
          }
      }) {}

}  // namespace health_check
