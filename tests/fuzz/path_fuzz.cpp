// Paths: the normal spelling is the one of RFC 3986, step by step; it is its own normal spelling; and no `..` is
// left in it, however a server decodes it.
#include "oracle.hpp"
#include "strict_reference.hpp"

#include <fusebox/http/path.hpp>

namespace {

using namespace fuzz;

std::string decode_unreserved(const std::string& path) {
    static const std::string unreserved = letters_digits + "-._~";
    std::string out;
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (path[i] != '%') {
            out += path[i];
            continue;
        }
        const auto byte = static_cast<char>(std::stoi(path.substr(i + 1, 2), nullptr, 16));
        if (unreserved.find(byte) != unreserved.npos) {
            out += byte;
        } else {
            out += '%';
            for (const char c : path.substr(i + 1, 2)) out += static_cast<char>(c >= 'a' && c <= 'f' ? c - 32 : c);
        }
        i += 2;
    }
    return out;
}

// Section 5.2.4, with the input and the output buffer that it speaks of. Nothing when it climbs above the root.
bool remove_dot_segments(std::string input, std::string& output) {
    while (!input.empty()) {
        if (input.starts_with("/./") || input == "/.") {
            input = "/" + input.substr(input.size() == 2 ? 2 : 3);
        } else if (input.starts_with("/../") || input == "/..") {
            input = "/" + input.substr(input.size() == 3 ? 3 : 4);
            if (output.empty()) return false;
            output.erase(output.rfind('/'));
        } else {
            const auto end = std::min(input.find('/', 1), input.size());
            output += input.substr(0, end);
            input.erase(0, end);
        }
    }
    return true;
}

bool has_dots_when_decoded(std::string path) {
    for (const char* slash : {"%2F", "%5C"}) {
        for (auto at = path.find(slash); at != path.npos; at = path.find(slash)) path.replace(at, 3, "/");
    }
    return (path + "/").find("/../") != std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const exact_buffer given{text_of(data, size)};
    std::vector<char> buffer(size);
    const auto found = fusebox::http::normalise_path(given.view(), buffer);
    if (!found) return 0;
    const std::string path{given.view()}, normal{*found};
    std::string wanted;
    require(only(path, path_set), "what is accepted has no byte that must be escaped", path);
    require(remove_dot_segments(decode_unreserved(path), wanted), "what is accepted stays below the root", path);
    require(normal == wanted, "the normal spelling is the reference's", normal, wanted);
    require(!has_dots_when_decoded(normal), "no dots are left, however it is decoded", normal);
    std::vector<char> again(normal.size());
    require(fusebox::http::normalise_path(normal, again) == normal, "the normal spelling is its own", normal);
    return 0;
}
