// A certificate authority that lasts as long as a test.
#pragma once

#include <gtest/gtest.h>
#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

namespace fusebox::http {

class test_ca {
public:
    test_ca() : key_(EVP_EC_gen("P-256")), certificate_(make("test CA", key_.get(), "", 1)) {
        const int fd = ::mkstemp(file_.data());
        FILE* const out = ::fdopen(fd, "w");
        EXPECT_EQ(PEM_write_X509(out, certificate_.get()), 1);
        std::fclose(out);
    }
    test_ca(const test_ca&) = delete;
    ~test_ca() { ::unlink(file_.c_str()); }

    const std::string& file() const noexcept { return file_; }

    // For a server with a certificate for `name`, "DNS:a.example" or "IP:127.0.0.1", which ends in so many days.
    boost::asio::ssl::context server_context(const std::string& name, int days = 1) const {
        boost::asio::ssl::context context{boost::asio::ssl::context::tls_server};
        const key_ptr key{EVP_EC_gen("P-256")};
        const certificate_ptr certificate = make("test server", key.get(), name, days);
        EXPECT_EQ(SSL_CTX_use_certificate(context.native_handle(), certificate.get()), 1);
        EXPECT_EQ(SSL_CTX_use_PrivateKey(context.native_handle(), key.get()), 1);
        return context;
    }

private:
    struct free_key {
        void operator()(EVP_PKEY* k) const noexcept { EVP_PKEY_free(k); }
    };
    struct free_certificate {
        void operator()(X509* c) const noexcept { X509_free(c); }
    };
    using key_ptr = std::unique_ptr<EVP_PKEY, free_key>;
    using certificate_ptr = std::unique_ptr<X509, free_certificate>;

    // Signed by this CA, whose own it is when no name is given.
    certificate_ptr make(const std::string& subject, EVP_PKEY* key, const std::string& name, int days) const {
        certificate_ptr made{X509_new()};
        X509* const c = made.get();
        X509_set_version(c, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(c), name.empty() ? 1 : 2);
        X509_gmtime_adj(X509_getm_notBefore(c), -3 * 24 * 3600L);
        X509_gmtime_adj(X509_getm_notAfter(c), days * 24 * 3600L);
        X509_set_pubkey(c, key);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(subject.c_str()), -1, -1, 0);
        X509_set_issuer_name(c, X509_get_subject_name(name.empty() ? c : certificate_.get()));
        const bool is_ca = name.empty();
        X509_EXTENSION* const extension =
            X509V3_EXT_conf_nid(nullptr, nullptr, is_ca ? NID_basic_constraints : NID_subject_alt_name,
                                is_ca ? "critical,CA:TRUE" : name.c_str());
        X509_add_ext(c, extension, -1);
        X509_EXTENSION_free(extension);
        EXPECT_GT(X509_sign(c, key_.get(), EVP_sha256()), 0);
        return made;
    }

    const key_ptr key_;
    const certificate_ptr certificate_;
    std::string file_ = "/tmp/fusebox_test_ca_XXXXXX";
};

}  // namespace fusebox::http
