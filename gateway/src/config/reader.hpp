// Reads a document into an object, by the table: what the document says must be in the table, have the right type
// and pass the checks of the options it fills. Private.
#pragma once

#include "config/document.hpp"
#include "config/shape.hpp"

#include <set>
#include <string>
#include <vector>

namespace fusebox::gateway::config {

class reader {
public:
    reader(const node& document, std::string_view file, std::vector<diagnostic>& errors,
           std::map<std::string, origin, std::less<>>& origins)
        : document_(document), file_(file), errors_(errors), origins_(origins) {}

    // Reads the document into `into`, which has the shape `s`.
    void read(const shape& s, void* into) { value(s, document_, into, {}); }

    // The paths of the policies that nothing refers to.
    std::vector<std::string> unused_policies() const;

private:
    void value(const shape& s, const node& n, void* into, const std::string& path);
    void single(const shape& s, const node& n, void* into);
    void section(const shape& s, const node& n, void* into, const std::string& path);
    void one_key(const key& k, const node& n, void* section, const std::string& path);
    void referred(const shape& s, const node& n, void* into, const std::string& path);
    void list(const shape& s, const node& n, void* into, const std::string& path);
    void map(const shape& s, const node& n, void* into, const std::string& path);

    void report_unknown_keys(const shape& s, const node& n);
    void report_option(const shape& s, const node& n, const config_error& e);
    void report(const node& n, std::string message);
    void control(const node& n, std::size_t at);
    void wrong_type(const shape& s, const node& n);

    const node& document_;
    std::string file_;
    std::vector<diagnostic>& errors_;
    std::map<std::string, origin, std::less<>>& origins_;
    std::set<std::string, std::less<>> used_;
    bool silent_ = false;  // in a policy that is read where it is used: its errors are reported where it stands
};

}  // namespace fusebox::gateway::config
