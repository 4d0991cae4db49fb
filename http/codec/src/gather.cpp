#include <fusebox/http/gather.hpp>

namespace fusebox::http {

void gather::add(std::string_view bytes) noexcept {
    if (bytes.empty()) return;
    if (count_ != 0) {
        iovec& last = pieces_[count_ - 1];
        if (static_cast<const char*>(last.iov_base) + last.iov_len == bytes.data()) {
            last.iov_len += bytes.size();
            size_ += bytes.size();
            return;
        }
    }
    if (count_ == most_pieces) {
        complete_ = false;
        return;
    }
    // An iovec serves reading too, hence its pointer to what is not const; nothing is written through it here.
    pieces_[count_++] = {const_cast<char*>(bytes.data()), bytes.size()};
    size_ += bytes.size();
}

void gather::line(std::string_view line, bool has_bare_lf) noexcept {
    if (has_bare_lf && (line.size() < 2 || line[line.size() - 2] != '\r')) {
        add(line.substr(0, line.size() - 1));
        add("\r\n");
    } else {
        add(line);
    }
}

void gather::fields(const field_section& from, field_set without, name_test drops) noexcept {
    for (std::size_t i = 0; i < from.count(); ++i) {
        if (from.dropped(i) || without.contains(from.id(i))) continue;
        if (drops != nullptr && from.id(i) == field_id::other && drops(from.name(i))) continue;
        // A tab beside the digits is what some servers refuse, and others do not see.
        if (from.id(i) == field_id::content_length && from.line(i).find('\t') != std::string_view::npos) {
            add("Content-Length: ");
            add(from.value(i));
            add("\r\n");
            continue;
        }
        line(from.line(i), from.has_bare_lf());
    }
}

void gather::request(const request_head& head, field_set without, name_test drops) noexcept {
    if (head.start_line_forwardable()) {
        line(head.start_line(), head.has_bare_lf());
    } else {
        add(head.method_text());
        add(" ");
        if (head.form() == target_form::absolute) {
            // OPTIONS of a whole server, told to that server (RFC 9112, section 3.2.4).
            const bool is_for_server = head.method() == method_id::options && head.path_and_query().empty();
            if (is_for_server) add("*");
            else if (!head.path_and_query().starts_with('/')) add("/");
        }
        add(head.path_and_query());
        add(" HTTP/1.1\r\n");
    }
    if (head.form() == target_form::absolute && !without.contains(field_id::host)) {
        add("Host: ");
        add(head.authority());
        add("\r\n");
        without.insert(field_id::host);
    }
    fields(head, without, drops);
}

void gather::response(const response_head& head, field_set without) noexcept {
    constexpr std::size_t version_size = 8, status_end = 12;
    const std::string_view start = head.start_line();
    if (start[status_end] != ' ') {  // without a reason, and the space that is due all the same
        add("HTTP/1.1");
        add(start.substr(version_size, status_end - version_size));
        add(" \r\n");
    } else if (head.version() == http_version::v1_1) {
        line(start, head.has_bare_lf());
    } else {
        add("HTTP/1.1");
        line(start.substr(version_size), head.has_bare_lf());
    }
    fields(head, without);
}

chunk_line::chunk_line(std::uint64_t size) noexcept {
    char* at = text_ + sizeof text_;
    *--at = '\n';
    *--at = '\r';
    do {
        *--at = "0123456789abcdef"[size & 15];
        size >>= 4;
    } while (size != 0);
    size_ = static_cast<std::size_t>(text_ + sizeof text_ - at);
}

}  // namespace fusebox::http
