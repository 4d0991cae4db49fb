// A YAML document as a tree that remembers where everything stood. Stricter than YAML: no duplicate keys, no
// anchors, no tags, one document; what the author meant must be what everybody reads. Private.
#pragma once

#include <fusebox/gateway/configuration_file.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fusebox::gateway::config {

struct node {
    enum class kind : unsigned char { null, scalar, sequence, mapping };

    kind what = kind::null;
    std::string key{};  // in the mapping it is in
    text_position key_at{};
    text_position at{};
    std::string path{};            // where it is in the document: "routes[0].retry"
    std::string text{};            // of a scalar, variables replaced
    bool quoted = false;           // written in quotes, or as a block
    std::string variable{};        // the first variable replaced in it
    std::string ends_line{};       // a variable in it whose value ends with a line end
    std::vector<node> children{};  // of a mapping or sequence

    const node* find(std::string_view name) const noexcept;
};

// The document's tree, without what is wrong, which is added to `errors`; a null when it is no YAML at all.
node read_document(std::string_view text, std::string_view file, const environment& variables,
                   std::vector<diagnostic>& errors);

// `text` in quotes as part of a message: shortened, and without control characters.
std::string in_quotes(std::string_view text);

// The first control character of `text`, if there is one: a byte below 0x20, 0x7f, or one of U+0080 to U+009F. With
// `lines`, a tab and the ends of lines are none.
std::optional<std::size_t> control_character(std::string_view text, bool lines = false) noexcept;

}  // namespace fusebox::gateway::config
