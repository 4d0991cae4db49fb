#include "config/document.hpp"

#include "substitution.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <sstream>

namespace fusebox::gateway::config {

namespace {

constexpr std::size_t longest_text = 4 * 1024 * 1024;
constexpr std::size_t deepest = 24;  // more than the table has

text_position position(const YAML::Mark& mark) {
    return {static_cast<std::uint32_t>(mark.line + 1), static_cast<std::uint32_t>(mark.column + 1)};
}

// Stops yaml-cpp when nothing sensible can follow.
struct hopeless {};

class builder final : public YAML::EventHandler {
public:
    builder(std::string_view file, const environment& variables, std::vector<diagnostic>& errors)
        : file_(file), variables_(variables), errors_(errors) {}

    node take() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (++documents_ < 2) return;
        refuse(position(mark), {}, "a second document begins here; a configuration is one document");
        throw hopeless{};
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { add(mark, node::kind::null); }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        refuse_anchor(position(mark));
        add(mark, node::kind::null);
    }
    void OnAnchor(const YAML::Mark& mark, const std::string&) override { refuse_anchor(position(mark)); }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& value) override {
        if (expects_key()) {
            next_key(position(mark), value);
            return;
        }
        node& made = add(mark, node::kind::scalar);
        check_tag(made, tag);
        made.quoted = tag == "!";
        made.text = value;
        replace_variables(made);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                         YAML::EmitterStyle::value) override {
        begin(mark, tag, node::kind::sequence);
    }
    void OnSequenceEnd() override { end(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                    YAML::EmitterStyle::value) override {
        begin(mark, tag, node::kind::mapping);
    }
    void OnMapEnd() override { end(); }

private:
    // The collections that are open. `node*` stay valid: a collection grows only while it is the innermost.
    struct open_collection {
        node* at;
        bool has_key = false;
        std::string key{};
        text_position key_at{};
        bool duplicate = false;
    };

    bool expects_key() const {
        return !open_.empty() && open_.back().at->what == node::kind::mapping && !open_.back().has_key;
    }

    void next_key(text_position at, const std::string& key) {
        open_collection& in = open_.back();
        in.has_key = true;
        in.key = key;
        in.key_at = at;
        in.duplicate = false;
        if (key == "<<") refuse_anchor(at);
        if (key.find("${") != std::string::npos)
            refuse(at, child_path(in), "variables are not read in names; write the name itself");
        if (const node* first = in.at->find(key)) {
            refuse(at, child_path(in),
                   "is there twice, first in line " + std::to_string(first->key_at.line) + "; remove one of the two");
            in.duplicate = true;
        }
    }

    static std::string child_path(const open_collection& in) {
        if (in.at->what == node::kind::sequence)
            return in.at->path + "[" + std::to_string(in.at->children.size()) + "]";
        return in.at->path.empty() ? in.key : in.at->path + "." + in.key;
    }

    node& add(const YAML::Mark& mark, node::kind what) {
        node made;
        made.what = what;
        made.at = position(mark);
        if (open_.empty()) return root_ = std::move(made);
        if (expects_key()) {
            refuse(made.at, open_.back().at->path, "a key must be a plain word");
            throw hopeless{};
        }
        open_collection& in = open_.back();
        made.path = child_path(in);
        made.key = in.key;
        made.key_at = in.key_at;
        in.has_key = false;
        if (in.duplicate) return discarded_.emplace_back(std::move(made));
        return in.at->children.emplace_back(std::move(made));
    }

    void begin(const YAML::Mark& mark, const std::string& tag, node::kind what) {
        if (open_.size() == deepest) {
            refuse(position(mark), open_.back().at->path, "is nested too deeply");
            throw hopeless{};
        }
        node& made = add(mark, what);
        check_tag(made, tag);
        open_.push_back({&made});
    }
    void end() { open_.pop_back(); }

    void check_tag(const node& at, const std::string& tag) {
        if (tag.empty() || tag == "?" || tag == "!") return;
        refuse(at.at, at.path, "has the tag " + in_quotes(tag) + "; tags are not read, remove it");
    }
    void refuse_anchor(text_position at) {
        refuse(at, open_.empty() ? "" : open_.back().at->path,
               "anchors, aliases and merge keys (&, *, <<) are not read; give the policy a name under `policies` and "
               "write that name where it is used");
    }
    void refuse(text_position at, std::string path, std::string message) {
        errors_.push_back({file_, at, std::move(path), std::move(message)});
    }

    void replace_variables(node& in);

    std::string file_;
    const environment& variables_;
    std::vector<diagnostic>& errors_;
    node root_;
    std::deque<node> discarded_;  // the later ones of duplicates
    std::vector<open_collection> open_;
    int documents_ = 0;
};

void builder::replace_variables(node& in) {
    auto found = substitute(in.text, variables_);
    if (!found) return refuse(in.at, in.path, std::move(found).error());
    in.text = std::move(found->text);
    in.variable = std::move(found->variable);
    in.ends_line = std::move(found->ends_line);
}

}  // namespace

const node* node::find(std::string_view name) const noexcept {
    if (what != kind::mapping) return nullptr;
    const auto found = std::find_if(children.begin(), children.end(), [&](const node& c) { return c.key == name; });
    return found == children.end() ? nullptr : &*found;
}

node read_document(std::string_view text, std::string_view file, const environment& variables,
                   std::vector<diagnostic>& errors) {
    if (text.size() > longest_text) {
        errors.push_back({std::string{file}, {}, "", "is longer than 4 MiB; that is no configuration"});
        return {};
    }
    if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
        const auto line = 1 + std::count(text.begin(), text.begin() + std::ptrdiff_t(nul), '\n');
        errors.push_back({std::string{file}, {std::uint32_t(line), 1}, "", "has a NUL byte; is it a text file?"});
        return {};
    }
    builder build{file, variables, errors};
    try {
        std::istringstream stream{std::string{text}};
        YAML::Parser parser{stream};
        while (parser.HandleNextDocument(build)) {}
    } catch (const hopeless&) {
        return {};  // why is said already; what misses in half a document is no fault
    } catch (const YAML::Exception& e) {
        errors.push_back({std::string{file}, position(e.mark), "", "is not YAML: " + e.msg});
        return {};
    }
    return build.take();
}

std::string in_quotes(std::string_view text) {
    constexpr std::size_t most = 60;
    std::string out = "\"";
    for (const char c : text.substr(0, most)) {
        const auto u = static_cast<unsigned char>(c);
        if (u < 0x20 || u == 0x7f) {
            char hex[8];
            std::snprintf(hex, sizeof hex, "\\x%02x", u);
            out += hex;
        } else {
            if (c == '"' || c == '\\') out += '\\';
            out += c;
        }
    }
    return out + (text.size() > most ? "…\"" : "\"");
}

std::optional<std::size_t> control_character(std::string_view text, bool lines) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto u = static_cast<unsigned char>(text[i]);
        if (lines && (u == '\t' || u == '\n' || u == '\r')) continue;
        if (u < 0x20 || u == 0x7f) return i;
        const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
        if (u == 0xc2 && next >= 0x80 && next < 0xa0) return i;  // as UTF-8 writes them
    }
    return std::nullopt;
}

}  // namespace fusebox::gateway::config
