// HTTP/1 once more, as plainly as can be: whole messages, strings, copies; the grammar of RFC 9112 line by line.
//
// It shares nothing with the codec but the RFC. What the codec accepts must be accepted here, with the same
// framing. It may accept more: names of hosts that only RFC 3986 allows, and expectations.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fuzz {

struct reference_message {
    std::string first, second, third;  // of the start line
    std::vector<std::pair<std::string, std::string>> fields;
    std::string framing;  // "none", "chunked", "close", or digits
    std::size_t size = 0;
};

inline const std::string letters_digits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
inline const std::string token_set = letters_digits + "!#$%&'*+-.^_`|~";
inline const std::string path_set =
    letters_digits + "-._~!$&'()*+,;=:@%/" + "[]^|";  // the last four as browsers send them
inline const std::string query_set = path_set + "?{}`\\";
inline const std::string host_set = letters_digits + "-._~!$&'()*+,;=%:[]";

inline bool only(const std::string& text, const std::string& set) {
    return text.find_first_not_of(set) == text.npos;
}
inline std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    return text;
}
inline std::string trim(const std::string& text) {
    const auto begin = text.find_first_not_of(" \t");
    return begin == text.npos ? "" : text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}
inline bool has_control(const std::string& text) {
    return std::any_of(text.begin(), text.end(), [](unsigned char c) { return (c < 32 && c != 9) || c == 127; });
}

// The lines before the empty one; nothing if there is none, or if CR or LF stand anywhere else.
inline std::optional<std::vector<std::string>> reference_lines(const std::string& text, std::size_t& size) {
    std::vector<std::string> lines;
    for (std::size_t at = 0;;) {
        const auto end = text.find("\r\n", at);
        if (end == text.npos) return std::nullopt;
        const std::string line = text.substr(at, end - at);
        at = end + 2;
        size = at;
        if (line.empty()) return lines;
        if (has_control(line)) return std::nullopt;
        lines.push_back(line);
    }
}

inline bool reference_fields(const std::vector<std::string>& lines, std::size_t first, bool may_have_space,
                             reference_message& message) {
    for (std::size_t i = first; i < lines.size(); ++i) {
        const auto colon = lines[i].find(':');
        if (colon == std::string::npos) return false;
        std::string name = lines[i].substr(0, colon);
        if (may_have_space && name.find_first_of(" \t") != 0) name = trim(name);
        if (name.empty() || !only(name, token_set)) return false;
        message.fields.emplace_back(name, trim(lines[i].substr(colon + 1)));
    }
    return message.fields.size() <= 100;
}

inline std::vector<std::string> values_of(const reference_message& message, const std::string& name) {
    std::vector<std::string> values;
    for (const auto& [n, v] : message.fields) {
        if (lower(n) == name) values.push_back(v);
    }
    return values;
}

// "none" where no field says anything.
inline bool reference_framing(reference_message& message, bool is_1_0) {
    const auto lengths = values_of(message, "content-length"), codings = values_of(message, "transfer-encoding");
    message.framing = "none";
    if (!codings.empty()) {
        message.framing = "chunked";
        return codings.size() == 1 && lower(codings[0]) == "chunked" && lengths.empty() && !is_1_0;
    }
    for (const std::string& length : lengths) {
        if (length.empty() || !only(length, "0123456789") || std::stold(length) != std::stold(lengths[0])) return false;
        if (std::stoull(length) > 9'223'372'036'854'775'807U) return false;
        message.framing = std::to_string(std::stoull(length));
    }
    return true;
}

inline bool reference_target(const std::string& method, const std::string& target) {
    if (target == "*") return method == "OPTIONS";
    std::string rest = target;
    if (rest[0] != '/') {
        const std::string scheme = lower(rest.substr(0, rest.find("://")));
        if ((scheme != "http" && scheme != "https") || rest.find("://") == rest.npos) return false;
        rest.erase(0, scheme.size() + 3);
        const std::string authority = rest.substr(0, rest.find_first_of("/?"));
        if (authority.empty() || !only(authority, host_set)) return false;
        rest.erase(0, authority.size());
    }
    const auto question = std::min(rest.find('?'), rest.size());
    return only(rest.substr(0, question), path_set) && only(rest.substr(question), query_set);
}

