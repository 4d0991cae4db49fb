// fusebox gateway and fusebox proxy: serve until a signal comes. fusebox healthcheck: ask once.
#pragma once

#include <iosfwd>
#include <string>

namespace fusebox::app {

struct gateway_request {
    std::string file;      // "-" is the standard input
    unsigned workers = 0;  // 0: one for each processor
};
// Serves what the file says until SIGTERM or SIGINT, which drain. Returns an exit_code.
int serve_gateway(const gateway_request& request, std::ostream& err);

struct proxy_request {
    std::string listen = ":8080";
    std::string to;  // http://host:port
    std::string admin = "127.0.0.1:9901";
    unsigned workers = 0;
};
// The same, for one upstream, with all defaults and no file.
int serve_proxy(const proxy_request& request, std::ostream& err);

// Asks `url` once, within `seconds`: ok when the answer is 2xx or 3xx, failed otherwise, as HEALTHCHECK of a container
// wants it. Says why not.
int healthcheck(const std::string& url, double seconds, std::ostream& err);

}  // namespace fusebox::app
