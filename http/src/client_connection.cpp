#include <fusebox/http/client_connection.hpp>
#include <fusebox/http/connection_pool.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string_view>

namespace fusebox::http {

head_status client_connection::read_head() {
    if (is_own_trouble(out_.error())) return head_status::closed;  // nothing will ever come
    for (;;) {
        if (input_.begun()) {
            if (socket_.turn_is_over()) return head_status::blocked;  // many interim heads may lie in the memory
            switch (input_.head().parse(input_.received(), what_, limits_)) {
                case parse_status::complete:
                    loop().spend(reactor::price_of_head);
                    if (!input_.head().interim()) input_.begin_body(input_.head().body());
                    return head_status::complete;
                case parse_status::refused: return head_status::refused;
                default: break;
            }
        }
        if (!socket_.readable()) return socket_.gone() ? head_status::closed : head_status::blocked;
        const transfer t = input_.fill();
        if (t.kind == transfer::blocked) return head_status::blocked;
        if (t.kind == transfer::failed) read_error_ = t.error;
        if (t.kind != transfer::moved) return head_status::closed;
    }
}

duration client_connection::kept_by_origin() const noexcept {
    constexpr std::string_view timeout = "timeout=";
    std::string_view rest = input_.head().find(field_id::keep_alive).value_or("");
    while (!rest.empty()) {
        const std::string_view option = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(rest.size(), option.size() + 1));
        const auto name = option.find_first_not_of(" \t");
        if (name == option.npos || !equal_names(option.substr(name, timeout.size()), timeout)) continue;
        const std::string_view digits = option.substr(name + timeout.size());
        std::uint32_t seconds = 0;
        if (std::from_chars(digits.data(), digits.data() + digits.size(), seconds).ec != std::errc{}) continue;
        return std::chrono::seconds{seconds} - std::chrono::seconds{1};
    }
    return duration::max();
}

void client_connection::stirred_while_resting() {
    if (timer.armed() && !socket_.gone() && !socket_.peer_finished() && !socket_.has_bytes()) return;
    home_->discard(*this);
}

}  // namespace fusebox::http
