// A path with parameters: "/products/{id}/stock" matches "/products/7/stock", and says that id is 7. A parameter is
// one whole segment, and never empty.
//
// Thread-safety: a value.
#pragma once

#include <fusebox/http/message.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fusebox::http {

// `%41` becomes `A`; an escape that is none stays as it is. In queries a plus stands for a blank.
std::string percent_decoded(std::string_view text, bool plus_is_blank = false);

class path_pattern {
public:
    explicit path_pattern(std::string_view text);

    static bool is_one(std::string_view text) noexcept { return text.contains('{'); }
    // The parameters, decoded.
    std::optional<std::vector<field>> match(std::string_view path) const;

    bool operator==(const path_pattern&) const = default;

private:
    std::vector<std::string> segments_;
};

}  // namespace fusebox::http
