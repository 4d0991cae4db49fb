#include "exchange/request_body.hpp"

#include "exchange/chunks.hpp"

namespace fusebox::gateway {

void request_body::begin(std::uint64_t most, std::size_t room) noexcept {
    kept_.clear();
    size_ = 0;
    most_ = most;
    room_ = room;
    is_kept_ = true;
}

bool request_body::take(std::span<const iovec> parts, bool wanted) {
    const std::size_t more = size_of(parts);
    size_ += more;
    if (size_ > most_) return false;
    if (kept_.size() + more > (wanted ? room_ : 0)) is_kept_ = false;
    if (is_kept_)
        for (const iovec& p : parts) kept_.append(static_cast<const char*>(p.iov_base), p.iov_len);
    return true;
}

}  // namespace fusebox::gateway
