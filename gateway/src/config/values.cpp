#include "config/values.hpp"

#include "config/document.hpp"

#include <fusebox/http/authority.hpp>

namespace fusebox::gateway::config {

namespace {

constexpr const char* duration_pattern = "^[0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h|d)$";
constexpr const char* size_pattern = "^[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|kB|MB|GB)$";

// A value that may also be `none`, which stands for `unlimited`.
template <class T>
shape_of<T> or_none(shape_of<T> s, T unlimited) {
    s.type += " or none";
    s.pattern = "^none$|" + s.pattern;
    s.read = [read = s.read, unlimited](std::string_view text, void* into) -> std::string {
        if (text != "none") return read(text, into);
        *static_cast<T*>(into) = unlimited;
        return {};
    };
    return s;
}

}  // namespace

shape_of<duration> duration_value() {
    return single<duration>(shape::kind::text, "duration", duration_pattern, read_duration, write_duration);
}

shape_of<duration> duration_or_none() {
    return or_none(duration_value(), duration::max());
}

shape_of<double> percentage() {
    return single<double>(shape::kind::text, "percentage", "^(100(\\.0+)?|[0-9]{1,2}(\\.[0-9]+)?)%$", read_percentage,
                          write_percentage);
}

shape_of<std::uint64_t> size_value() {
    return single<std::uint64_t>(shape::kind::text, "size", size_pattern, read_size, write_size);
}

shape_of<std::uint64_t> size_or_none() {
    return or_none(size_value(), message_limits::unlimited);
}

shape_of<bool> boolean() {
    return single<bool>(
        shape::kind::boolean, "true or false", "",
        [](std::string_view t) -> reading<bool> {
            if (t == "true" || t == "false") return t == "true";
            return std::unexpected{in_quotes(t) + " is neither true nor false; write one of these two"};
        },
        [](bool b) { return b ? "true" : "false"; });
}

shape_of<double> number(double least, double most) {
    auto s = single<double>(
        shape::kind::number, "number", "",
        [=](std::string_view t) -> reading<double> {
            auto value = read_number(t);
            if (value && (*value < least || *value > most))
                return std::unexpected{std::string{t} + " must be between " + write_number(least) + " and " +
                                       write_number(most)};
            return value;
        },
        write_number);
    s.least = least;
    s.most = most;
    return s;
}

shape_of<std::string> text(std::string type) {
    auto s = single<std::string>(
        shape::kind::text, std::move(type), "", [](std::string_view t) { return reading<std::string>{std::string{t}}; },
        [](const std::string& t) { return t; });
    s.free_text = true;
    return s;
}

shape_of<std::string> lines() {
    auto s = text("text");
    s.has_lines = true;
    return s;
}

shape_of<std::string> matching(std::string type, std::string pattern, bool (*good)(std::string_view), std::string how) {
    auto s = single<std::string>(
        shape::kind::text, std::move(type), std::move(pattern),
        [good, how](std::string_view t) -> reading<std::string> {
            if (good(t)) return std::string{t};
            return std::unexpected{in_quotes(t) + " " + how};
        },
        [](const std::string& t) { return t; });
    s.free_text = true;
    return s;
}

shape_of<std::string> authority() {
    return matching(
        "text", "^[^ /?#@]+$",
        [](std::string_view text) { return http::parse_authority(text).has_value() && !is_old_notation(text); },
        "is no Host; write it such as orders.local or orders.local:8080");
}

shape_of<socket_address> address() {
    return single<socket_address>(shape::kind::text, "address", "^([A-Za-z0-9._-]*|\\[[0-9A-Fa-f:.]+\\]):[0-9]{1,5}$",
                                  read_address, write_address);
}

shape_of<address_range> range() {
    return single<address_range>(shape::kind::text, "address range", "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$", read_range,
                                 write_range);
}

shape_of<status_range> status() {
    auto s = single<status_range>(shape::kind::text, "status", "^[1-5]xx$", read_status, write_status);
    s.least = 100;
    s.most = 599;
    return s;
}

shape_of<window_options> window() {
    return single<window_options>(shape::kind::text, "duration or number of calls",
                                  "^([0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h|d)|[1-9][0-9]* calls)$", read_window,
                                  write_window);
}

shape_of<request_key> key_of_request() {
    return single<request_key>(shape::kind::text, "client_ip, path or header:NAME",
                               "^(client_ip(/[0-9]{1,3})?|path|header:.+)$", read_request_key, write_request_key);
}

shape_of<breaker_scope> scope() {
    return single<breaker_scope>(shape::kind::text, "route, upstream, endpoint or header:NAME",
                                 "^(route|upstream|endpoint|header:.+)$", read_scope, write_scope);
}

}  // namespace fusebox::gateway::config
