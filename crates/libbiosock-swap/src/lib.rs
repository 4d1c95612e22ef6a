//! The BIO_* socket names, in place of OpenSSL's own object files.
