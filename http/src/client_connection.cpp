#include <fusebox/http/client_connection.hpp>
#include <fusebox/http/connection_pool.hpp>

namespace fusebox::http {

head_status client_connection::read_head() {
    for (;;) {
        if (input_.begun()) {
            switch (input_.head().parse(input_.received(), what_, limits_)) {
                case parse_status::complete:
                    if (!input_.head().interim()) input_.begin_body(input_.head().body());
                    return head_status::complete;
                case parse_status::refused: return head_status::refused;
                default: break;
            }
        }
        if (!socket_.readable()) return socket_.gone() ? head_status::closed : head_status::blocked;
        const transfer t = input_.fill();
        if (t.kind == transfer::blocked) return head_status::blocked;
        if (t.kind != transfer::moved) return head_status::closed;
    }
}

void client_connection::stirred_while_resting() {
    if (timer.armed() && !socket_.gone() && !socket_.peer_finished() && !socket_.has_bytes()) return;
    home_->discard(*this);
}

}  // namespace fusebox::http
