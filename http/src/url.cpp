#include <fusebox/http/url.hpp>

#include <fusebox/http/authority.hpp>

#include <algorithm>

namespace fusebox::http {

std::expected<url, std::string> url::parse(std::string_view text) {
    const auto refuse = [&](const char* why) { return std::unexpected("'" + std::string(text) + "' " + why); };
    if (!std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; }))
        return refuse("must not contain blanks or control characters, nor letters beyond ASCII; escape them as %20");
    url to;
    std::string_view rest = text;
    if (rest.starts_with("https://")) {
        to.tls = true;
        to.port = 443;
        rest.remove_prefix(8);
    } else if (rest.starts_with("http://")) {
        rest.remove_prefix(7);
    } else {
        return refuse("must begin with http:// or https://");
    }
    if (rest.contains('#')) return refuse("must not have a fragment: leave # and what follows it out");
    const std::string_view named = rest.substr(0, rest.find_first_of("/?"));
    if (named.contains('@')) return refuse("must not have a user name: send an Authorization field");
    const auto read = parse_authority(named);
    if (!read || read->host.empty()) return refuse("must name a host, and maybe a port from 1 to 65535, after ://");
    if (read->port == 0 || named.ends_with(':')) return refuse("must have a port from 1 to 65535 after the colon");
    to.host = read->host;
    to.port = read->port.value_or(to.port);
    to.authority = named;
    rest.remove_prefix(named.size());
    to.target = rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest);
    return to;
}

}  // namespace fusebox::http
