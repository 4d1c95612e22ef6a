//! The C library with the names of BIO_connect(3), standing alone.