inline std::optional<reference_message> reference_request(std::string text) {
    reference_message message;
    const std::size_t skipped = text.compare(0, 2, "\r\n") == 0 ? 2 : 0;
    text.erase(0, skipped);
    const auto lines = reference_lines(text, message.size);
    message.size += skipped;
    if (!lines || lines->empty() || message.size > 32768) return std::nullopt;
    const std::string& line = lines->front();
    const auto one = line.find(' '), two = line.find(' ', one + 1);
    if (one == line.npos || two == line.npos || line.find(' ', two + 1) != line.npos || line.size() > 8192)
        return std::nullopt;
    message.first = line.substr(0, one);
    message.second = line.substr(one + 1, two - one - 1);
    message.third = line.substr(two + 1);
    if (message.first.empty() || !only(message.first, token_set) || message.first == "CONNECT") return std::nullopt;
    if (message.third != "HTTP/1.1" && message.third != "HTTP/1.0") return std::nullopt;
    if (message.second.empty() || !reference_target(message.first, message.second)) return std::nullopt;
    if (!reference_fields(*lines, 1, false, message)) return std::nullopt;
    const bool is_1_0 = message.third == "HTTP/1.0";
    const auto hosts = values_of(message, "host");
    if (hosts.size() > 1 || (hosts.empty() && !is_1_0)) return std::nullopt;
    if (!hosts.empty() && (hosts[0].empty() || !only(hosts[0], host_set))) return std::nullopt;
    if (!reference_framing(message, is_1_0)) return std::nullopt;
    return message;
}

inline std::optional<reference_message> reference_response(std::string text, bool to_head, bool upgrade_asked) {
    // Folds first, within the head only: the space that follows belongs to the line before.
    for (std::size_t at = text.find("\r\n"); at != text.npos && at + 2 < text.size(); at = text.find("\r\n", at)) {
        if (text.compare(at, 4, "\r\n\r\n") == 0) break;
        const bool is_fold = (text[at + 2] == ' ' || text[at + 2] == '\t') && at != text.find("\r\n");
        if (is_fold) text[at] = text[at + 1] = ' ';
        at += is_fold ? 0 : 2;
    }
    reference_message message;
    const auto lines = reference_lines(text, message.size);
    if (!lines || lines->empty() || message.size > 32768) return std::nullopt;
    const std::string& line = lines->front();
    if (line.size() < 12 || line.size() > 8192 || line[8] != ' ') return std::nullopt;
    if (line.size() > 12 && line[12] != ' ') return std::nullopt;
    message.first = line.substr(0, 8);
    message.second = line.substr(9, 3);
    message.third = line.substr(std::min<std::size_t>(13, line.size()));
    if (message.first != "HTTP/1.1" && message.first != "HTTP/1.0") return std::nullopt;
    if (!only(message.second, "0123456789") || message.second < "100" || message.second > "599") return std::nullopt;
    if (message.second == "101" && !upgrade_asked) return std::nullopt;
    if (!reference_fields(*lines, 1, true, message)) return std::nullopt;
    if (!reference_framing(message, message.first == "HTTP/1.0")) return std::nullopt;
    const bool bodyless = to_head || message.second < "200" || message.second == "204" || message.second == "304";
    if (bodyless) message.framing = "none";
    else if (message.framing == "none") message.framing = "close";
    return message;
}

struct reference_body {
    std::string data;
    std::size_t size = 0;  // to the end of the trailer section
    std::vector<std::pair<std::string, std::string>> trailers;
};

// Extensions are held to their bytes only, not to their grammar.
inline std::optional<reference_body> reference_chunked(const std::string& text) {
    reference_body body;
    for (std::size_t at = 0;;) {
        const auto end = text.find("\r\n", at);
        if (end == text.npos) return std::nullopt;
        const std::string line = text.substr(at, end - at);
        const std::string digits = line.substr(0, line.find_first_of("; \t"));
        if (digits.empty() || digits.size() > 16 || !only(digits, "0123456789abcdefABCDEF") || has_control(line))
            return std::nullopt;
        const std::uint64_t size = std::stoull(digits, nullptr, 16);
        at = end + 2;
        if (size == 0) {
            reference_message trailer;
            const std::string rest = text.substr(at);
            const auto lines = reference_lines(rest, trailer.size);
            if (!lines || !reference_fields(*lines, 0, false, trailer)) return std::nullopt;
            body.size = at + trailer.size;
            body.trailers = trailer.fields;
            return body;
        }
        if (size > text.size() - at || text.compare(at + size, 2, "\r\n") != 0) return std::nullopt;
        body.data += text.substr(at, size);
        at += size + 2;
    }
}

}  // namespace fuzz
