//! The BIO_* socket names, laid over the OpenSSL in the process.
